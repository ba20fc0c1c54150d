"""What a call may take: time, by its client's patience and the contract, and room among the other calls."""

import asyncio
import dataclasses
import logging
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from chassis import contract
from chassis.call import Call, current_call
from chassis.errors import Unavailable
from chassis.pipeline import Pipeline
from tests.chassis.identity import Identity
from tests.chassis.serving import Context, bearer, behind, echo, raising, refused, serving
from tests.chassis.trial import Cargo

OPEN = "/plimsoll.trial.v1.TrialService/Open"
Code = grpc.StatusCode


async def test_the_earlier_of_two_deadlines_counts(identity: Identity) -> None:
    async def remaining(request: Cargo, context: Context) -> Cargo:
        return Cargo(weight=current_call().remaining_seconds or -1)

    async with serving(remaining, identity) as stub:
        assert 4 < (await stub.Open(Cargo())).weight < 5.5
        assert 4 < (await stub.Open(Cargo(), timeout=60)).weight < 5.5
        assert 1 < (await stub.Open(Cargo(), timeout=2)).weight < 2.5
        assert 110 < (await stub.ReadLong(Cargo(), metadata=bearer(identity))).weight < 121


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
        calls = [stub.Open(Cargo()) for _ in range(3)]
        for _ in calls:
            await waiting.acquire()
        for _ in range(20):
            found = await refused(stub.Open(Cargo()))
            assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "OVERLOADED")
            assert dict(found.info.metadata) == {"retry_after_seconds": "1"}
        go_on.set()
        assert await asyncio.gather(*calls) == [Cargo()] * 3
        assert await stub.Open(Cargo()) == Cargo()


async def test_failed_calls_leave_their_place() -> None:
    async with behind(Pipeline((), 1), raising(ValueError())) as stub:
        for _ in range(5):
            assert (await refused(stub.Open(Cargo()))).reason == "UNEXPECTED"
