"""A database that is gone, full, slow or cut off: callers hear of it in time, and afterwards all is well."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from sqlalchemy import make_url, text

from chassis.database import Database
from chassis.errors import CannotStart, Unavailable
from tests.chassis.conftest import SERVICE
from tests.chassis.identity import ALICE
from tests.chassis.proxy import Proxy
from tests.chassis.throwaway_service import execute

AdminUrl = Callable[[str], str]
BACKENDS = "FROM pg_stat_activity WHERE application_name = 'plimsoll-portfolio' AND datname = current_database()"


async def ask(database: Database, query: str = "SELECT 1") -> object:
    async with database.transaction() as connection:
        return await connection.scalar(text(query))


async def until(url: str, query: str, expected: object) -> None:
    """Ask the server from outside until it says what is expected."""
    async with asyncio.timeout(10):
        while await execute(url, query) != [(expected,)]:
            pass


async def all_is_well(database: Database) -> None:
    assert database.engine.pool.checkedout() == 0
    for _ in range(20):
        assert await ask(database) == 1


def changed(url: str, **parts: object) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


async def test_a_pool_without_room_is_unavailable_before_callers_lose_patience(database: Database) -> None:
    held, let_go = asyncio.Semaphore(0), asyncio.Event()

    async def hold() -> None:
        async with database.transaction():
            held.release()
            await let_go.wait()

    holders = [asyncio.create_task(hold()) for _ in range(3)]
    for _ in holders:
        await held.acquire()
    async with asyncio.timeout(4.9):  # less than a FAST call may take
        found = await asyncio.gather(*(ask(database) for _ in range(5)), return_exceptions=True)
    assert [type(failure) for failure in found] == [Unavailable] * 5
    let_go.set()
    await asyncio.gather(*holders)
    await all_is_well(database)


async def test_connections_that_were_killed_at_rest_are_replaced(
    database: Database, url: str, admin_url: AdminUrl
) -> None:
    await asyncio.gather(*(ask(database, "SELECT pg_sleep(0.05)") for _ in range(3)))
    killed = await execute(admin_url(url), f"SELECT pg_terminate_backend(pid, 5000) {BACKENDS}")
    assert killed == [(True,)] * 3
    with pytest.raises(Unavailable):
        await ask(database)
    await all_is_well(database)


async def test_a_connection_that_is_killed_in_a_query_is_replaced(
    database: Database, url: str, admin_url: AdminUrl
) -> None:
    query = asyncio.create_task(ask(database, "SELECT pg_sleep(60)"))
    sleeping = f"SELECT pg_terminate_backend(pid) {BACKENDS} AND query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'"
    await until(admin_url(url), sleeping, expected=True)
    with pytest.raises(Unavailable):
        await query
    await all_is_well(database)


async def test_a_connection_that_is_killed_before_the_commit_leaves_nothing(
    database: Database, url: str, admin_url: AdminUrl
) -> None:
    async def work() -> None:
        async with database.transaction(ALICE) as connection:
            await connection.execute(text("INSERT INTO notes VALUES (:user, 'x')"), {"user": ALICE})
            await execute(admin_url(url), f"SELECT pg_terminate_backend(pid, 5000) {BACKENDS}")

    with pytest.raises(Unavailable):
        await work()
    assert await execute(admin_url(url), "SELECT count(*) FROM portfolio.notes") == [(0,)]
    await all_is_well(database)


async def test_a_query_whose_caller_goes_away_is_stopped_on_the_server(
    database: Database, url: str, admin_url: AdminUrl
) -> None:
    running = f"SELECT count(*) {BACKENDS} AND query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'"
    for _ in range(5):
        query = asyncio.create_task(ask(database, "SELECT pg_sleep(60)"))
        await until(admin_url(url), running, 1)
        query.cancel()
        await asyncio.wait([query])
        assert query.cancelled()
        await until(admin_url(url), running, 0)
    await all_is_well(database)


async def test_callers_who_go_away_while_they_wait_for_a_connection_take_none(database: Database) -> None:
    async with asyncio.timeout(10):
        for _ in range(3):
            waiting = [asyncio.create_task(ask(database, "SELECT pg_sleep(0.01)")) for _ in range(30)]
            await asyncio.sleep(0)
            for task in waiting[::2]:
                task.cancel()
            found = await asyncio.gather(*waiting, return_exceptions=True)
            assert sum(isinstance(failure, asyncio.CancelledError) for failure in found) == 15
            assert not any(isinstance(failure, Exception) for failure in found)
    await all_is_well(database)


async def test_nobody_there_is_unavailable(url: str) -> None:
    for parts in ({"port": 1}, {"host": "nowhere.invalid"}):
        database = Database(changed(url, **parts), SERVICE)
        with pytest.raises(Unavailable):
            await ask(database)
        with pytest.raises(Unavailable):
            await database.check_schema()
        with pytest.raises(OSError, match=r"Connect|not known|resolution"):
            await database.probe()
        await database.close()


async def test_somebody_who_never_answers_is_unavailable_too(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(changed(url, port=silent.getsockname()[1]), SERVICE)
        async with asyncio.timeout(4.9):
            with pytest.raises(Unavailable):
                await ask(database)
        await database.close()


async def test_a_database_without_room_for_connections_is_unavailable(url: str, admin_url: AdminUrl) -> None:
    name = make_url(url).database
    await execute(admin_url(url), f'ALTER DATABASE "{name}" CONNECTION LIMIT 1', "SELECT 1")
    database = Database(url, SERVICE)
    async with database.transaction():
        with pytest.raises(Unavailable):
            await ask(database)
    await all_is_well(database)
    await database.close()


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"username": "nobody"}, "password authentication failed"),
        ({"database": "nowhere"}, "does not exist"),
    ],
)
async def test_a_login_that_is_refused_keeps_the_service_from_starting(
    parts: dict[str, str], complaint: str, url: str
) -> None:
    database = Database(changed(url, **parts), SERVICE)
    with pytest.raises(CannotStart, match=complaint) as caught:
        await database.check_schema()
    assert "the-password-of" not in str(caught.value)
    await database.close()


async def test_a_network_that_is_cut_fails_in_time_and_then_all_is_well(url: str) -> None:
    proxy = Proxy(make_url(url).port or 0)
    await proxy.start()
    database = Database(changed(url, port=proxy.port), SERVICE, pool_size=2)
    await ask(database)
    proxy.cut()

    async def impatient() -> None:
        async with asyncio.timeout(0.2):
            await ask(database)

    async with asyncio.timeout(4):
        found = await asyncio.gather(*(impatient() for _ in range(6)), return_exceptions=True)
    assert [type(failure) for failure in found] == [TimeoutError] * 6
    proxy.mend()
    await all_is_well(database)
    await database.close()
    proxy.stop()


async def test_a_probe_raises_when_the_database_does_not_answer(database: Database) -> None:
    await database.probe()
    assert database.engine.pool.checkedout() == 0
