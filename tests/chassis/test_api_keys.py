"""API keys as a service meets them: exchanged, kept for a minute, refused without asking where a flood comes."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from chassis.api_keys import KEPT_SECONDS, REFUSAL_KEPT_SECONDS, REFUSALS_A_MINUTE, ApiKeys, refused
from chassis.call import current_call
from chassis.counters import Counters
from chassis.errors import RateLimited, Unauthenticated, Unavailable
from tests.chassis.clock import Clock
from tests.chassis.identity import ALICE, BOB, Identity
from tests.chassis.serving import Client, Context, bearer, serving
from tests.chassis.serving import refused as refusal
from tests.chassis.trial import Cargo

GOOD, OTHER, UNKNOWN = ("plim_" + letter * 43 for letter in "gox")
Code = grpc.StatusCode


class Exchange:
    """Identity's side: knows some keys, and counts what it is asked."""

    def __init__(self, identity: Identity) -> None:
        self.tokens = {GOOD: identity.token(scope="read"), OTHER: identity.token(BOB)}
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, key: str) -> str:
        self.asked.append(key)
        await self.may_answer.wait()
        if self.failure:
            raise self.failure
        if key not in self.tokens:
            raise refused()
        return self.tokens[key]


@pytest.fixture
def exchange(identity: Identity) -> Exchange:
    return Exchange(identity)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(exchange: Exchange, clock: Clock) -> ApiKeys:
    return ApiKeys(exchange, Counters("test", clock=clock), clock)


@pytest.fixture
async def stub(identity: Identity, keys: ApiKeys) -> AsyncIterator[Client]:
    async def who(request: Cargo, context: Context) -> Cargo:
        call = current_call()
        return Cargo(name=call.user_id, tags=sorted(call.caller.scopes), request_id=call.metadata["authorization"])

    async with serving(who, identity, api_keys=keys) as client:
        yield client


async def test_a_key_is_worth_its_token(stub: Client, exchange: Exchange) -> None:
    answer = await stub.Read(Cargo(), metadata=[("x-api-key", GOOD)])
    assert (answer.name, list(answer.tags)) == (ALICE, ["read"])
    assert answer.request_id == f"Bearer {exchange.tokens[GOOD]}", "calls made for this one carry the token"


async def test_what_the_token_may_not_do_the_key_may_not(stub: Client) -> None:
    found = await refusal(stub.Write(Cargo(), metadata=[("x-api-key", GOOD)]))
    assert (found.code, dict(found.info.metadata)) == (Code.PERMISSION_DENIED, {"needs": "write"})
    assert (await refusal(stub.Govern(Cargo(), metadata=[("x-api-key", OTHER)]))).code == Code.PERMISSION_DENIED
    assert (await refusal(stub.Inside(Cargo(), metadata=[("x-api-key", OTHER)]))).code == Code.PERMISSION_DENIED


async def test_a_bearer_goes_before_a_key(stub: Client, identity: Identity, exchange: Exchange) -> None:
    answer = await stub.Read(Cargo(), metadata=[("x-api-key", OTHER), *bearer(identity)])
    assert (answer.name, exchange.asked) == (ALICE, [])


async def test_what_is_public_does_not_look_at_a_key(identity: Identity, exchange: Exchange) -> None:
    async with serving(identity=identity, api_keys=ApiKeys(exchange)) as stub:
        await stub.Open(Cargo(), metadata=[("x-api-key", UNKNOWN)])
    assert exchange.asked == []


async def test_a_service_without_keys_takes_none(identity: Identity) -> None:
    async with serving(identity=identity) as stub:
        assert (await refusal(stub.Read(Cargo(), metadata=[("x-api-key", GOOD)]))).reason == "TOKEN_MISSING"


async def test_identity_is_asked_once_a_minute(keys: ApiKeys, exchange: Exchange, clock: Clock) -> None:
    for _ in range(5):
        await keys.token(GOOD, "an address")
    assert exchange.asked == [GOOD]
    clock.advance(KEPT_SECONDS + 1)
    await keys.token(GOOD, "an address")
    assert exchange.asked == [GOOD, GOOD]


async def test_of_many_at_once_one_asks(keys: ApiKeys, exchange: Exchange) -> None:
    exchange.may_answer.clear()
    waiting = [asyncio.create_task(keys.token(GOOD, "an address")) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    exchange.may_answer.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert set(answers[1:]) == {exchange.tokens[GOOD]}
    assert exchange.asked == [GOOD]


async def test_an_unknown_key_is_asked_about_once_in_a_while(keys: ApiKeys, exchange: Exchange, clock: Clock) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await keys.token(UNKNOWN, "an address")
    assert exchange.asked == [UNKNOWN]
    clock.advance(REFUSAL_KEPT_SECONDS + 1)
    exchange.tokens[UNKNOWN] = "a token"
    assert await keys.token(UNKNOWN, "an address") == "a token"


@pytest.mark.parametrize(
    "key", ["x", "plim_", "plim_" + "a" * 42, "plim_" + "a" * 44, "PLIM_" + "a" * 43, "plim_" + "+" * 43]
)
async def test_what_is_no_key_is_not_asked_about(keys: ApiKeys, exchange: Exchange, key: str) -> None:
    with pytest.raises(Unauthenticated):
        await keys.token(key, "an address")
    assert exchange.asked == []


async def test_a_flood_of_keys_does_not_reach_identity(keys: ApiKeys, exchange: Exchange) -> None:
    made_up = [f"plim_{number:043}" for number in range(200)]
    refusals = [type(await _error(keys, key, "1.2.3.4")) for key in made_up]
    assert refusals == [Unauthenticated] * REFUSALS_A_MINUTE + [RateLimited] * (200 - REFUSALS_A_MINUTE)
    assert len(exchange.asked) == REFUSALS_A_MINUTE
    assert await keys.token(GOOD, "5.6.7.8") == exchange.tokens[GOOD]


async def test_who_is_known_already_is_not_kept_out_by_a_flood(keys: ApiKeys) -> None:
    await keys.token(GOOD, "1.2.3.4")
    for number in range(REFUSALS_A_MINUTE + 5):
        await _error(keys, f"plim_{number:043}", "1.2.3.4")
    await keys.token(GOOD, "1.2.3.4")
    assert isinstance(await _error(keys, OTHER, "1.2.3.4"), RateLimited)


async def test_identity_that_is_down_makes_no_key_unknown(keys: ApiKeys, exchange: Exchange) -> None:
    exchange.failure = Unavailable("identity")
    for _ in range(REFUSALS_A_MINUTE + 5):
        assert isinstance(await _error(keys, GOOD, "1.2.3.4"), Unavailable)
    exchange.failure = None
    assert await keys.token(GOOD, "1.2.3.4") == exchange.tokens[GOOD]


async def test_a_forged_token_in_exchange_is_not_believed(stub: Client, exchange: Exchange) -> None:
    exchange.tokens[GOOD] = Identity().token(role="admin")
    assert (await refusal(stub.Read(Cargo(), metadata=[("x-api-key", GOOD)]))).reason == "TOKEN_INVALID"


async def _error(keys: ApiKeys, key: str, address: str) -> Exception:
    with pytest.raises((Unauthenticated, RateLimited, Unavailable)) as caught:
        await keys.token(key, address)
    return caught.value
