"""Spans and metrics of every call, as a collector gets them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from sqlalchemy import text

from chassis import telemetry
from chassis.channels import Channels
from chassis.database import Database
from chassis.errors import NotFound
from tests.chassis.collector import Collector, texts
from tests.chassis.conftest import SERVICE
from tests.chassis.identity import Identity
from tests.chassis.serving import (
    SERVICE_KEY,
    Behaviour,
    Client,
    Context,
    Trial,
    echo,
    raising,
    refused,
    serving,
    started,
    trial_server,
)
from tests.chassis.trial import Cargo, TrialServiceStub

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACE = [("traceparent", f"00-{TRACE_ID}-{PARENT_ID}-01")]
OPEN = "plimsoll.trial.v1.TrialService/Open"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """A collector that this process sends to. The SDK is installed once in a process, and afterwards shut down."""
    started = Collector()
    telemetry.configure("risk", started.endpoint)
    yield started
    _provider(trace.get_tracer_provider()).shutdown()
    _provider(metrics.get_meter_provider()).shutdown()
    AsyncPGInstrumentor().uninstrument()
    started.stop()


@pytest.fixture
def collected(collector: Collector) -> Collector:
    collector.spans.clear()
    return collector


def _provider(found: Any) -> Any:
    """Give a provider with the methods that only the SDK's have."""
    return found


async def flush() -> None:
    """Send what there is, without holding up the loop on which calls are served."""
    await asyncio.to_thread(_provider(trace.get_tracer_provider()).force_flush)
    await asyncio.to_thread(_provider(metrics.get_meter_provider()).force_flush)


async def called(behaviour: Behaviour, **more: Any) -> None:
    async with serving(behaviour) as stub:
        await stub.Open(Cargo(), **more).code()
    await flush()


async def test_a_call_is_a_span_in_the_trace_of_its_caller(collected: Collector) -> None:
    await called(echo, metadata=[*TRACE, ("x-request-id", "my-id")])
    (span,) = collected.spans
    assert (span.name, span.kind) == (OPEN, Span.SPAN_KIND_SERVER)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)
    attributes = texts(span.attributes)
    assert attributes == {"rpc.method": f"/{OPEN}", "rpc.code": "OK", "plimsoll.request_id": "my-id"}
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert collected.resources[-1]["service.name"] == "risk"
    assert collected.resources[-1]["service.namespace"] == "plimsoll"


@pytest.mark.parametrize("traceparent", ["", "nonsense", "00-0-0-01", "ff-" + TRACE[0][1][3:]])
async def test_a_trace_that_is_none_begins_a_new_one(traceparent: str, collected: Collector) -> None:
    await called(echo, metadata=[("traceparent", traceparent)])
    (span,) = collected.spans
    assert span.parent_span_id == b""
    assert span.trace_id.hex() != TRACE_ID


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (ValueError("a secret"), "INTERNAL", Status.STATUS_CODE_ERROR),
        (NotFound("thing", "x"), "NOT_FOUND", Status.STATUS_CODE_UNSET),
    ],
)
async def test_a_call_that_fails_says_so(error: Exception, code: str, status: int, collected: Collector) -> None:
    await called(raising(error))
    (span,) = collected.spans
    assert texts(span.attributes)["rpc.code"] == code
    assert span.status.code == status
    assert "a secret" not in str(span)


async def test_a_call_whose_client_goes_away_is_cancelled(collected: Collector) -> None:
    running = asyncio.Event()

    async def hang(request: Cargo, context: Context) -> Cargo:
        running.set()
        await asyncio.Event().wait()
        return request

    async with serving(hang) as stub:
        call = stub.Open(Cargo())
        await running.wait()
        call.cancel()
        await call.code()
    async with asyncio.timeout(10):
        while not collected.spans:
            await flush()
    (span,) = collected.spans
    assert texts(span.attributes)["rpc.code"] == "CANCELLED"


async def test_a_call_that_causes_another_is_its_parent(collected: Collector) -> None:
    channels = Channels("risk", SERVICE_KEY)
    async with started(trial_server(Trial(), Identity())) as callee:

        async def onward(request: Cargo, context: Context) -> Cargo:
            answer: Cargo = await TrialServiceStub(channels.channel("trial", f"127.0.0.1:{callee.port}")).Inside(
                request
            )
            return answer

        await called(onward, metadata=TRACE)
    await channels.close()
    inside, outside = collected.spans
    assert (inside.name.rpartition("/")[2], outside.name.rpartition("/")[2]) == ("Inside", "Open")
    assert inside.trace_id.hex() == outside.trace_id.hex() == TRACE_ID
    assert inside.parent_span_id == outside.span_id
    assert outside.parent_span_id.hex() == PARENT_ID


async def test_sql_belongs_to_the_trace_and_shows_no_values(url: str, collected: Collector) -> None:
    database = Database(url, SERVICE)

    async def query(request: Cargo, context: Context) -> Cargo:
        async with database.transaction() as connection:
            await connection.execute(text("SELECT length(:note)"), {"note": "hunter2"})
        return request

    await called(query, metadata=TRACE)
    await database.close()
    call = next(span for span in collected.spans if span.name == OPEN)
    statements = [span for span in collected.spans if "SELECT length" in str(span)]
    assert [(span.trace_id, span.parent_span_id) for span in statements] == [(call.trace_id, call.span_id)]
    assert "hunter2" not in str(collected.spans)


async def test_health_checks_are_no_spans(collected: Collector) -> None:
    async with serving() as stub:
        await stub.channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
        await stub.Open(Cargo())
    await flush()
    assert [span.name for span in collected.spans if span.kind == Span.SPAN_KIND_SERVER] == [OPEN]


async def test_calls_are_counted_and_timed_by_method_and_code(collected: Collector) -> None:
    def counts(name: str) -> dict[str, int]:
        if name not in collected.metrics:
            return {}
        return {
            attributes["rpc.code"]: getattr(point, "as_int", 0) or getattr(point, "count", 0)
            for attributes, point in collected.points(name)
            if attributes["rpc.method"] == "/plimsoll.trial.v1.TrialService/Govern"
        }

    async def call(stub: Client) -> None:
        assert (await refused(stub.Govern(Cargo()))).reason == "TOKEN_MISSING"

    async with serving() as stub:
        for _ in range(3):
            await call(stub)
    await flush()
    assert counts("plimsoll.rpc.calls") == counts("plimsoll.rpc.duration") == {"UNAUTHENTICATED": 3}
    ((_, point),) = [
        (attributes, point)
        for attributes, point in collected.points("plimsoll.rpc.duration")
        if attributes["rpc.code"] == "UNAUTHENTICATED"
    ]
    assert 0 < getattr(point, "sum", 0) < 30


def test_without_a_collector_the_sdk_is_not_even_loaded_and_the_trace_is_kept() -> None:
    command = [sys.executable, "-m", "tests.chassis.untraced_hop", TRACE[0][1]]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert found["sdk"] == []
    assert found["sent"]["traceparent"].split("-")[1] == TRACE_ID
    assert found["sent"]["tracestate"] == "vendor=1"


def test_without_an_endpoint_nothing_is_configured() -> None:
    before = trace.get_tracer_provider()
    telemetry.configure("risk", "")
    assert trace.get_tracer_provider() is before
