"""A repeated write is answered and not repeated: its key exists if and only if its effect does."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import text

from chassis.call import Call, Principal
from chassis.contract import method
from chassis.database import Database
from chassis.errors import Aborted, Failure, InvalidFields, InvalidRequest, Unauthenticated
from chassis.idempotency import KEPT, once
from tests.chassis.conftest import SERVICE
from tests.chassis.identity import ALICE, BOB
from tests.chassis.throwaway_service import execute
from tests.chassis.trial import Cargo

TRIAL = "/plimsoll.trial.v1.TrialService/"
AdminUrl = Callable[[str], str]
Wait = Callable[[], Awaitable[object]]


def call(key: str = "", user_id: str = ALICE, rpc: str = "Write") -> Call:
    metadata = {"idempotency-key": key} if key else {}
    return Call(method(TRIAL + rpc), "a-request", metadata, principal=Principal(user_id))


async def written(database: Database, by: Call, request: Cargo, wait: Wait | None = None) -> Cargo:
    """Write a note as a handler would; the answer says how many there are."""
    async with database.transaction(by.user_id) as connection:

        async def write() -> Cargo:
            note = {"user": by.user_id, "note": request.name}
            await connection.execute(text("INSERT INTO notes VALUES (:user, :note)"), note)
            count = await connection.scalar(text("SELECT count(*) FROM notes"))
            if wait:
                await wait()
            return Cargo(name=request.name, weight=float(count))

        return await once(connection, by, request, Cargo, write)


async def count(url: str, table: str = "notes") -> int:
    ((found,),) = await execute(url, f"SELECT count(*) FROM portfolio.{table}")
    return int(found)


async def refusal(work: Awaitable[object]) -> Failure:
    with pytest.raises(Failure) as caught:
        await work
    return caught.value


async def test_without_a_key_a_write_is_simply_done(database: Database, url: str, admin_url: AdminUrl) -> None:
    assert (await written(database, call(), Cargo(name="a"))).weight == 1
    assert (await written(database, call(), Cargo(name="a"))).weight == 2
    assert await count(admin_url(url), "idempotency_keys") == 0


async def test_the_same_key_gives_the_same_answer_and_no_second_effect(
    database: Database, url: str, admin_url: AdminUrl
) -> None:
    first = await written(database, call("k"), Cargo(name="a", tags=["x"]))
    await written(database, call(), Cargo(name="another"))
    assert await written(database, call("k"), Cargo(name="a", tags=["x"])) == first
    assert await count(admin_url(url)) == 2


async def test_the_same_key_with_another_request_is_refused(database: Database, url: str, admin_url: AdminUrl) -> None:
    await written(database, call("k"), Cargo(name="a"))
    for other in (Cargo(name="b"), Cargo(name="a", weight=1), Cargo(), Cargo(name="a", shocks={"x": 0})):
        found = await refusal(written(database, call("k"), other))
        assert isinstance(found, InvalidRequest)
        assert found.reason == "IDEMPOTENCY_KEY_REUSED"
        assert "'k'" in found.message
    assert await count(admin_url(url)) == 1


async def test_the_order_of_a_map_makes_no_other_request(database: Database) -> None:
    pairs = [(f"key-{number}", float(number)) for number in range(50)]
    first = await written(database, call("k"), Cargo(shocks=dict(pairs)))
    assert await written(database, call("k"), Cargo(shocks=dict(reversed(pairs)))) == first


async def test_the_header_and_the_field_say_the_same(database: Database, url: str, admin_url: AdminUrl) -> None:
    first = await written(database, call("k"), Cargo(name="a"))
    assert await written(database, call(), Cargo(name="a", request_id="k")) == first
    assert await written(database, call("ignored"), Cargo(name="a", request_id="k")) == first
    assert await count(admin_url(url)) == 1


async def test_keys_are_per_user_and_per_method(database: Database, url: str, admin_url: AdminUrl) -> None:
    for by in (call("k"), call("k", user_id=BOB), call("k", rpc="Govern")):
        await written(database, by, Cargo(name=by.user_id[:8]))
    assert await count(admin_url(url)) == 3
    assert await count(admin_url(url), "idempotency_keys") == 3


async def test_a_key_is_taken_as_it_is(database: Database, url: str, admin_url: AdminUrl) -> None:
    keys = ["k", "K", "k ", " k", "k'; --", "%", "😀", "x" * 100, "\\x00"]
    for key in keys:
        await written(database, call(key), Cargo(name="a"))
    assert await count(admin_url(url)) == len(keys)


@pytest.mark.parametrize("by", [call("x" * 101), call()])
async def test_a_key_that_is_too_long_is_refused(by: Call, database: Database, url: str, admin_url: AdminUrl) -> None:
    request = Cargo() if by.metadata else Cargo(request_id="x" * 101)
    found = await refusal(written(database, by, request))
    assert isinstance(found, InvalidFields)
    assert found.violations[0].field == "idempotency-key"
    assert await count(admin_url(url)) == 0


async def test_a_key_in_flight_is_refused_for_now(database: Database, url: str, admin_url: AdminUrl) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await go_on.wait()

    first = asyncio.create_task(written(database, call("k"), Cargo(name="a"), wait))
    await begun.wait()
    found = await refusal(written(database, call("k"), Cargo(name="a")))
    assert isinstance(found, Aborted)
    assert found.reason == "REQUEST_IN_PROGRESS"
    await written(database, call("k", user_id=BOB), Cargo(name="another key"))
    go_on.set()
    answer = await first
    assert await written(database, call("k"), Cargo(name="a")) == answer
    assert await count(admin_url(url)) == 2


async def test_of_fifty_at_once_one_has_an_effect(url: str, admin_url: AdminUrl) -> None:
    database = Database(url, SERVICE, pool_size=10)
    work = (written(database, call("k"), Cargo(name="a")) for _ in range(50))
    found = await asyncio.gather(*work, return_exceptions=True)
    answers = [answer for answer in found if isinstance(answer, Cargo)]
    assert answers
    assert all(answer == Cargo(name="a", weight=1) for answer in answers)
    assert all(isinstance(failure, Aborted) for failure in found if not isinstance(failure, Cargo))
    assert await count(admin_url(url)) == 1
    await database.close()


async def test_a_write_that_fails_leaves_its_key_free(database: Database, url: str, admin_url: AdminUrl) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await written(database, call("k"), Cargo(name="a"), fail)
    assert await count(admin_url(url), "idempotency_keys") == 0
    assert (await written(database, call("k"), Cargo(name="b"))).weight == 1


async def test_a_write_whose_caller_goes_away_leaves_its_key_free(
    database: Database, url: str, admin_url: AdminUrl
) -> None:
    begun = asyncio.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.Event().wait()

    first = asyncio.create_task(written(database, call("k"), Cargo(name="a"), wait))
    await begun.wait()
    first.cancel()
    await asyncio.wait([first])
    assert (await written(database, call("k"), Cargo(name="a"))).weight == 1
    assert await count(admin_url(url)) == 1


async def test_a_request_without_such_a_field_can_have_the_header(
    database: Database, url: str, admin_url: AdminUrl
) -> None:
    async def clear() -> Empty:
        async with database.transaction(ALICE) as connection:

            async def write() -> Empty:
                await connection.execute(text("INSERT INTO notes VALUES (:user, 'x')"), {"user": ALICE})
                return Empty()

            return await once(connection, call("k"), Empty(), Empty, write)

    assert await clear() == await clear() == Empty()
    assert await count(admin_url(url)) == 1


async def test_old_keys_of_the_user_are_forgotten(database: Database, url: str, admin_url: AdminUrl) -> None:
    for by in (call("old"), call("older"), call("his", user_id=BOB)):
        await written(database, by, Cargo())
    for key, age in (("old", KEPT + timedelta(hours=1)), ("older", KEPT - timedelta(hours=1)), ("his", 2 * KEPT)):
        back = f"UPDATE portfolio.idempotency_keys SET created_time = now() - interval '{age}' WHERE key = '{key}'"
        await execute(admin_url(url), back, "SELECT 1")
    await written(database, call("new"), Cargo())
    left = await execute(admin_url(url), "SELECT key FROM portfolio.idempotency_keys ORDER BY key")
    assert [key for (key,) in left] == ["his", "new", "older"]


async def test_nobody_has_no_keys(database: Database) -> None:
    nobody = Call(method(TRIAL + "Open"), "a-request", {"idempotency-key": "k"})
    with pytest.raises(Unauthenticated):
        async with database.transaction() as connection:
            await once(connection, nobody, Cargo(), Cargo, lambda: asyncio.sleep(0, Cargo()))
