"""What happens around a handler: every call is its own, and failures become what a client may see."""

import asyncio
from typing import Any

import grpc
import pytest

from chassis import call
from chassis.call import Call, Principal, current_call
from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    Failure,
    NotFound,
    StaleRevision,
    Unauthenticated,
)
from chassis.pipeline import Pipeline
from tests.chassis import raw_http2
from tests.chassis.identity import ALICE, BOB, Identity
from tests.chassis.serving import (
    Context,
    Trial,
    bearer,
    behind,
    echo,
    raising,
    refused,
    serving,
    started,
    trial_server,
)
from tests.chassis.trial import Cargo

OPEN = "/plimsoll.trial.v1.TrialService/Open"
URL = "postgresql://portfolio_app:hunter2@db/plimsoll"
Code = grpc.StatusCode


async def test_a_call_is_answered() -> None:
    whole = Cargo(name="n", tags=["a", "b"], sealed=b"\0\xff", shocks={"k": 0.5})
    async with serving() as stub:
        assert await stub.Open(whole) == whole


@pytest.mark.parametrize(
    "failure",
    [
        NotFound("thing", "x"),
        AlreadyExists("thing", "é"),
        StaleRevision(1, 2),
        FailedPrecondition("MARKET_DATA_EMPTY", "no"),
    ],
    ids=lambda failure: failure.reason,
)
async def test_a_failure_reaches_the_client_as_it_is(failure: Failure) -> None:
    async with serving(raising(failure)) as stub:
        found = await refused(stub.Open(Cargo()))
    assert (found.code, found.reason, found.message) == (failure.code, failure.reason, failure.message)
    assert dict(found.info.metadata) == failure.metadata
    assert (found.status.code, found.status.message) == (failure.code.value[0], failure.message)


@pytest.mark.parametrize(
    "error",
    [ValueError(URL), TimeoutError(URL), OSError(URL), ExceptionGroup(URL, [ValueError(URL)]), AssertionError()],
)
async def test_what_nobody_foresaw_tells_an_id_and_nothing_else(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(raising(error)) as stub:
        found = await refused(stub.Open(Cargo(), metadata=[("x-request-id", "my-id")]))
    assert (found.code, found.reason) == (Code.INTERNAL, "UNEXPECTED")
    assert dict(found.info.metadata) == {"request_id": "my-id"}
    assert "hunter2" not in f"{found.message}{found.trailers}"
    (logged,) = [record for record in caplog.records if record.name == "chassis.pipeline"]
    assert logged.exc_info is not None
    assert logged.exc_info[1] is error


async def test_an_answer_that_cannot_be_sent_is_a_defect_too(caplog: pytest.LogCaptureFixture) -> None:
    async def nothing(request: Cargo, context: Context) -> Any:
        return None

    async with serving(nothing) as stub:
        assert (await refused(stub.Open(Cargo()))).reason == "UNEXPECTED"
    assert "SerializeToString" in caplog.text


async def test_a_cancellation_of_our_own_does_not_leave_the_client_waiting() -> None:
    async with serving(raising(asyncio.CancelledError())) as stub:
        async with asyncio.timeout(10):
            assert (await refused(stub.Open(Cargo()))).reason == "UNEXPECTED"


async def test_a_handler_that_aborts_keeps_its_status(caplog: pytest.LogCaptureFixture) -> None:
    async def abort(request: Cargo, context: Context) -> Cargo:
        await context.abort(Code.DATA_LOSS, "mine")

    async with serving(abort) as stub:
        found = await refused(stub.Open(Cargo()))
    assert (found.code, found.message) == (Code.DATA_LOSS, "mine")
    assert "a handler aborted its call itself" in caplog.text


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (Code.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
        (Code.DEADLINE_EXCEEDED, "DEADLINE_PASSED"),
        (Code.PERMISSION_DENIED, "UNEXPECTED"),
        (Code.UNKNOWN, "UNEXPECTED"),
    ],
)
async def test_the_failure_of_a_callee_is_translated(code: Code, told: str, caplog: pytest.LogCaptureFixture) -> None:
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "what they said")
    async with serving(raising(error)) as stub:
        found = await refused(stub.Open(Cargo()))
    assert found.reason == told
    assert "what they said" not in found.message
    assert ("what they said" in caplog.text) == (told != "DEADLINE_PASSED")


GARBAGE = {
    "cut short": b"\x0a\x05ab",
    "no wire type": b"\x0f",
    "not UTF-8": b"\x0a\x01\xff",
    "endless number": b"\x18" + b"\xff" * 11,
    "too deep": b"",
    "noise": b"\xff\xff\xff",
}
deepest = b""
for _ in range(200):
    length = len(deepest)
    deepest = b"\x1a" + (bytes([length]) if length < 128 else bytes([length % 128 + 128, length // 128])) + deepest
GARBAGE["too deep"] = b"\x3a" + bytes([len(deepest) % 128 + 128, len(deepest) // 128]) + deepest


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
async def test_a_body_that_is_no_message_is_refused_as_such(body: bytes) -> None:
    async with serving() as stub:
        found = await refused(stub.channel.unary_unary(OPEN)(body))
    assert (found.code, found.reason) == (Code.INVALID_ARGUMENT, "INVALID_FIELD")
    assert found.message == "the body is not the message that this call takes"


async def test_fields_that_we_do_not_know_do_no_harm() -> None:
    body = b"\xfa\x7f\x03abc" + Cargo(name="n").SerializeToString()
    async with serving() as stub:
        assert (await stub.channel.unary_unary(OPEN, None, Cargo.FromString)(body)).name == "n"


async def test_a_request_id_is_kept_or_made() -> None:
    seen: list[str] = []

    async def note(request: Cargo, context: Context) -> Cargo:
        seen.append(current_call().request_id)
        return request

    async with serving(note) as stub:
        for given in ("a-request-id", "4bf92f35-77b3/4da6", "x" * 100):
            await stub.Open(Cargo(), metadata=[("x-request-id", given)])
        assert seen == ["a-request-id", "4bf92f35-77b3/4da6", "x" * 100]
        seen.clear()
        for given in ("", "x" * 101, "two words", 'quote"', "<script>", "semi;colon"):
            await stub.Open(Cargo(), metadata=[("x-request-id", given)])
        await stub.Open(Cargo())
    assert len(set(seen)) == 7
    assert all(len(made) == 32 and made.isalnum() for made in seen)


@pytest.mark.parametrize("value", [b"a\nb", b"a\r\nb: c", b"\0", b"\x1b[31m", b"\x7f", "é".encode(), b"\xff", b"a\tb"])
async def test_no_header_brings_characters_that_could_not_be_passed_on(value: bytes) -> None:
    seen: list[Call] = []

    async def note(request: Cargo, context: Context) -> Cargo:
        seen.append(current_call())
        return request

    async with started(trial_server(Trial(note), Identity())) as server:
        headers = {"x-request-id": value, "tracestate": value, "idempotency-key": value}
        assert b"grpc-status" in await raw_http2.call(server.port, OPEN, headers)
    (call,) = seen
    assert call.request_id.isalnum()
    for header in headers:
        assert call.metadata[header].isascii()
        assert call.metadata[header].isprintable()
        assert call.metadata[header] != ""


async def test_two_headers_that_differ_stay_different() -> None:
    seen: set[str] = set()

    async def note(request: Cargo, context: Context) -> Cargo:
        seen.add(current_call().metadata["idempotency-key"])
        return request

    async with started(trial_server(Trial(note), Identity())) as server:
        for value in ("é", "è", "e\n", "e", "?", "\\xe9 "):
            await raw_http2.call(server.port, OPEN, {"idempotency-key": value.encode()})
    assert len(seen) == 6


async def test_each_call_is_its_own(identity: Identity) -> None:
    together = asyncio.Barrier(20)

    async def who(request: Cargo, context: Context) -> Cargo:
        before = current_call()
        await together.wait()
        inside = await asyncio.create_task(asyncio.sleep(0, current_call()))
        assert before is current_call() is inside
        return Cargo(name=before.user_id[:8], request_id=before.request_id)

    async with serving(who, identity) as stub:
        users = [ALICE, BOB] * 10
        calls = [
            stub.Read(Cargo(), metadata=[*bearer(identity, user), ("x-request-id", f"id-{number}")])
            for number, user in enumerate(users)
        ]
        answers = await asyncio.gather(*calls)
    assert [(answer.name, answer.request_id) for answer in answers] == [
        (user[:8], f"id-{number}") for number, user in enumerate(users)
    ]
    assert call.serving() is None
    with pytest.raises(LookupError, match="no call is being served"):
        current_call()


async def test_an_rpc_that_does_not_exist_is_unimplemented_and_not_remembered() -> None:
    pipeline = Pipeline((), 10)
    async with behind(pipeline, echo) as stub:
        channel = stub.channel
        for path in ("/plimsoll.trial.v1.TrialService/Gone", "/plimsoll.gone.v1.Gone/Get", "/Get", "/"):
            assert (await refused(channel.unary_unary(path)(b""))).code == Code.UNIMPLEMENTED
        await stub.Open(Cargo())
    assert set(pipeline._wrapped) == {OPEN}


def test_an_anonymous_call_has_no_user_and_may_have_no_deadline() -> None:
    assert Call(None, "an-id", principal=Principal(ALICE)).user_id == ALICE
    with pytest.raises(Unauthenticated):
        _ = Call(None, "an-id").user_id
    assert Call(None, "an-id").remaining_seconds is None
    assert Call(None, "an-id", deadline=0.0).remaining_seconds == 0.0
