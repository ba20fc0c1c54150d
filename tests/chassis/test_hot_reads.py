"""Hot reads: the same role, row-level security and failures as a transaction, on the driver itself."""

import asyncio
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import bindparam, column, select, table, text

from chassis.database import Database
from chassis.errors import Unavailable
from chassis.hot_reads import HotRead, reading

USER = "6f1b2c1e-1111-4222-8333-444455556666"
SETTING = "SELECT current_setting('plimsoll.user_id', true)"


@pytest.fixture
async def database(database_url: Callable[[str], str]):
    database = Database(database_url("portfolio"), "portfolio", pool_size=1)
    yield database
    await database.close()


async def test_the_user_and_role_hold_within_and_not_after(database: Database):
    async with reading(database, USER) as connection:
        assert await connection.fetchval(SETTING) == USER
        assert await connection.fetchval("SELECT current_user") == "portfolio_app"
    async with database.transaction() as after:  # the pool has one connection: it is the same one
        assert not await after.scalar(text(SETTING))


async def test_nothing_can_be_written(database: Database):
    with pytest.raises(Exception, match="read-only"):
        async with reading(database, USER) as connection:
            await connection.execute("DELETE FROM portfolios")
    async with reading(database, USER) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_statement_takes_its_values_by_name(database: Database):
    users = table("users", column("email"), column("role"))
    wanted = HotRead(
        select(users.c.email).where(users.c.role == bindparam("role"), users.c.email == bindparam("email"))
    )
    async with reading(database, USER) as connection:
        assert await wanted.fetch(connection, email="nobody", role="admin") == []


async def test_what_is_no_uuid_never_reaches_the_database(database: Database):
    with pytest.raises(ValueError, match="UUID"):
        async with reading(database, "'; DROP TABLE users; --"):
            pass
    async with reading(database, str(uuid.uuid4())) as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 0


async def test_a_cancelled_read_leaves_the_pool_usable(database: Database):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), reading(database, USER) as connection:
            await connection.execute("SELECT pg_sleep(30)")
    async with reading(database, USER) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_dead_connection_is_unavailable_and_the_next_is_fine(database: Database, admin_url, database_url):
    import asyncpg

    async with reading(database, USER) as connection:
        process = await connection.fetchval("SELECT pg_backend_pid()")
    admin = await asyncpg.connect(
        admin_url(str(database.engine.url.render_as_string(hide_password=False)).replace("+asyncpg", ""))
    )
    await admin.execute("SELECT pg_terminate_backend($1)", process)
    await admin.close()
    with pytest.raises(Unavailable, match="database"):
        async with reading(database, USER) as connection:
            await connection.fetchval("SELECT 1")
    async with reading(database, USER) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_server_that_is_not_there_is_unavailable():
    database = Database("postgresql://nobody:nothing@127.0.0.1:1/none", "portfolio")
    with pytest.raises(Unavailable, match="database"):
        async with reading(database, USER):
            pass
