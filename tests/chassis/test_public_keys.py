"""Identity's keys: fetched once for all who wait, seldom, and not needed every minute."""

import asyncio

import grpc
import pytest

from chassis.call import Call, enter, serving
from chassis.errors import Failure, Unauthenticated, Unavailable
from chassis.public_keys import KEYS_KEPT_SECONDS, KEYS_TRUSTED_SECONDS, REFETCH_SECONDS, RETRY_SECONDS, PublicKeys
from chassis.tokens import TokenVerifier
from tests.chassis.clock import Clock
from tests.chassis.identity import ALICE, Identity, key_set

DOWN = ConnectionRefusedError("identity is down")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(identity: Identity, clock: Clock) -> TokenVerifier:
    return TokenVerifier("plimsoll", "plimsoll", identity.fetch_keys, clock)


async def failure(verifier: TokenVerifier, token: str) -> Failure:
    with pytest.raises(Failure) as caught:
        await verifier.verify(token)
    return caught.value


async def test_keys_are_fetched_when_first_needed_and_then_kept(
    verifier: TokenVerifier, identity: Identity, clock: Clock
) -> None:
    assert identity.asked == 0
    for number in range(20):
        await verifier.verify(identity.token(jti=str(number)))
        clock.advance(KEYS_KEPT_SECONDS / 20 - 0.01)
    assert identity.asked == 1


async def test_keys_are_fetched_again_before_they_are_old(
    verifier: TokenVerifier, identity: Identity, clock: Clock
) -> None:
    token = identity.token()
    await verifier.verify(token)
    clock.advance(KEYS_KEPT_SECONDS)
    await verifier.verify(token)
    assert identity.asked == 2


async def test_a_key_that_was_withdrawn_proves_nothing_any_more(
    verifier: TokenVerifier, identity: Identity, clock: Clock
) -> None:
    old = identity.token()
    await verifier.verify(old)
    identity.rotate("second")
    assert (await verifier.verify(old)).user_id == ALICE  # for as long as keys are kept
    clock.advance(KEYS_KEPT_SECONDS)
    assert isinstance(await failure(verifier, old), Unauthenticated)


async def test_a_new_key_is_picked_up_at_once(verifier: TokenVerifier, identity: Identity, clock: Clock) -> None:
    await verifier.verify(identity.token())
    clock.advance(REFETCH_SECONDS)
    identity.rotate("second")
    assert (await verifier.verify(identity.token())).user_id == ALICE
    assert identity.asked == 2


async def test_a_flood_of_unknown_keys_does_not_reach_identity(
    verifier: TokenVerifier, identity: Identity, clock: Clock
) -> None:
    known = identity.token()
    await verifier.verify(known)
    mallory = Identity()
    for number in range(200):
        mallory.rotate(f"unknown-{number}")
        assert isinstance(await failure(verifier, mallory.token()), Unauthenticated)
        clock.advance(REFETCH_SECONDS / 100)
        assert (await verifier.verify(known)).user_id == ALICE
    assert identity.asked <= 3
    assert len(verifier._verified) == 1


async def test_many_who_wait_cause_one_fetch(verifier: TokenVerifier, identity: Identity) -> None:
    identity.answers.clear()
    waiting = [asyncio.create_task(verifier.verify(identity.token(jti=str(number)))) for number in range(50)]
    await identity.was_asked.wait()
    identity.answers.set()
    assert {principal.user_id for principal in await asyncio.gather(*waiting)} == {ALICE}
    assert identity.asked == 1


async def test_who_started_a_fetch_may_go_away(verifier: TokenVerifier, identity: Identity) -> None:
    identity.answers.clear()
    first = asyncio.create_task(verifier.verify(identity.token(jti="1")))
    await identity.was_asked.wait()
    second = asyncio.create_task(verifier.verify(identity.token(jti="2")))
    first.cancel()
    await asyncio.wait([first])
    identity.answers.set()
    assert (await second).user_id == ALICE
    assert first.cancelled()
    assert identity.asked == 1


async def test_keys_are_not_fetched_in_the_name_of_a_caller() -> None:
    seen: list[Call | None] = []

    async def fetch() -> dict[str, object]:
        seen.append(serving())
        return key_set(Identity().keys)

    enter(Call(None, "a-request", {"authorization": "Bearer x"}))
    with pytest.raises(Unauthenticated):
        await PublicKeys(fetch).get("unknown")
    assert seen == [None]


async def test_without_identity_nobody_is_called_unknown(verifier: TokenVerifier, identity: Identity) -> None:
    identity.failure = DOWN
    found = await failure(verifier, identity.token())
    assert isinstance(found, Unavailable)
    assert found.metadata == {"dependency": "identity"}


async def test_attempts_that_fail_are_bounded_too(verifier: TokenVerifier, identity: Identity, clock: Clock) -> None:
    identity.failure = DOWN
    for _ in range(100):
        assert isinstance(await failure(verifier, identity.token()), Unavailable)
        clock.advance(RETRY_SECONDS / 50)
    assert identity.asked <= 3


async def test_identity_that_comes_back_is_found_soon(
    verifier: TokenVerifier, identity: Identity, clock: Clock
) -> None:
    identity.failure = DOWN
    await failure(verifier, identity.token())
    identity.failure = None
    clock.advance(RETRY_SECONDS)
    assert (await verifier.verify(identity.token())).user_id == ALICE


async def test_known_keys_go_on_while_identity_is_down(
    verifier: TokenVerifier, identity: Identity, clock: Clock
) -> None:
    token = identity.token()
    await verifier.verify(token)
    identity.failure = DOWN
    clock.advance(KEYS_KEPT_SECONDS)
    assert (await verifier.verify(token)).user_id == ALICE
    assert (await verifier.verify(identity.token(jti="another"))).user_id == ALICE
    clock.advance(KEYS_TRUSTED_SECONDS - KEYS_KEPT_SECONDS)
    assert isinstance(await failure(verifier, token), Unavailable)


async def test_a_new_key_is_not_called_unknown_while_identity_is_down(
    verifier: TokenVerifier, identity: Identity, clock: Clock
) -> None:
    await verifier.verify(identity.token())
    clock.advance(REFETCH_SECONDS)
    identity.rotate("second")
    identity.failure = DOWN
    assert isinstance(await failure(verifier, identity.token()), Unavailable)


async def test_an_identity_that_hangs_is_not_waited_for(verifier: TokenVerifier, identity: Identity) -> None:
    identity.answers.clear()
    async with asyncio.timeout(10):
        assert isinstance(await failure(verifier, identity.token()), Unavailable)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"keys": []},
        {"keys": None},
        {"keys": [7]},
        {"keys": [{"kty": "OKP"}]},
        {"keys": [{"kty": "oct", "k": "AAAA", "kid": "first"}]},
    ],
)
async def test_an_answer_without_keys_proves_and_disproves_nothing(answer: dict[str, object]) -> None:
    async def fetch() -> dict[str, object]:
        return answer

    with pytest.raises((Unavailable, Unauthenticated)):
        await PublicKeys(fetch).get("first")


async def test_only_keys_of_our_kind_are_taken() -> None:
    ours = key_set(Identity().keys)["keys"]
    shared = {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"}
    nameless = {key: value for key, value in ours[0].items() if key != "kid"}

    async def fetch() -> dict[str, object]:
        return {"keys": [shared, nameless, *ours]}

    keys = PublicKeys(fetch)
    assert (await keys.get("first")).key_type == "OKP"
    for kid in ("shared", "", "None"):
        with pytest.raises(Unauthenticated):
            await keys.get(kid)


async def test_the_failure_of_a_call_to_identity_is_one_of_ours(identity: Identity) -> None:
    identity.failure = grpc.aio.AioRpcError(grpc.StatusCode.UNAUTHENTICATED, grpc.aio.Metadata(), grpc.aio.Metadata())
    with pytest.raises(Unavailable):
        await PublicKeys(identity.fetch_keys).get("first")
