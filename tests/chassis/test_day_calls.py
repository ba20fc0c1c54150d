"""Calls of a day: taken from identity in bunches, exact, told in headers; and never a reason not to answer."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from chassis.channels import Channels
from chassis.day_calls import BUNCH, SILENCE_SECONDS, Bunch, DayCalls
from chassis.errors import NotFound, Overloaded, RateLimited, Unavailable
from chassis.identity_quotas import RemoteCalls
from plimsoll.identity.v1 import quota_service_pb2_grpc
from plimsoll.identity.v1.quota_service_pb2 import TakeQuotaRequest, TakeQuotaResponse
from tests.chassis import trial
from tests.chassis.clock import Clock
from tests.chassis.identity import ALICE, BOB, Identity
from tests.chassis.serving import SERVICE_KEY, Client, bearer, refused, serving, trial_server
from tests.chassis.trial import Cargo

Code = grpc.StatusCode
MIDNIGHT = 86400.0


class Takings:
    """Identity's side: gives out a day of each user's, and counts how often it is asked."""

    def __init__(self, per_day: int, most: int = BUNCH, ends: float = MIDNIGHT) -> None:
        self.per_day, self.most, self.ends = per_day, most, ends
        self.used: dict[str, int] = {}
        self.asked = 0
        self.failure: Exception | None = None
        self.gone: set[str] = set()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, user_id: str, uses: int) -> Bunch | None:
        self.asked += 1
        await self.may_answer.wait()
        if self.failure:
            raise self.failure
        if user_id in self.gone:
            return None
        taken = min(uses, self.most, self.per_day - self.used.get(user_id, 0))
        self.used[user_id] = self.used.get(user_id, 0) + taken
        return Bunch(taken, self.per_day, self.per_day - self.used[user_id], self.ends)


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_a_user_has_so_many_calls_a_day_and_one_question_serves_many(clock: Clock) -> None:
    takings = Takings(250)
    days = DayCalls(takings, clock)
    counted = [await days.count(ALICE) for _ in range(252)]
    left = [day.left for day in counted if day and not day.used_up]
    assert left == list(range(249, -1, -1))
    assert [day.used_up for day in counted if day][250:] == [True, True]
    assert takings.asked == 3 + 2, "three bunches, and each call that there was no more for"
    assert all(day and (day.per_day, day.seconds_left) == (250, 85400) for day in counted)


async def test_users_are_apart(clock: Clock) -> None:
    days = DayCalls(Takings(1), clock)
    assert [(day.left, day.used_up) for user in (ALICE, BOB, ALICE) if (day := await days.count(user))] == [
        (0, False),
        (0, False),
        (0, True),
    ]


async def test_a_bunch_ends_with_its_day(clock: Clock) -> None:
    takings = Takings(10)
    days = DayCalls(takings, clock)
    await days.count(ALICE)
    clock.advance(MIDNIGHT - 1000)
    takings.used.clear()
    takings.ends += MIDNIGHT
    day = await days.count(ALICE)
    assert day
    assert (day.left, day.seconds_left) == (9, 86400)
    assert takings.asked == 2


async def test_processes_share_a_day(clock: Clock) -> None:
    takings = Takings(10, most=1)
    one, other = DayCalls(takings, clock), DayCalls(takings, clock)
    counted = [await days.count(ALICE) for _ in range(6) for days in (one, other)]
    assert [day.used_up for day in counted if day] == [False] * 10 + [True] * 2


async def test_of_many_at_once_one_asks_and_none_is_given_twice(clock: Clock) -> None:
    takings = Takings(120)
    takings.may_answer.clear()
    days = DayCalls(takings, clock)
    waiting = [asyncio.create_task(days.count(ALICE)) for _ in range(150)]
    await asyncio.sleep(0)
    assert takings.asked == 1
    waiting[0].cancel()
    takings.may_answer.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    used_up = [answer.used_up for answer in answers[1:] if answer and not isinstance(answer, BaseException)]
    assert used_up.count(False) <= 120
    assert used_up.count(True) >= 29


async def test_identity_that_fails_refuses_nobody_and_is_left_alone(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    takings = Takings(1)
    takings.failure = Unavailable("identity")
    days = DayCalls(takings, clock)
    with caplog.at_level(logging.WARNING):
        assert [await days.count(user) for user in (ALICE, BOB, ALICE)] == [None] * 3
    assert takings.asked == 1
    assert len(caplog.records) == 1
    clock.advance(SILENCE_SECONDS)
    takings.failure = None
    assert [day.used_up for _ in range(2) if (day := await days.count(ALICE))] == [False, True]


async def test_of_many_failures_one_is_told(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    takings = Takings(1)
    takings.failure = OSError("no route")
    takings.may_answer.clear()
    days = DayCalls(takings, clock)
    waiting = [asyncio.create_task(days.count(user)) for user in (ALICE, BOB)]
    await asyncio.sleep(0)
    takings.may_answer.set()
    assert await asyncio.gather(*waiting) == [None, None]
    assert len(caplog.records) == 1


async def test_an_account_that_is_gone_is_not_for_limits_to_refuse(clock: Clock) -> None:
    takings = Takings(5)
    takings.gone.add(BOB)
    days = DayCalls(takings, clock)
    assert await days.count(BOB) is None
    assert await days.count(ALICE), "and identity has not failed"


@asynccontextmanager
async def limited(identity: Identity, takings: Takings, per_minute: int = 1000) -> AsyncIterator[Client]:
    settings = {"rate_limits": "on", "calls_per_second": 1000, "calls_per_minute_registered": per_minute}
    async with serving(identity=identity, take_calls=takings, **settings) as stub:
        yield stub


async def headers_of(stub: Client, identity: Identity) -> tuple[Code, dict[str, str]]:
    made = stub.Read(Cargo(), metadata=bearer(identity))
    received = {str(key): str(value) for key, value in await made.initial_metadata()}
    return await made.code(), {name: received[name] for name in received if name.startswith(("x-rate", "retry"))}


async def test_the_headers_speak_of_the_day_once_it_has_less(identity: Identity) -> None:
    takings = Takings(12, ends=time.time() + 5000)
    async with limited(identity, takings, per_minute=10) as stub:
        first = await headers_of(stub, identity)
        takings.per_day, takings.used = 3, {}
    assert first[0] == Code.OK
    assert first[1]["x-ratelimit-limit"] == "10"
    async with limited(identity, takings, per_minute=10) as stub:
        answers = [await headers_of(stub, identity) for _ in range(4)]
    assert [code for code, _ in answers] == [Code.OK] * 3 + [Code.RESOURCE_EXHAUSTED]
    assert [headers["x-ratelimit-limit"] for _, headers in answers] == ["3"] * 4
    assert [headers["x-ratelimit-remaining"] for _, headers in answers] == ["2", "1", "0", "0"]
    refusal = answers[-1][1]
    assert 4900 <= int(refusal["x-ratelimit-reset"]) <= 5000
    assert refusal["retry-after"] == refusal["x-ratelimit-reset"]


async def test_a_refusal_says_that_it_is_for_the_day(identity: Identity) -> None:
    async with limited(identity, Takings(0, ends=10.0**10)) as stub:
        found = await refused(stub.Read(Cargo(), metadata=bearer(identity)))
    assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert (found.info.metadata["limit"], found.info.metadata["period"]) == ("0", "day")


async def test_what_the_minute_refuses_is_not_taken_of_the_day(identity: Identity) -> None:
    takings = Takings(1000, most=1, ends=10.0**10)
    async with limited(identity, takings, per_minute=2) as stub:
        codes = [(await headers_of(stub, identity))[0] for _ in range(12)]
    assert Code.RESOURCE_EXHAUSTED in codes
    assert takings.used[ALICE] == codes.count(Code.OK)


async def test_public_calls_have_no_day(identity: Identity) -> None:
    takings = Takings(0)
    async with limited(identity, takings) as stub:
        await stub.Open(Cargo())
    assert takings.asked == 0


class Quotas(quota_service_pb2_grpc.QuotaServiceServicer):
    """Identity over the wire, which answers or fails as a test wants."""

    def __init__(self) -> None:
        self.answer: TakeQuotaResponse | grpc.StatusCode | Exception = TakeQuotaResponse()
        self.asked: list[TakeQuotaRequest] = []

    async def TakeQuota(self, request: TakeQuotaRequest, context: Any) -> TakeQuotaResponse:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, grpc.StatusCode):
            await context.abort(self.answer, "no")
        return self.answer


@pytest.fixture
async def quotas(identity: Identity) -> AsyncIterator[tuple[Quotas, RemoteCalls]]:
    servicer = Quotas()
    register = [(quota_service_pb2_grpc.add_QuotaServiceServicer_to_server, servicer)]
    server = trial_server(trial.TrialServiceServicer(), identity, register=register)
    await server.start()
    channels = Channels("risk", SERVICE_KEY)
    yield servicer, RemoteCalls(channels.channel("trial", f"127.0.0.1:{server.port}"), lambda: 1000.0)
    await channels.close()
    await server.stop()


async def test_over_the_wire_a_bunch_comes_as_it_is(quotas: tuple[Quotas, RemoteCalls]) -> None:
    servicer, take = quotas
    servicer.answer = TakeQuotaResponse(per_day=500, remaining=495, taken=5)
    servicer.answer.reset_time.FromSeconds(86400)
    assert await take(ALICE, 100) == Bunch(5, 500, 495, MIDNIGHT)
    assert [(request.kind, request.uses) for request in servicer.asked] == [(TakeQuotaRequest.CALL, 100)]


async def test_over_the_wire_none_left_is_an_answer(quotas: tuple[Quotas, RemoteCalls]) -> None:
    servicer, take = quotas
    servicer.answer = RateLimited("none left", limit=500, period="day", retry_after_seconds=60)
    assert await take(ALICE, 100) == Bunch(0, 500, 0, 1060.0)
    servicer.answer = NotFound("account", ALICE)
    assert await take(ALICE, 100) is None


@pytest.mark.parametrize("failure", [Overloaded("full"), Unavailable("the database"), ValueError("a defect")])
async def test_over_the_wire_a_failure_stays_one(quotas: tuple[Quotas, RemoteCalls], failure: Exception) -> None:
    servicer, take = quotas
    servicer.answer = failure
    with pytest.raises(grpc.aio.AioRpcError):
        await take(ALICE, 1)
