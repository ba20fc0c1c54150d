"""The embedded stack: PostgreSQL, the services and the gateway as supervised processes of one machine."""
