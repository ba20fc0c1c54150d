"""What happens around a handler: identity of the call, time, room, and failures turned into what a client may see."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from chassis import contract
from chassis.call import Call, Principal, current_call, serving as call_being_served
from chassis.errors import AlreadyExists, FailedPrecondition, Failure, NotFound, StaleRevision, Unavailable
from chassis.pipeline import Pipeline
from tests.chassis import raw_http2
from tests.chassis.identity import ALICE, BOB, Identity
from tests.chassis.serving import Behaviour, Context, Trial, bearer, calling, echo, refused, serving, started, trial_server
from tests.chassis.trial import Cargo, TrialServiceStub, add_TrialServiceServicer_to_server

OPEN = "/plimsoll.trial.v1.TrialService/Open"
URL = "postgresql://portfolio_app:hunter2@db/plimsoll"
Code = grpc.StatusCode


@asynccontextmanager
async def behind(pipeline: Pipeline, behaviour: Behaviour) -> AsyncIterator[TrialServiceStub]:
    """Serve a behaviour behind a pipeline alone."""
    server = grpc.aio.server(interceptors=[pipeline])
    add_TrialServiceServicer_to_server(Trial(behaviour), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield TrialServiceStub(channel)
    await server.stop(0)


def raising(error: BaseException) -> Behaviour:
    async def behaviour(request: Cargo, context: Context) -> Cargo:
        raise error

    return behaviour


async def test_a_call_is_answered() -> None:
    whole = Cargo(name="n", tags=["a", "b"], sealed=b"\0\xff", shocks={"k": 0.5})
    async with serving() as stub:
        assert await stub.Open(whole) == whole


@pytest.mark.parametrize(
    "failure",
    [NotFound("thing", "x"), AlreadyExists("thing", "é"), StaleRevision(1, 2), FailedPrecondition("MARKET_DATA_EMPTY", "no")],
    ids=lambda failure: failure.reason,
)
async def test_a_failure_reaches_the_client_as_it_is(failure: Failure) -> None:
    async with serving(raising(failure)) as stub:
        found = await refused(stub.Open(Cargo()))
    assert (found.code, found.reason, found.message) == (failure.code, failure.reason, failure.message)
    assert dict(found.info.metadata) == failure.metadata
    assert (found.status.code, found.status.message) == (failure.code.value[0], failure.message)


@pytest.mark.parametrize(
    "error", [ValueError(URL), TimeoutError(URL), OSError(URL), ExceptionGroup(URL, [ValueError(URL)]), AssertionError()]
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
    async with started(trial_server(Trial(), Identity())) as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            found = await refused(channel.unary_unary(OPEN)(body))
    assert (found.code, found.reason) == (Code.INVALID_ARGUMENT, "INVALID_FIELD")
    assert found.message == "the body is not the message that this call takes"


async def test_fields_that_we_do_not_know_do_no_harm() -> None:
    async with started(trial_server(Trial(), Identity())) as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            answer = await channel.unary_unary(OPEN, None, Cargo.FromString)(b"\xfa\x7f\x03abc" + Cargo(name="n").SerializeToString())
    assert answer.name == "n"


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
    assert call_being_served() is None
    with pytest.raises(LookupError, match="no call is being served"):
        current_call()


async def test_the_earlier_of_two_deadlines_counts(identity: Identity) -> None:
    async def remaining(request: Cargo, context: Context) -> Cargo:
        return Cargo(weight=current_call().remaining_seconds or -1)

    async with serving(remaining, identity) as stub:
        assert 4 < (await stub.Open(Cargo())).weight <= 5
        assert 4 < (await stub.Open(Cargo(), timeout=60)).weight <= 5
        assert 1 < (await stub.Open(Cargo(), timeout=2)).weight <= 2
        assert 110 < (await stub.ReadLong(Cargo(), metadata=bearer(identity))).weight <= 120


def hurried(seconds: float, guards: Any = (), limit: int = 10) -> Pipeline:
    """Give a pipeline whose Open has less time than the contract allows."""
    pipeline = Pipeline(guards, limit)
    policy = contract.method(OPEN)
    assert policy is not None
    wrap = pipeline._wrap
    pipeline._wrap = lambda handler, _: wrap(handler, dataclasses.replace(policy, seconds=seconds))  # type: ignore[method-assign]
    return pipeline


async def test_a_handler_that_takes_too_long_is_stopped_and_the_client_told() -> None:
    stopped = asyncio.Event()

    async def hang(request: Cargo, context: Context) -> Cargo:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return request

    async with behind(hurried(0.05), hang) as stub, asyncio.timeout(10):
        found = await refused(stub.Open(Cargo()))
        await stopped.wait()
    assert (found.code, found.reason) == (Code.DEADLINE_EXCEEDED, "DEADLINE_PASSED")


async def test_a_guard_that_takes_too_long_is_stopped_and_the_client_told() -> None:
    async def hang(call: Call, request: Message) -> None:
        await asyncio.Event().wait()

    async with behind(hurried(0.05, [hang]), echo) as stub, asyncio.timeout(10):
        assert (await refused(stub.Open(Cargo()))).reason == "DEADLINE_PASSED"


async def test_a_time_out_of_the_handlers_own_is_no_deadline() -> None:
    async def impatient(request: Cargo, context: Context) -> Cargo:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
        return request

    async with serving(impatient) as stub:
        assert (await refused(stub.Open(Cargo()))).reason == "UNEXPECTED"


async def test_what_a_handler_says_after_its_time_is_still_said() -> None:
    """A handler may turn the cancellation into something better: a rollback that found out more."""

    async def careful(request: Cargo, context: Context) -> Cargo:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Unavailable("database") from None
        return request

    async with behind(hurried(0.05), careful) as stub:
        assert (await refused(stub.Open(Cargo()))).reason == "DEPENDENCY_UNAVAILABLE"


async def test_a_client_that_goes_away_stops_its_call(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    running, stopped = asyncio.Event(), asyncio.Event()

    async def hang(request: Cargo, context: Context) -> Cargo:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return request

    pipeline = Pipeline((), 10)
    async with behind(pipeline, hang) as stub, asyncio.timeout(10):
        call = stub.Open(Cargo())
        await running.wait()
        assert pipeline._running == 1
        call.cancel()
        await stopped.wait()
        await asyncio.sleep(0)
        assert pipeline._running == 0
    assert [(record.name, record.getMessage()) for record in caplog.records if "chassis" in record.name] == [
        ("chassis.access", "Open CANCELLED")
    ]


async def test_a_client_whose_deadline_passes_stops_its_call() -> None:
    stopped = asyncio.Event()

    async def hang(request: Cargo, context: Context) -> Cargo:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return request

    async with serving(hang) as stub, asyncio.timeout(10):
        assert (await refused(stub.Open(Cargo(), timeout=0.1))).code == Code.DEADLINE_EXCEEDED
        await stopped.wait()


@pytest.mark.parametrize("waits_in", ["the handler", "a guard"])
async def test_more_calls_than_there_is_room_for_are_refused_at_once(waits_in: str) -> None:
    waiting, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def wait(*_: object) -> None:
        waiting.release()
        await go_on.wait()

    async def answer(request: Cargo, context: Context) -> Cargo:
        if waits_in == "the handler":
            await wait()
        return request

    pipeline = Pipeline([wait] if waits_in == "a guard" else [], 3)
    async with behind(pipeline, answer) as stub, asyncio.timeout(10):
        calls = [asyncio.create_task(anext(aiter([stub.Open(Cargo())]), None)) for _ in ()]  # none yet
        calls = [asyncio.ensure_future(answered(stub)) for _ in range(3)]
        for _ in calls:
            await waiting.acquire()
        for _ in range(20):
            found = await refused(stub.Open(Cargo()))
            assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "OVERLOADED")
            assert dict(found.info.metadata) == {"retry_after_seconds": "1"}
        go_on.set()
        assert await asyncio.gather(*calls) == [Cargo()] * 3
        assert await stub.Open(Cargo()) == Cargo()


async def answered(stub: TrialServiceStub) -> Cargo:
    return await stub.Open(Cargo())


async def test_failed_calls_leave_their_place() -> None:
    async with behind(Pipeline((), 1), raising(ValueError())) as stub:
        for _ in range(5):
            assert (await refused(stub.Open(Cargo()))).reason == "UNEXPECTED"


async def test_an_rpc_that_does_not_exist_is_unimplemented() -> None:
    async with started(trial_server(Trial(), Identity())) as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            for path in ("/plimsoll.trial.v1.TrialService/Gone", "/plimsoll.gone.v1.Gone/Get", "/Get", "/"):
                assert (await refused(channel.unary_unary(path)(b""))).code == Code.UNIMPLEMENTED


async def test_paths_that_do_not_exist_are_not_remembered() -> None:
    pipeline = Pipeline((), 10)
    async with behind(pipeline, echo) as stub:
        await stub.Open(Cargo())
        channel = stub.Open._channel if hasattr(stub.Open, "_channel") else None
        del channel
    assert set(pipeline._wrapped) == {OPEN}


def test_an_anonymous_call_has_no_user() -> None:
    assert Call(None, "an-id", principal=Principal(ALICE)).user_id == ALICE
    assert Call(None, "an-id").remaining_seconds is None
    assert Call(None, "an-id", deadline=0.0).remaining_seconds == 0.0
