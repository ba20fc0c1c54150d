"""From the released schema to the one with accounts complete, and back, with users in it."""

import uuid

import asyncpg
import pytest

from chassis.migrations import downgrade, migrate
from chassis.roles import create_database, create_roles

BEFORE, AFTER = "0002", "0005"


@pytest.fixture
async def database(postgres):
    """A database with the released schema and a user with a portfolio."""
    url = await create_database(postgres.admin_url(), f"released_{uuid.uuid4().hex[:8]}")
    await create_roles(url, ["portfolio"])
    await migrate(url, "portfolio", BEFORE)
    connection = await asyncpg.connect(url, server_settings={"search_path": "portfolio"})
    await connection.execute("""
        INSERT INTO users (user_id, email, display_name, password_hash, role, created_time)
        VALUES (gen_random_uuid(), 'ann@example.com', 'Ann', '$argon2id$', 'member', now());
        INSERT INTO portfolios (portfolio_id, owner_id, name, base_currency, revision, created_time)
        SELECT gen_random_uuid(), user_id, 'Core', 'USD', 1, now() FROM users""")
    yield url, connection
    await connection.close()
    admin = await asyncpg.connect(postgres.admin_url())
    await admin.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')
    await admin.close()


async def test_users_come_through_both_ways(database):
    url, connection = database
    held = "SELECT email, display_name, password_hash, role, name FROM users JOIN portfolios ON owner_id = user_id"
    before = await connection.fetch(held)
    assert await migrate(url, "portfolio", AFTER) == AFTER
    assert await connection.fetch(held) == before
    tier, verified = await connection.fetchrow("SELECT tier, email_verified_time FROM users")
    assert (tier, verified) == ("registered", None), "nobody has proved the address of an account from before"
    await connection.execute("""
        INSERT INTO users (user_id, email, display_name, role, created_time)
        VALUES (gen_random_uuid(), 'oidc@example.com', '', 'member', now())""")
    assert await downgrade(url, "portfolio", BEFORE) == BEFORE
    assert await connection.fetch(held) == before
    # An older version would take an empty hash for one that some password has.
    assert await connection.fetchval("SELECT password_hash FROM users WHERE email = 'oidc@example.com'") == "!"
    assert await migrate(url, "portfolio") is not None


async def test_the_released_schema_leaves_no_events_of_its_own(database):
    url, connection = database
    await migrate(url, "portfolio", AFTER)
    assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
    await connection.execute("DELETE FROM users")
    (event,) = await connection.fetch("SELECT kind FROM outbox")
    assert event["kind"] == "portfolio_deleted"
