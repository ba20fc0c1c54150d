"""Hot reads: the same role, row-level security and failures as a transaction, on the driver itself."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from sqlalchemy import bindparam, column, make_url, select, table, text

from chassis.database import Database
from chassis.errors import NotFound, Unavailable
from chassis.hot_path import HotStatement, reading
from tests.chassis.conftest import SERVICE
from tests.chassis.identity import ALICE, BOB
from tests.chassis.throwaway_service import execute

AdminUrl = Callable[[str], str]
BACKENDS = "FROM pg_stat_activity WHERE application_name = 'plimsoll-portfolio' AND datname = current_database()"
NOTES = HotStatement(select(table("notes", column("text")).c.text))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """Of one connection, so that each test meets the one that the last read left."""
    opened = Database(url, SERVICE, pool_size=1)
    async with opened.transaction(ALICE) as connection:
        await connection.execute(text("INSERT INTO notes VALUES (:user, 'hers')"), {"user": ALICE})
    yield opened
    await opened.close()


async def ask(database: Database, query: str = "SELECT 1") -> object:
    async with reading(database, ALICE) as connection:
        return await connection.fetchval(query)


async def notes(database: Database, user_id: str) -> list[str]:
    async with reading(database, user_id) as connection:
        return [row["text"] for row in await NOTES.fetch(connection)]


async def backend(database: Database) -> object:
    assert database.engine.pool.checkedout() == 0
    return await ask(database, "SELECT pg_backend_pid()")


async def test_a_user_sees_what_is_theirs(database: Database) -> None:
    assert await notes(database, ALICE) == ["hers"]
    assert await notes(database, BOB) == []
    assert await ask(database, "SELECT current_user") == "portfolio_app"


async def test_the_user_does_not_stay_on_the_connection(database: Database) -> None:
    before = await backend(database)
    async with database.transaction() as after:
        assert await after.scalar(text("SELECT pg_backend_pid()")) == before
        assert not await after.scalar(text("SELECT current_setting('plimsoll.user_id', true)"))
        assert await after.scalar(text("SELECT count(*) FROM notes")) == 0


async def test_nothing_can_be_written(database: Database) -> None:
    for statement in ("DELETE FROM notes", f"INSERT INTO notes VALUES ('{ALICE}', 'x')"):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await ask(database, statement)
    assert await notes(database, ALICE) == ["hers"]


async def test_a_statement_takes_its_values_by_name(database: Database) -> None:
    stored = table("notes", column("text"), column("user_id"))
    both = select(stored.c.text).where(stored.c.user_id == bindparam("user"), stored.c.text == bindparam("note"))
    async with reading(database, ALICE) as connection:
        rows = await HotStatement(both).fetch(connection, note="hers", user=ALICE)
        assert [row["text"] for row in rows] == ["hers"]
        assert await HotStatement(both).fetch(connection, note="' OR '1'='1", user=ALICE) == []
        with pytest.raises(KeyError):
            await HotStatement(both).fetch(connection, note="hers")


async def test_what_is_no_uuid_never_reaches_the_database(database: Database) -> None:
    for user_id in ("'; DROP TABLE notes; --", "", "7"):
        with pytest.raises(ValueError, match="UUID"):
            await notes(database, user_id)
    assert await notes(database, str(uuid.uuid4())) == []


@pytest.mark.parametrize(
    "error",
    [NotFound("portfolio", 7), ZeroDivisionError(), FileNotFoundError(), TimeoutError(), asyncpg.DataError("x")],
)
async def test_what_the_block_raises_is_its_own_and_costs_no_connection(error: Exception, database: Database) -> None:
    before = await backend(database)

    async def read() -> None:
        async with reading(database, ALICE) as connection:
            assert await connection.fetchval("SELECT 1") == 1
            raise error

    with pytest.raises(type(error)) as caught:
        await read()
    assert caught.value is error
    assert await backend(database) == before


async def test_a_statement_that_fails_costs_no_connection(database: Database) -> None:
    before = await backend(database)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await ask(database, "SELECT 1 / 0")
    assert await backend(database) == before


@pytest.mark.parametrize("state", ["08006", "53100", "57014", "57P03"])
async def test_a_database_in_trouble_is_unavailable(state: str, database: Database) -> None:
    with pytest.raises(Unavailable):
        await ask(database, f"DO $$ BEGIN RAISE EXCEPTION 'of the test' USING ERRCODE = '{state}'; END $$")
    assert await ask(database) == 1


async def test_a_read_that_is_cancelled_leaves_the_pool_usable(database: Database) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(database, "SELECT pg_sleep(60)")
        assert database.engine.pool.checkedout() == 0
        assert await ask(database) == 1


async def test_a_dead_connection_is_unavailable_and_the_next_is_fine(
    database: Database, url: str, admin_url: AdminUrl
) -> None:
    for _ in range(3):
        await execute(admin_url(url), f"SELECT pg_terminate_backend(pid, 5000) {BACKENDS}")
        with pytest.raises(Unavailable, match="database"):
            await ask(database)
        assert await ask(database) == 1


async def test_a_connection_that_dies_within_the_block_is_unavailable(
    database: Database, url: str, admin_url: AdminUrl
) -> None:
    async def read() -> None:
        async with reading(database, ALICE) as connection:
            await execute(admin_url(url), f"SELECT pg_terminate_backend(pid, 5000) {BACKENDS}")
            await connection.fetchval("SELECT 1")

    with pytest.raises(Unavailable):
        await read()
    assert await ask(database) == 1


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    database = Database("postgresql://nobody:nothing@127.0.0.1:1/none", SERVICE)
    with pytest.raises(Unavailable, match="database"):
        await ask(database)


async def test_a_server_without_room_is_unavailable(database: Database, url: str, admin_url: AdminUrl) -> None:
    name = make_url(url).database
    await execute(admin_url(url), f'ALTER DATABASE "{name}" CONNECTION LIMIT 1', "SELECT 1")
    another = Database(url, SERVICE)
    async with database.transaction():
        with pytest.raises(Unavailable):
            await ask(another)
    await another.close()


async def test_a_login_that_is_refused_is_a_defect(url: str) -> None:
    refused = make_url(url).set(password="wrong").render_as_string(hide_password=False)
    database = Database(refused, SERVICE)
    with pytest.raises(Exception, match="password authentication failed"):
        await ask(database)
    await database.close()
