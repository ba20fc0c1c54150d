"""Prices are stored and sealed at the first visit alone. The service is a stand-in that remembers what it was asked."""

import io
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from rich.console import Console

from chassis.settings import Secret
from cli.access import ServiceAccess
from cli.demo.market_data import ensure_market_data
from cli.stack.errors import StackError
from plimsoll.marketdata.v1 import ingestion_service_pb2 as ingestion
from plimsoll.marketdata.v1 import ingestion_service_pb2_grpc, marketdata_service_pb2_grpc
from plimsoll.marketdata.v1.marketdata_service_pb2 import ResolveSessionResponse

NEWEST = "2022-12-28"


class FakeMarketData(
    marketdata_service_pb2_grpc.MarketDataServiceServicer, ingestion_service_pb2_grpc.IngestionServiceServicer
):
    def __init__(self) -> None:
        self.synced: list[str] = []
        self.sealed = ""
        self.refusal: grpc.StatusCode | None = None

    async def ResolveSession(self, request: Any, context: Any) -> ResolveSessionResponse:
        if self.refusal:
            await context.abort(self.refusal, "not now")
        if not self.sealed:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no session of market data has been sealed yet")
        return ResolveSessionResponse(as_of_date=self.sealed, newest_sealed_date=self.sealed)

    async def SyncSymbols(self, request: Any, context: Any) -> ingestion.SyncSymbolsResponse:
        assert request.provider == "bundled"
        self.synced += request.symbols
        outcomes = [ingestion.SymbolOutcome(symbol=s, stored_count=1500) for s in request.symbols]
        return ingestion.SyncSymbolsResponse(data_version=1, outcomes=outcomes, last_session_date=NEWEST)

    async def SealSession(self, request: Any, context: Any) -> ingestion.SealSessionResponse:
        assert self.synced
        self.sealed = request.session_date
        return ingestion.SealSessionResponse(newest_sealed_date=self.sealed, data_version=1)


@pytest.fixture
def marketdata() -> FakeMarketData:
    return FakeMarketData()


@pytest.fixture
async def access(marketdata: FakeMarketData) -> AsyncIterator[ServiceAccess]:
    server = grpc.aio.server()
    marketdata_service_pb2_grpc.add_MarketDataServiceServicer_to_server(marketdata, server)
    ingestion_service_pb2_grpc.add_IngestionServiceServicer_to_server(marketdata, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield ServiceAccess(service_key=Secret("k" * 32), marketdata_address=f"127.0.0.1:{port}")
    await server.stop(None)


async def test_first_visit_stores_and_seals(
    marketdata: FakeMarketData, access: ServiceAccess, console: Console
) -> None:
    await ensure_market_data(access, console)
    assert marketdata.sealed == NEWEST
    assert {"AAPL", "XOM", "MTUM", "VLUE"} <= set(marketdata.synced)
    assert isinstance(console.file, io.StringIO)
    count = len(marketdata.synced)
    assert f"{1500 * count:,} closes of {count} instruments, up to 2022-12-28" in console.file.getvalue()


async def test_second_visit_skips_the_work(marketdata: FakeMarketData, access: ServiceAccess, console: Console) -> None:
    marketdata.sealed = NEWEST
    await ensure_market_data(access, console)
    assert marketdata.synced == []


async def test_any_other_failure_is_not_taken_for_an_empty_store(
    marketdata: FakeMarketData, access: ServiceAccess, console: Console
) -> None:
    marketdata.refusal = grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(StackError, match="not now"):
        await ensure_market_data(access, console)
    assert marketdata.synced == []
