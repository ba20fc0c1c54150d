"""A sync goes in chunks, seals once, and tells what could not be fetched."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest

from chassis.settings import Secret
from chassis.tokens import ServiceTokens
from cli.access import ServiceAccess
from cli.stack.errors import StackError
from cli.synchronisation import CHUNK, Synced, Wanted, synchronise, synchronise_yields
from plimsoll.marketdata.v1.ingestion_service_pb2 import (
    SealSessionRequest,
    SealSessionResponse,
    SymbolOutcome,
    SyncSymbolsRequest,
    SyncSymbolsResponse,
    SyncYieldsRequest,
    SyncYieldsResponse,
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
        self.dates: list[str] = []
        self.room: list[int] = []
        """Symbols for which the vendor's rate leaves room, in each of the next calls. Empty: for all."""
        self.sealed: list[str] = []
        self.callers: set[str] = set()
        self.yields_of: set[str] = set()

    async def SyncSymbols(self, request: SyncSymbolsRequest, context: Any) -> SyncSymbolsResponse:
        self._check(context)
        if request.provider != "bundled":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"provider: {request.provider!r} is not known")
        self.chunks.append(list(request.symbols))
        self.dates.append(request.start_date)
        room = self.room.pop(0) if self.room else len(request.symbols)
        outcomes = [self._outcome(symbol, place < room) for place, symbol in enumerate(request.symbols)]
        last = f"2022-12-{10 + len(self.chunks)}" if any(not outcome.reason for outcome in outcomes) else ""
        return SyncSymbolsResponse(data_version=1, outcomes=outcomes, last_session_date=last)

    def _outcome(self, symbol: str, has_room: bool) -> SymbolOutcome:
        if not symbol[0].isalpha():
            return SymbolOutcome(symbol=symbol, reason="unknown_symbol")
        if not has_room:
            return SymbolOutcome(symbol=symbol, reason="rate_limited")
        return SymbolOutcome(symbol=symbol, stored_count=3, quarantined_count=1)

    async def SyncYields(self, request: SyncYieldsRequest, context: Any) -> SyncYieldsResponse:
        self._check(context)
        if request.provider not in self.yields_of:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"provider: {request.provider!r} has none")
        return SyncYieldsResponse(data_version=2, stored_count=13, provider="fred")

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


def bundled(*symbols: str, **options: str) -> Wanted:
    return Wanted("bundled", symbols, **options)


async def test_chunks_then_one_seal(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    fake, access = marketdata
    symbols = [f"S{number}" for number in range(CHUNK * 2 + 3)]
    advanced: list[int] = []
    synced = await synchronise(access, bundled(*symbols, start_date="2022-12-01"), advanced.append)
    assert synced == Synced(69, 23, {}, "2022-12-13", "2022-12-13")
    assert fake.chunks == [symbols[:CHUNK], symbols[CHUNK : 2 * CHUNK], symbols[2 * CHUNK :]]
    assert (fake.sealed, set(fake.dates)) == (["2022-12-13"], {"2022-12-01"})
    assert advanced == [CHUNK, CHUNK, 3]
    assert fake.callers == {"cli"}


async def test_what_could_not_be_fetched_is_told(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    synced = await synchronise(marketdata[1], bundled("AAPL", "1X"), lambda _: None)
    assert (synced.stored_count, synced.refused) == (3, {"1X": "unknown_symbol"})


async def test_a_symbol_is_asked_for_once(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    fake, access = marketdata
    await synchronise(access, bundled("AAPL", "KO", "AAPL"), lambda _: None)
    assert fake.chunks == [["AAPL", "KO"]]


async def test_what_a_rate_left_no_room_for_comes_again(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    fake, access = marketdata
    fake.room = [2, 1, 1]
    advanced: list[int] = []
    synced = await synchronise(access, bundled("A", "B", "C", "D"), advanced.append)
    assert fake.chunks == [["A", "B", "C", "D"], ["C", "D"], ["D"]]
    assert (synced.stored_count, synced.refused, advanced) == (12, {}, [2, 1, 1])


async def test_a_rate_that_leaves_no_room_at_all_ends_it(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    fake, access = marketdata
    fake.room = [1, 0]
    synced = await synchronise(access, bundled("A", "B", "C"), lambda _: None)
    assert fake.chunks == [["A", "B", "C"], ["B", "C"]]
    assert (synced.refused, synced.sealed_date) == (dict.fromkeys("BC", "rate_limited"), "2022-12-11")


async def test_without_any_history_nothing_is_sealed(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    fake, access = marketdata
    with pytest.raises(StackError, match="'bundled' has no history of any of the 1 symbols"):
        await synchronise(access, bundled("1X"), lambda _: None)
    assert fake.sealed == []


async def test_a_refusal_is_told_in_the_words_of_the_service(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    with pytest.raises(StackError, match=r"marketdata at 127.0.0.1:\d+: provider: 'massive' is not known"):
        await synchronise(marketdata[1], Wanted("massive", ["AAPL"]), lambda _: None)


async def test_a_service_that_is_not_there() -> None:
    access = ServiceAccess(service_key=KEY, marketdata_address=f"127.0.0.1:{free_port()}")
    with pytest.raises(StackError, match=f"marketdata at {access.marketdata_address}: "):
        await synchronise(access, bundled("AAPL"), lambda _: None)


async def test_yields_are_synced_where_somebody_has_them(marketdata: tuple[FakeMarketData, ServiceAccess]) -> None:
    fake, access = marketdata
    assert await synchronise_yields(access, "") is None
    fake.yields_of = {""}
    answer = await synchronise_yields(access, "")
    assert answer is not None
    assert (answer.stored_count, answer.provider) == (13, "fred")
    assert await synchronise_yields(access, "bundled") is None
