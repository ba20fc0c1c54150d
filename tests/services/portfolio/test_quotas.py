"""What users may have each day: durable, exact under load, and by tier."""

import asyncio
import datetime

import asyncpg
import grpc
import pytest

from plimsoll.identity.v1.quota_service_pb2 import TakeQuotaRequest, TakeQuotaResponse
from services.portfolio.administration import set_open, set_tier
from tests.services.portfolio.conftest import as_service, refused

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
