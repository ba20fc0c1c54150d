"""What users may have each day: durable, exact under load, and by tier."""

import asyncio
import dataclasses
import datetime
import uuid

import asyncpg
import grpc
import pytest

from chassis.database import Database
from chassis.server import Server
from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest
from plimsoll.identity.v1.quota_service_pb2 import TakeQuotaRequest, TakeQuotaResponse
from services.portfolio.administration import set_open, set_tier
from services.portfolio.application.quotas import Quotas
from services.portfolio.wiring import build, now
from services.portfolio.wiring_identity import identity_of
from tests.services.portfolio.conftest import Client, as_service, refused

ANALYSIS = TakeQuotaRequest(kind=TakeQuotaRequest.STAND_ALONE_ANALYSIS)
EMAIL = "alice@example.com"


async def take_all(client, request=ANALYSIS):
    """Take until no more is given; give how many were, and the refusal."""
    taken = 0
    while await (call := client.quotas.TakeQuota(request)).code() == grpc.StatusCode.OK:
        taken += 1
    return taken, await refused(call)


@pytest.mark.parametrize(("tier", "per_day"), [("public", 5), ("registered", 15), ("paid", 30)])
async def test_a_tier_has_so_many_a_day(alice, settings, tier, per_day):
    await set_tier(settings, EMAIL, tier)
    service = as_service(alice)
    first = await service.quotas.TakeQuota(ANALYSIS)
    assert (first.per_day, first.remaining) == (per_day, per_day - 1)
    taken, error = await take_all(service)
    assert taken == per_day - 1
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert error.info.metadata["limit"] == str(per_day)
    assert error.info.metadata["period"] == "day"
    assert 0 < int(error.info.metadata["retry_after_seconds"]) <= 86401


async def test_the_day_ends_at_midnight_utc(alice):
    answer = await as_service(alice).quotas.TakeQuota(ANALYSIS)
    reset = answer.reset_time.ToDatetime(datetime.UTC)
    assert reset.time() == datetime.time()
    assert datetime.timedelta() < reset - datetime.datetime.now(datetime.UTC) <= datetime.timedelta(days=1)


async def test_the_next_day_begins_anew_and_the_last_is_forgotten(alice, settings, admin_url):
    service = as_service(alice)
    assert (await take_all(service))[0] == 15
    connection = await asyncpg.connect(admin_url(settings.database_url))
    await connection.execute("UPDATE portfolio.quota_uses SET day = day - 1")
    assert (await service.quotas.TakeQuota(ANALYSIS)).remaining == 14
    assert await connection.fetchval("SELECT count(*) FROM portfolio.quota_uses") == 1
    await connection.close()


async def test_of_many_at_once_so_many_are_given_as_there_are(alice):
    service = as_service(alice)
    answers = await asyncio.gather(*(service.quotas.TakeQuota(ANALYSIS) for _ in range(40)), return_exceptions=True)
    given = [answer.remaining for answer in answers if isinstance(answer, TakeQuotaResponse)]
    assert sorted(given) == list(range(15))
    assert {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)} == {
        grpc.StatusCode.RESOURCE_EXHAUSTED
    }


async def test_kinds_and_users_are_apart(alice, mallory):
    await take_all(as_service(alice))
    chat = TakeQuotaRequest(kind=TakeQuotaRequest.CHAT_MESSAGE)
    assert (await as_service(alice).quotas.TakeQuota(chat)).remaining == 99
    assert (await as_service(mallory).quotas.TakeQuota(ANALYSIS)).remaining == 14


async def test_a_better_tier_counts_at_once(alice, settings):
    await take_all(as_service(alice))
    await set_tier(settings, EMAIL, "paid")
    assert (await as_service(alice).quotas.TakeQuota(ANALYSIS)).remaining == 14


async def test_the_numbers_are_data(alice, settings, admin_url):
    connection = await asyncpg.connect(admin_url(settings.database_url))
    await connection.execute("UPDATE portfolio.quota_limits SET per_day = 0 WHERE kind = 'stand_alone_analysis'")
    await connection.close()
    taken, error = await take_all(as_service(alice))
    assert (taken, error.info.metadata["limit"]) == (0, "0")


async def test_every_kind_of_the_contract_has_numbers(alice):
    for name, number in TakeQuotaRequest.Kind.items():
        if number:
            assert (await as_service(alice).quotas.TakeQuota(TakeQuotaRequest(kind=number))).per_day > 0, name


async def test_a_closed_account_has_none(alice, settings):
    await set_open(settings, EMAIL, is_open=False)
    assert (await refused(as_service(alice).quotas.TakeQuota(ANALYSIS))).code == grpc.StatusCode.NOT_FOUND


async def test_a_service_asks_for_a_user_and_users_do_not_ask(alice, nobody):
    assert (await refused(alice.quotas.TakeQuota(ANALYSIS))).code == grpc.StatusCode.PERMISSION_DENIED
    assert (await refused(as_service(nobody).quotas.TakeQuota(ANALYSIS))).reason == "TOKEN_MISSING"


CALL = TakeQuotaRequest.CALL


async def test_several_are_taken_at_once_and_no_more_than_there_are(alice, settings, admin_url):
    connection = await asyncpg.connect(admin_url(settings.database_url))
    await connection.execute("UPDATE portfolio.quota_limits SET per_day = 250 WHERE kind = 'chat_message'")
    await connection.close()
    service = as_service(alice)
    wanted = TakeQuotaRequest(kind=TakeQuotaRequest.CHAT_MESSAGE, uses=100)
    first = await service.quotas.TakeQuota(wanted)
    assert (first.taken, first.remaining) == (2, 248), "a hundredth of the day's at once"
    given = [first.taken]
    while await (call := service.quotas.TakeQuota(wanted)).code() == grpc.StatusCode.OK:
        given.append((await call).taken)
    assert sum(given) == 250


async def test_the_last_bunch_is_what_is_left(settings):
    """Three at a time of 302: the last is not whole."""
    database = Database(settings.database_url, "portfolio")
    try:
        user, _ = await identity_of(settings, database, now).accounts.register("carol@example.com", "x" * 12, "")
        quotas = Quotas(database, now, {"public": 1, "registered": 302, "paid": 1})
        given = []
        while (bunch := await quotas.take_calls(user.user_id, 100)).taken:
            given.append(bunch.taken)
            assert bunch.remaining == 302 - sum(given)
        assert given == [3] * 100 + [2]
        assert (bunch.per_day, bunch.remaining) == (302, 0)
        assert await quotas.take_calls(str(uuid.uuid4()), 1) is None
    finally:
        await database.close()


async def test_calls_of_a_day_are_counted_together_wherever_they_are_made(settings, alice, admin_url):
    """Taken in this service by the server itself and through another one: one count, kept over a restart."""
    limited = dataclasses.replace(settings, rate_limits="on", calls_per_second=1000, calls_per_day_registered=6)
    me = GetMeRequest()
    seen = []
    for _ in range(2):  # the second time it has been restarted
        server = Server(build(limited), limited)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            mine = Client(channel, alice.metadata)
            await as_service(mine).quotas.TakeQuota(TakeQuotaRequest(kind=CALL))
            for _ in range(2):
                call = mine.identity.GetMe(me)
                headers = {str(name): str(value) for name, value in await call.initial_metadata()}
                seen.append((await call.code(), headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]))
            over = mine.identity.GetMe(me) if len(seen) == 4 else None
            if over:
                told = dict(await over.initial_metadata())
                refusal = await refused(over)
        await server.stop()
    assert seen == [(grpc.StatusCode.OK, "6", left) for left in ("4", "3", "1", "0")]
    assert (refusal.reason, refusal.info.metadata["period"]) == ("RATE_LIMITED", "day")
    assert (told["x-ratelimit-limit"], told["x-ratelimit-remaining"]) == ("6", "0")
    assert told["retry-after"] == told["x-ratelimit-reset"]
