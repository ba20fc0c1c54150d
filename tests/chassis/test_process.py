"""The trial service as a real process: signals, and an end that nothing holds up."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.chassis.serving import SERVICE_KEY, client
from tests.chassis.trial import Cargo

LISTENS = re.compile(r"listens on 127\.0\.0\.1:(\d+)")


@asynccontextmanager
async def trial_process(**environ: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Start the trial service; gives its process and port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chassis.trial_process"),
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")},
            "PLIMSOLL_LISTEN_ADDRESS": "127.0.0.1:0",
            "PLIMSOLL_SERVICE_KEY": SERVICE_KEY,
            **environ,
        },
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    try:
        async with asyncio.timeout(30):
            while not (found := LISTENS.search((await process.stderr.readline()).decode())):
                assert not process.stderr.at_eof(), "the process has ended"
        yield process, int(found[1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_process_that_is_told_to_end_finishes_its_calls() -> None:
    async with trial_process() as (process, port), client(port) as stub, asyncio.timeout(20):
        watch = health_pb2_grpc.HealthStub(stub.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        call = stub.Open(Cargo(name="wait"))
        assert await stub.Open(Cargo(name="first")) == Cargo(name="first")
        process.send_signal(signal.SIGTERM)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        # A second signal, such as that of a Ctrl-C at the terminal beside the supervisor's, changes nothing.
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        async with client(port) as another:
            assert await another.Open(Cargo()).code() == grpc.StatusCode.UNAVAILABLE
        assert process.returncode is None
        assert process.stdin
        process.stdin.close()
        assert await call == Cargo(name="wait")
        assert await process.wait() == 0


@pytest.mark.parametrize("drain", ["0", "0.2"])
async def test_a_process_ends_after_its_drain_whatever_its_calls_do(drain: str) -> None:
    async with trial_process(PLIMSOLL_DRAIN_SECONDS=drain) as (process, port), client(port) as stub:
        call = stub.Open(Cargo(name="wait"))
        assert await stub.Open(Cargo()) == Cargo()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await call.code() == grpc.StatusCode.UNAVAILABLE
            assert process.stdin
            process.stdin.close()  # a thread cannot be stopped; one that waits for input would keep any process
            assert await process.wait() == 0


async def test_a_collector_that_is_gone_does_not_hold_up_the_end() -> None:
    endpoint = "http://127.0.0.1:1"
    async with trial_process(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as (process, port), client(port) as stub:
        assert await stub.Open(Cargo()) == Cargo()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(8):  # a dozen seconds with the exporters' own patience
            assert await process.wait() == 0
