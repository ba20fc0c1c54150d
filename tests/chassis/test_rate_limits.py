"""How many calls a caller may make, over the wire: counted by user, by address, by tier; told in headers."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from chassis.call import CLIENT_ADDRESS, Call, Principal
from chassis.contract import method
from chassis.errors import Overloaded, RateLimited
from chassis.guards import SERVICE_TOKEN
from chassis.rate_limits import RateLimits
from chassis.service_settings import ServiceSettings
from chassis.settings import Secret
from chassis.tokens import ServiceTokens
from tests.chassis.clock import Clock
from tests.chassis.identity import ALICE, BOB, Identity
from tests.chassis.serving import SERVICE_KEY, Client, Context, Metadata, bearer, raising, refused, serving
from tests.chassis.trial import Cargo

Code = grpc.StatusCode
READ, OPEN, INSIDE = (f"/plimsoll.trial.v1.TrialService/{name}" for name in ("Read", "Open", "Inside"))
LIMITS = {"calls_per_minute_public": 3, "calls_per_minute_registered": 5, "calls_per_minute_paid": 8}
WIDE: dict[str, Any] = {"rate_limits": "on", "calls_per_second": 1000}


@pytest.fixture
def clock() -> Clock:
    at_the_turn = Clock()
    at_the_turn.now = 600.0
    return at_the_turn


def limits(clock: Clock, uncounted: tuple[str, ...] = (), **changed: Any) -> RateLimits:
    settings: dict[str, Any] = {"listen_address": "127.0.0.1:0", "service_key": Secret("k" * 32), **LIMITS, **changed}
    return RateLimits("trial", ServiceSettings(**settings), uncounted, clock)


def call(path: str = READ, user: str = ALICE, tier: str = "registered", address: str = "", service: str = "") -> Call:
    principal = Principal(user, tier=tier) if user else None
    metadata = {CLIENT_ADDRESS: address} if address else {}
    return Call(method(path), "an-id", metadata, principal=principal, calling_service=service, peer="ipv4:9.9.9.9:1")


async def admitted(guard: RateLimits, *calls: Call) -> int:
    """Count the calls that are let through before the first is refused."""
    for number, each in enumerate(calls):
        try:
            await guard(each, Cargo())
        except RateLimited:
            return number
    return len(calls)


@pytest.mark.parametrize(("tier", "limit"), [("public", 3), ("registered", 5), ("paid", 8), ("of a newer version", 3)])
async def test_a_tier_has_so_many_calls_a_minute(clock: Clock, tier: str, limit: int) -> None:
    guard = limits(clock, calls_per_second=1000)
    assert await admitted(guard, *(call(tier=tier) for _ in range(20))) == limit
    clock.advance(59)
    assert await admitted(guard, call(tier=tier)) == 0
    clock.advance(1)
    assert await admitted(guard, *(call(tier=tier) for _ in range(20))) == limit


async def test_a_burst_is_limited_and_costs_nothing_of_the_minute(clock: Clock) -> None:
    guard = limits(clock, calls_per_second=2, calls_per_minute_registered=6)
    assert await admitted(guard, *(call() for _ in range(5))) == 2
    for _ in range(2):
        clock.advance(1)
        assert await admitted(guard, *(call() for _ in range(5))) == 2
    clock.advance(1)
    assert await admitted(guard, call()) == 0, "six calls were let through: the minute is over"


async def test_where_the_second_refuses_the_headers_still_speak_of_the_minute(clock: Clock) -> None:
    clock.advance(10)
    guard, hasty = limits(clock, calls_per_second=1), call()
    await guard(call(), Cargo())
    with pytest.raises(RateLimited) as refusal:
        await guard(hasty, Cargo())
    assert hasty.headers == {"x-ratelimit-limit": "5", "x-ratelimit-remaining": "4", "x-ratelimit-reset": "50"}
    assert refusal.value.metadata == {"limit": "1", "period": "second", "retry_after_seconds": "1"}


async def test_users_are_apart_and_a_users_methods_are_not(clock: Clock) -> None:
    guard = limits(clock, calls_per_second=1000)
    assert await admitted(guard, *(call() for _ in range(6))) == 5
    assert await admitted(guard, call(user=BOB)) == 1
    assert await admitted(guard, call(path=READ.replace("Read", "Write"))) == 0


async def test_public_calls_are_counted_by_address_and_method(clock: Clock) -> None:
    guard = limits(clock, calls_per_second=1000)
    assert await admitted(guard, *(call(OPEN, "", address="1.2.3.4") for _ in range(6))) == 3
    assert await admitted(guard, call(OPEN, "", address="1.2.3.5")) == 1
    assert await admitted(guard, call(OPEN, "")) == 1
    assert await admitted(guard, call(READ, ALICE, address="1.2.3.4")) == 1


async def test_all_of_an_ipv6_network_is_one_client(clock: Clock) -> None:
    guard = limits(clock, calls_per_second=1000)
    assert await admitted(guard, *(call(OPEN, "", address=f"2001:db8:1:2::{n:x}") for n in range(1, 9))) == 3
    assert await admitted(guard, call(OPEN, "", address="2001:db8:1:3::1")) == 1


async def test_services_are_not_counted_nor_what_is_said_to_be_free(clock: Clock) -> None:
    guard = limits(clock, (OPEN,), calls_per_second=2)
    assert await admitted(guard, *(call(service="risk") for _ in range(50))) == 50
    assert await admitted(guard, *(call(INSIDE, "") for _ in range(50))) == 50
    assert await admitted(guard, *(call(OPEN, "") for _ in range(50))) == 50


async def test_they_can_be_turned_off(clock: Clock) -> None:
    guard, made = limits(clock, rate_limits="off", calls_per_second=1), [call() for _ in range(50)]
    assert await admitted(guard, *made) == 50
    assert made[0].headers == {}


def test_a_peer_has_an_address() -> None:
    peers = {"ipv4:10.0.0.7:51234": "10.0.0.7", "ipv6:%5B::1%5D:51234": "::1", "unix:": "", "": ""}
    assert {peer: Call(None, "", peer=peer).client_address for peer in peers} == peers


@asynccontextmanager
async def limited(identity: Identity, **changed: Any) -> AsyncIterator[Client]:
    async with serving(identity=identity, **{**WIDE, **LIMITS, **changed}) as stub:
        yield stub


async def headers_of(stub: Client, metadata: Metadata, rpc: str = "Read") -> tuple[Code, dict[str, str]]:
    made = getattr(stub, rpc)(Cargo(), metadata=metadata)
    received = {str(key): str(value) for key, value in await made.initial_metadata()}
    return await made.code(), {name: received[name] for name in received if name.startswith(("x-rate", "retry"))}


async def test_every_answer_says_what_is_left(identity: Identity) -> None:
    # Whichever second of the minute it is, no minute ends twice within a few calls.
    async with limited(identity, calls_per_minute_registered=100) as stub:
        told = [(await headers_of(stub, bearer(identity)))[1] for _ in range(3)]
    assert {headers["x-ratelimit-limit"] for headers in told} == {"100"}
    assert all(1 <= int(headers["x-ratelimit-reset"]) <= 60 for headers in told)
    left = [int(headers["x-ratelimit-remaining"]) for headers in told]
    assert sum(later == earlier - 1 for earlier, later in itertools.pairwise(left)) >= 1
    assert not any("retry-after" in headers for headers in told)


async def test_a_refusal_says_when_to_come_back(identity: Identity) -> None:
    async with limited(identity, calls_per_second=1) as stub:
        codes = []
        for _ in range(20):
            code, headers = await headers_of(stub, bearer(identity))
            codes.append(code)
            if code != Code.OK:
                break
        assert codes[-1] == Code.RESOURCE_EXHAUSTED
        assert 1 <= int(headers["retry-after"]) <= 60
        assert headers["x-ratelimit-limit"] == "5"
        found = await refused(stub.Read(Cargo(), metadata=bearer(identity)))
    assert found.reason == "RATE_LIMITED"
    assert set(found.info.metadata) == {"limit", "period", "retry_after_seconds"}


async def test_a_token_decides_the_tier(identity: Identity) -> None:
    async with limited(identity) as stub:
        _, headers = await headers_of(stub, bearer(identity, tier="paid"))
        assert headers["x-ratelimit-limit"] == "8"
        _, headers = await headers_of(stub, bearer(identity, BOB, tier="public"))
        assert headers["x-ratelimit-limit"] == "3"


async def test_a_bad_request_counts_too(identity: Identity) -> None:
    async with limited(identity, calls_per_minute_registered=100) as stub:
        made = stub.Read(Cargo(name="x" * 10_000), metadata=bearer(identity))
        received = dict(await made.initial_metadata())
        assert await made.code() == Code.INVALID_ARGUMENT
    assert received["x-ratelimit-limit"] == "100"


async def test_a_flood_leaves_others_alone(identity: Identity) -> None:
    async with limited(identity) as stub:
        flood = [stub.Read(Cargo(), metadata=bearer(identity)) for _ in range(200)]
        async with asyncio.timeout(10):
            assert await stub.Read(Cargo(), metadata=bearer(identity, BOB)) == Cargo()
        codes = [await made.code() for made in flood]
    assert set(codes) == {Code.OK, Code.RESOURCE_EXHAUSTED}
    assert codes.count(Code.OK) <= 10, "two minutes' worth, if the minute ended just then"


async def test_calls_of_services_for_a_user_carry_no_headers(identity: Identity) -> None:
    proof = (SERVICE_TOKEN, ServiceTokens("risk", SERVICE_KEY).mint("trial"))
    async with limited(identity) as stub:
        for _ in range(20):
            code, headers = await headers_of(stub, [proof, *bearer(identity)])
            assert (code, headers) == (Code.OK, {})


async def test_a_service_that_has_too_much_to_do_says_when_to_come_back() -> None:
    async with serving(raising(Overloaded("full", 7))) as stub:
        code, headers = await headers_of(stub, [], "Open")
    assert (code, headers) == (Code.RESOURCE_EXHAUSTED, {"retry-after": "7"})


async def test_what_a_handler_sends_before_its_answer_goes_together_with_ours(identity: Identity) -> None:
    async def tell(request: Cargo, context: Context) -> Cargo:
        await context.send_initial_metadata((("etag", '"7"'),))
        await context.send_initial_metadata((("set-cookie", "a=b"),))
        assert context.peer()
        return request

    async with serving(tell, identity, **{**WIDE, **LIMITS}) as stub:
        received = dict(await stub.Read(Cargo(), metadata=bearer(identity)).initial_metadata())
    assert (received["etag"], received["set-cookie"], received["x-ratelimit-limit"]) == ('"7"', "a=b", "5")
