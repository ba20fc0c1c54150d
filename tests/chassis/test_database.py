"""Transactions on a real PostgreSQL: whose they are, when they last, and what their errors become."""

import asyncio
import logging
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.database import Database
from chassis.errors import Aborted, CannotStart, Unavailable
from tests.chassis.conftest import SERVICE
from tests.chassis.identity import ALICE, BOB
from tests.chassis.throwaway_service import execute

AdminUrl = Callable[[str], str]


async def write(database: Database, user_id: str, note: str) -> None:
    async with database.transaction(user_id) as connection:
        await connection.execute(text("INSERT INTO notes VALUES (:user, :note)"), {"user": user_id, "note": note})


async def notes(database: Database, user_id: str = "") -> list[str]:
    async with database.transaction(user_id) as connection:
        return list((await connection.execute(text("SELECT text FROM notes ORDER BY text"))).scalars())


async def ask(database: Database, query: str) -> object:
    async with database.transaction() as connection:
        return await connection.scalar(text(query))


async def test_a_transaction_has_the_services_role_and_schema(database: Database) -> None:
    assert await ask(database, "SELECT current_user") == "portfolio_app"
    assert await ask(database, "SELECT current_schema") == "portfolio"
    assert await ask(database, "SHOW timezone") == "UTC"
    assert await ask(database, "SHOW application_name") == "plimsoll-portfolio"


async def test_an_administrators_login_has_no_more_rights_than_the_service(url: str, admin_url: AdminUrl) -> None:
    database = Database(admin_url(url), SERVICE)
    assert await ask(database, "SELECT current_user") == "portfolio_app"
    await write(database, ALICE, "hers")
    assert await notes(database) == []
    with pytest.raises(DBAPIError, match="must be owner"):
        await ask(database, "DROP TABLE notes")
    await database.close()


async def test_a_user_sees_what_is_theirs_and_nobody_sees_nothing(database: Database) -> None:
    await write(database, ALICE, "hers")
    await write(database, BOB, "his")
    assert (await notes(database, ALICE), await notes(database, BOB)) == (["hers"], ["his"])
    assert await notes(database) == []
    assert await notes(database, str(uuid.uuid4())) == []


async def test_a_row_for_another_user_is_refused(database: Database) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(ALICE) as connection:
            await connection.execute(text("INSERT INTO notes VALUES (:user, 'x')"), {"user": BOB})
    assert await notes(database, BOB) == []


async def test_the_user_does_not_stay_on_the_connection(url: str) -> None:
    database = Database(url, SERVICE, pool_size=1)
    await write(database, ALICE, "hers")
    backend = await ask(database, "SELECT pg_backend_pid()")
    assert await notes(database) == []
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(ALICE):
            raise ZeroDivisionError
    assert await notes(database) == []
    assert await ask(database, "SELECT coalesce(current_setting('plimsoll.user_id', true), '')") == ""
    assert await ask(database, "SELECT pg_backend_pid()") == backend
    await database.close()


async def test_a_user_id_is_a_value_and_no_sql(database: Database) -> None:
    await write(database, ALICE, "hers")
    with pytest.raises(DBAPIError, match="invalid input syntax for type uuid"):
        await notes(database, "'; SET ROLE portfolio_owner; --")


async def test_what_a_block_did_is_kept_when_it_ends(database: Database, url: str) -> None:
    await write(database, ALICE, "hers")
    other = Database(url, SERVICE)
    assert await notes(other, ALICE) == ["hers"]
    await other.close()


async def test_what_a_block_did_is_undone_when_it_raises(database: Database) -> None:
    async def work() -> None:
        async with database.transaction(ALICE) as connection:
            await connection.execute(text("INSERT INTO notes VALUES (:user, 'x')"), {"user": ALICE})
            raise KeyError

    with pytest.raises(KeyError):
        await work()
    assert await notes(database, ALICE) == []
    assert database.engine.pool.checkedout() == 0


async def test_what_a_block_did_is_undone_when_it_is_cancelled(database: Database) -> None:
    written = asyncio.Event()

    async def work() -> None:
        async with database.transaction(ALICE) as connection:
            await connection.execute(text("INSERT INTO notes VALUES (:user, 'x')"), {"user": ALICE})
            written.set()
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await written.wait()
    working.cancel()
    await asyncio.wait([working])
    assert await notes(database, ALICE) == []
    assert database.engine.pool.checkedout() == 0


@pytest.mark.parametrize("error", [FileNotFoundError("f"), TimeoutError("t"), ConnectionError("c"), Unavailable("sea")])
async def test_what_the_block_itself_raises_is_not_laid_to_the_database(error: Exception, database: Database) -> None:
    with pytest.raises(type(error)) as caught:
        async with database.transaction():
            raise error
    assert caught.value is error


async def test_more_transactions_than_connections_take_turns(database: Database) -> None:
    await asyncio.gather(*(write(database, ALICE, f"{number:02}") for number in range(50)))
    assert len(await notes(database, ALICE)) == 50
    assert database.engine.pool.checkedout() == 0


def raised(state: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION 'of the test' USING ERRCODE = '{state}'; END $$"


@pytest.mark.parametrize("state", ["08006", "53100", "53200", "53300", "57P01", "57P03", "57014", "58030"])
async def test_a_database_in_trouble_is_unavailable(state: str, database: Database) -> None:
    with pytest.raises(Unavailable) as caught:
        await ask(database, raised(state))
    assert caught.value.metadata == {"dependency": "database"}
    assert "of the test" not in caught.value.message
    assert await ask(database, "SELECT 1") == 1


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_transaction_that_lost_may_be_tried_again(state: str, database: Database) -> None:
    with pytest.raises(Aborted) as caught:
        await ask(database, raised(state))
    assert caught.value.reason == "REQUEST_IN_PROGRESS"


@pytest.mark.parametrize("state", ["23505", "22012", "42P01", "P0001", "40002"])
async def test_a_defect_stays_a_defect(state: str, database: Database) -> None:
    with pytest.raises(DBAPIError, match="of the test"):
        await ask(database, raised(state))


async def test_two_who_change_the_same_row_do_not_both_succeed(database: Database) -> None:
    async def race() -> None:
        async with database.transaction() as slow:
            await slow.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            await slow.execute(text("SELECT set_config('plimsoll.user_id', :user, true)"), {"user": ALICE})
            await slow.execute(text("SELECT * FROM notes"))
            async with database.transaction(ALICE) as fast:
                await fast.execute(text("DELETE FROM notes"))
            await slow.execute(text("DELETE FROM notes"))

    await write(database, ALICE, "hers")
    with pytest.raises(Aborted):
        await race()


async def test_a_statement_that_takes_too_long_is_stopped_by_the_server(database: Database) -> None:
    async def linger() -> None:
        async with database.transaction() as connection:
            await connection.execute(text("SET LOCAL statement_timeout = '20ms'"))
            await connection.execute(text("SELECT pg_sleep(60)"))

    assert await ask(database, "SHOW statement_timeout") == "1min"
    with pytest.raises(Unavailable):
        await linger()
    assert await ask(database, "SELECT 1") == 1


async def test_the_server_looks_whether_anyone_still_waits(database: Database) -> None:
    # A request to cancel that comes at the wrong moment is lost; seldom, so no test can wait for one.
    assert await ask(database, "SHOW client_connection_check_interval") == "1s"


async def test_an_error_does_not_show_what_users_entrust_to_us(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with database.transaction() as connection:
            await connection.execute(text("SELECT 1 / length(:note) * 0 / 0"), {"note": "hunter2"})
    assert "hunter2" not in str(caught.value)


async def test_a_slow_statement_is_logged_without_its_parameters(url: str, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(url, SERVICE, slow_query_ms=5)
    async with database.transaction() as connection:
        await connection.execute(text("SELECT pg_sleep(0.02),\n       :note"), {"note": "hunter2"})
    (record,) = [record for record in caplog.records if record.getMessage() == "slow query"]
    assert record.levelno == logging.WARNING
    fields = record.__dict__["fields"]
    assert fields["statement"].startswith("SELECT pg_sleep(0.02), $1")
    assert fields["milliseconds"] >= 5
    assert "hunter2" not in str(record.__dict__)
    await database.close()


async def test_a_statement_that_is_not_slow_is_not_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(url, SERVICE, slow_query_ms=60_000)
    await ask(database, "SELECT 1")
    assert caplog.records == []
    await database.close()


async def test_a_long_statement_is_cut_in_the_log(url: str, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(url, SERVICE, slow_query_ms=1e-6)
    await ask(database, f"SELECT '{'x' * 10_000}'")
    assert all(len(record.__dict__["fields"]["statement"]) <= 500 for record in caplog.records)
    assert caplog.records
    await database.close()


async def test_the_schema_of_this_code_is_accepted(database_url: Callable[[str], str]) -> None:
    database = Database(database_url("portfolio"), "portfolio")
    await database.check_schema()
    assert await ask(database, "SELECT version_num FROM portfolio.alembic_version") == database.schema_revision
    await database.close()


@pytest.mark.parametrize(("revision", "complaint"), [("0000", "does not know"), ("", "plimsoll migrate")])
async def test_another_schema_keeps_the_service_from_starting(
    revision: str, complaint: str, database_url: Callable[[str], str], admin_url: AdminUrl
) -> None:
    url = database_url("portfolio")
    await execute(admin_url(url), "DELETE FROM portfolio.alembic_version", "SELECT 1")
    if revision:
        await execute(admin_url(url), f"INSERT INTO portfolio.alembic_version VALUES ('{revision}')", "SELECT 1")
    database = Database(url, "portfolio")
    with pytest.raises(CannotStart, match=complaint):
        await database.check_schema()
    await database.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h:port/d",
        "hunter2",
        "",
        "//u:hunter2@h",
        "h:5432/hunter2",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(CannotStart) as caught:
        Database(url, SERVICE)
    assert str(caught.value) == "DATABASE_URL is not a URL like postgresql://user:password@host:5432/database"
    assert caught.value.__suppress_context__
