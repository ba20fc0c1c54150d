"""IngestionService through the server as it is wired."""

import grpc
import pytest

from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1.marketdata_service_pb2 import GetQuotesRequest
from tests.services.marketdata.conftest import Callers, refused

LAST = "2022-12-28"


@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("SyncSymbols", pb.SyncSymbolsRequest(provider="bundled")),
        ("SealSession", pb.SealSessionRequest(session_date=LAST)),
    ],
)
async def test_internal_calls_are_for_services(bundled_market: Callers, rpc: str, request_: object):
    answer = await refused(getattr(bundled_market.user, rpc)(request_))
    assert (answer.code, answer.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_INSUFFICIENT")


async def test_from_nothing_to_a_price(empty_market: Callers):
    """Sync, sync again, seal, read: what the demo does."""
    request = pb.SyncSymbolsRequest(provider="bundled", symbols=["mtum", "NOPE"])
    synced = await empty_market.service.SyncSymbols(request)
    assert [(one.symbol, one.stored_count, one.reason) for one in synced.outcomes] == [
        ("MTUM", 2264, ""),
        ("NOPE", 0, "unknown_symbol"),
    ]
    assert (synced.data_version, synced.last_session_date) == (1, LAST)
    assert (await empty_market.service.SyncSymbols(request)).data_version == 0

    early = await refused(empty_market.service.SealSession(pb.SealSessionRequest(session_date="2022-12-29")))
    assert list(early.fields) == ["session_date"]
    sealed = await empty_market.service.SealSession(pb.SealSessionRequest(session_date=LAST))
    assert (sealed.newest_sealed_date, sealed.data_version) == (LAST, 1)
    quotes = await empty_market.user.GetQuotes(GetQuotesRequest(symbols=["MTUM"]))
    assert [quote.last for quote in quotes.quotes] == [143.73]


async def test_an_unknown_provider_is_named(empty_market: Callers):
    answer = await refused(empty_market.service.SyncSymbols(pb.SyncSymbolsRequest(provider="oracle")))
    assert "'oracle'" in answer.fields["provider"]
