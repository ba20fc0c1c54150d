"""A sync goes in chunks, seals once, and tells what could not be fetched."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest

from chassis.settings import Secret
from chassis.tokens import ServiceTokens
from cli.access import ServiceAccess
from cli.stack.errors import StackError
from cli.synchronisation import CHUNK, Synced, synchronise
from plimsoll.marketdata.v1.ingestion_service_pb2 import (
    SealSessionRequest,
    SealSessionResponse,
    SymbolOutcome,
    SyncSymbolsRequest,
    SyncSymbolsResponse,
)
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import (
    IngestionServiceServicer,
    add_IngestionServiceServicer_to_server,
)
from tests.cli.stack.test_ports import free_port

KEY = Secret("k" * 40)


class FakeMarketData(IngestionServiceServicer):
    """Knows symbols that begin with a letter; each has three bars, the last on a day of its own."""

    def __init__(self) -> None:
        self.chunks: list[list[str]] = []
        self.sealed: list[str] = []
        self.callers: set[str] = set()

    async def SyncSymbols(self, request: SyncSymbolsRequest, context: Any) -> SyncSymbolsResponse:
        self._check(context)
        if request.provider != "bundled":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"provider: {request.provider!r} is not known")
        self.chunks.append(list(request.symbols))
        known = [symbol for symbol in request.symbols if symbol[0].isalpha()]
        outcomes = [
            SymbolOutcome(symbol=s, stored_count=3) if s in known else SymbolOutcome(symbol=s, reason="unknown_symbol")
            for s in request.symbols
        ]
        last = f"2022-12-{10 + len(self.chunks)}" if known else ""
        return SyncSymbolsResponse(data_version=1, outcomes=outcomes, last_session_date=last)

    async def SealSession(self, request: SealSessionRequest, context: Any) -> SealSessionResponse:
        self._check(context)
        self.sealed.append(request.session_date)
        return SealSessionResponse(newest_sealed_date=request.session_date, data_version=1)

    def _check(self, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        self.callers.add(ServiceTokens("marketdata", KEY).verify(metadata["x-plimsoll-service-token"]))


@pytest.fixture
async def marketdata() -> AsyncIterator[tuple[FakeMarketData, ServiceAccess]]:
    server = grpc.aio.server()
    fake = FakeMarketData()
    add_IngestionServiceServicer_to_server(fake, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield fake, ServiceAccess(service_key=KEY, marketdata_address=f"127.0.0.1:{port}")
    await server.stop(None)


async def test_chunks_then_one_seal(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    fake, access = marketdata
    symbols = [f"S{number}" for number in range(CHUNK * 2 + 3)]
    advanced: list[int] = []
    assert await synchronise(access, "bundled", symbols, advanced.append) == Synced(69, {}, "2022-12-13")
    assert fake.chunks == [symbols[:CHUNK], symbols[CHUNK : 2 * CHUNK], symbols[2 * CHUNK :]]
    assert fake.sealed == ["2022-12-13"]
    assert advanced == [CHUNK, CHUNK, 3]
    assert fake.callers == {"cli"}


async def test_what_could_not_be_fetched_is_told(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    synced = await synchronise(marketdata[1], "bundled", ["AAPL", "1X"], lambda _: None)
    assert synced == Synced(3, {"1X": "unknown_symbol"}, "2022-12-11")


async def test_without_any_history_nothing_is_sealed(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    fake, access = marketdata
    with pytest.raises(StackError, match="'bundled' has no history of any of the 1 symbols"):
        await synchronise(access, "bundled", ["1X"], lambda _: None)
    assert fake.sealed == []


async def test_a_refusal_is_told_in_the_words_of_the_service(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    with pytest.raises(StackError, match=r"marketdata at 127.0.0.1:\d+: provider: 'massive' is not known"):
        await synchronise(marketdata[1], "massive", ["AAPL"], lambda _: None)


async def test_a_service_that_is_not_there() -> None:
    access = ServiceAccess(service_key=KEY, marketdata_address=f"127.0.0.1:{free_port()}")
    with pytest.raises(StackError, match=f"marketdata at {access.marketdata_address}: "):
        await synchronise(access, "bundled", ["AAPL"], lambda _: None)
