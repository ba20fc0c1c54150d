"""Row-level security, table by table: whatever belongs to a user cannot be seen without saying whose rows are meant.

The list of tables is read from the database, so that a new table cannot be forgotten.
"""

import asyncpg
import pytest

OWNED = """
    SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attname IN ('user_id', 'owner_id') AND NOT a.attisdropped
    )"""
# Read before anybody is known: that is how a login finds out who it is.
WITHOUT = {
    "portfolio": {"users", "token_families", "oidc_identities", "user_keys"},
    "marketdata": set(),
    "risk": set(),
}


@pytest.mark.parametrize("service", WITHOUT)
async def test_what_belongs_to_a_user_is_secured_by_row(service, database_url, admin_url):
    connection = await asyncpg.connect(admin_url(database_url(service)))
    try:
        tables = dict(map(tuple, await connection.fetch(OWNED, service)))
    finally:
        await connection.close()
    assert tables, "every schema has something of its users"
    assert {name for name, secured in tables.items() if not secured} == WITHOUT[service]
