"""PostgreSQL: tables and repositories."""
