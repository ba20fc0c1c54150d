"""Peers that fail: reads are tried again, writes never, and nobody is hammered; a peer that comes back is found."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import grpc
import pytest

from chassis.channels import RETRY, THROTTLING, Channels
from tests.chassis.serving import SERVICE_KEY, Context, Trial
from tests.chassis.trial import Cargo, TrialServiceStub, add_TrialServiceServicer_to_server

Code = grpc.StatusCode


class Failing:
    """A server without the chassis, which fails as often as it is told."""

    def __init__(self) -> None:
        self.failures = 0
        self.code = Code.UNAVAILABLE
        self.attempts: Counter[str] = Counter()
        self.port = 0
        self._server: grpc.aio.Server | None = None

    async def behave(self, request: Cargo, context: Context) -> Cargo:
        self.attempts[request.name] += 1
        if self.failures > 0:
            self.failures -= 1
            await context.abort(self.code, "of the test")
        return request

    async def start(self) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        add_TrialServiceServicer_to_server(Trial(self.behave), self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        if self._server:
            await self._server.stop(0)


@pytest.fixture
async def failing() -> AsyncIterator[Failing]:
    server = Failing()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def stub(failing: Failing) -> AsyncIterator[TrialServiceStub]:
    channels = Channels("risk", SERVICE_KEY)
    yield TrialServiceStub(channels.channel("trial", f"127.0.0.1:{failing.port}"))
    await channels.close()


@pytest.mark.parametrize("rpc", ["Read", "ReadLong", "Inside"])
async def test_a_read_is_tried_again_until_it_succeeds(rpc: str, failing: Failing, stub: TrialServiceStub) -> None:
    failing.failures = 3
    assert await getattr(stub, rpc)(Cargo(name="r")) == Cargo(name="r")
    assert failing.attempts["r"] == 4


async def test_a_read_is_not_tried_for_ever(failing: Failing, stub: TrialServiceStub) -> None:
    failing.failures = 100
    assert await stub.Read(Cargo(name="r")).code() == Code.UNAVAILABLE
    assert failing.attempts["r"] == RETRY["maxAttempts"]


@pytest.mark.parametrize("rpc", ["Open", "Write", "Govern"])
async def test_a_write_is_tried_once(rpc: str, failing: Failing, stub: TrialServiceStub) -> None:
    failing.failures = 1
    assert await getattr(stub, rpc)(Cargo(name="w")).code() == Code.UNAVAILABLE
    assert failing.attempts["w"] == 1


@pytest.mark.parametrize("code", [Code.INTERNAL, Code.RESOURCE_EXHAUSTED, Code.ABORTED, Code.NOT_FOUND, Code.UNKNOWN])
async def test_what_would_fail_again_is_not_tried_again(code: Code, failing: Failing, stub: TrialServiceStub) -> None:
    failing.failures, failing.code = 1, code
    assert await stub.Read(Cargo(name="r")).code() == code
    assert failing.attempts["r"] == 1


async def test_a_retry_ends_with_the_time_of_its_call(failing: Failing, stub: TrialServiceStub) -> None:
    failing.failures = 100
    async with asyncio.timeout(5):
        assert await stub.Read(Cargo(), timeout=0.04).code() in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)


async def test_a_peer_that_keeps_failing_is_not_hammered(failing: Failing, stub: TrialServiceStub) -> None:
    failing.failures = 1000
    for number in range(12):
        await stub.Read(Cargo(name=str(number))).code()
    assert failing.attempts["0"] > 1
    assert failing.attempts["11"] == 1
    assert failing.attempts.total() <= 12 + THROTTLING["maxTokens"] / 2


async def test_a_peer_that_comes_back_is_found_soon(failing: Failing, stub: TrialServiceStub) -> None:
    assert await stub.Write(Cargo(name="before")) == Cargo(name="before")
    await failing.stop()
    for _ in range(20):
        assert await stub.Write(Cargo()).code() == Code.UNAVAILABLE
    await failing.start()
    async with asyncio.timeout(5):  # a second, not the fourteen of gRPC's own patience
        while await stub.Write(Cargo(name="after")).code() != Code.OK:
            pass
    assert failing.attempts["after"] == 1
