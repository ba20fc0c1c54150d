"""IngestionService through the server as it is wired."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1 import marketdata_service_pb2 as reads
from tests.services.marketdata.conftest import Callers, refused, serving
from tests.services.marketdata.vendors.fred_stub import FredStub

LAST = "2022-12-28"
BARS = b"symbol,date,close\nOWN,2022-12-27,5\nOWN,2022-12-28,6\nOWN,2022-12-26,7\n"
FORM = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.csv"\r\n\r\n' + BARS + b"\r\n--b--\r\n"

MANY = [",".join(f"S{number}" for number in range(start, start + 1001)) for start in (0, 1001)]


def csv(content: bytes, kind: str = "text/csv") -> HttpBody:
    return HttpBody(content_type=kind, data=content)


async def seal(market: Callers) -> None:
    await market.service.SealSession(pb.SealSessionRequest(session_date=LAST))


# --- who may call ---


@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("SyncSymbols", pb.SyncSymbolsRequest(provider="bundled")),
        ("SyncYields", pb.SyncYieldsRequest()),
        ("SealSession", pb.SealSessionRequest(session_date=LAST)),
        ("UploadYields", pb.UploadYieldsRequest(file=csv(b""))),
        ("UploadFxRates", pb.UploadFxRatesRequest(file=csv(b""))),
        ("UploadCorporateActions", pb.UploadCorporateActionsRequest(file=csv(b""))),
    ],
)
async def test_what_a_user_may_not_do(bundled_market: Callers, rpc: str, request_: object):
    answer = await refused(getattr(bundled_market.user, rpc)(request_))
    assert (answer.code, answer.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_INSUFFICIENT")


@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("UploadBars", pb.UploadBarsRequest(file=csv(BARS))),
        ("EnsureCoverage", pb.EnsureCoverageRequest(symbol="AAPL")),
        ("ListIngestions", pb.ListIngestionsRequest()),
        ("ListQuarantine", pb.ListQuarantineRequest()),
        ("AnalyzeCoverage", reads.AnalyzeCoverageRequest()),
    ],
)
async def test_a_service_alone_is_no_user(bundled_market: Callers, rpc: str, request_: object):
    for caller in (bundled_market.service, bundled_market.nobody):
        answer = await refused(getattr(caller, rpc)(request_))
        assert (answer.code, answer.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")


# --- syncs ---


async def test_from_nothing_to_a_price(empty_market: Callers):
    """Sync, sync again, seal, read: what the demo does."""
    request = pb.SyncSymbolsRequest(provider="bundled", symbols=["mtum", "NOPE"])
    synced = await empty_market.service.SyncSymbols(request)
    assert [(one.symbol, one.stored_count, one.provider, one.reason) for one in synced.outcomes] == [
        ("MTUM", 2264, "bundled", ""),
        ("NOPE", 0, "", "unknown_symbol"),
    ]
    assert (synced.data_version, synced.last_session_date) == (1, LAST)
    assert (await empty_market.service.SyncSymbols(request)).data_version == 0

    early = await refused(empty_market.service.SealSession(pb.SealSessionRequest(session_date="2022-12-29")))
    assert list(early.fields) == ["session_date"]
    sealed = await empty_market.service.SealSession(pb.SealSessionRequest(session_date=LAST))
    assert (sealed.newest_sealed_date, sealed.data_version) == (LAST, 1)
    quotes = await empty_market.user.GetQuotes(reads.GetQuotesRequest(symbols=["MTUM"]))
    assert [quote.last for quote in quotes.quotes] == [143.73]


async def test_an_unknown_provider_is_named(empty_market: Callers):
    answer = await refused(empty_market.service.SyncSymbols(pb.SyncSymbolsRequest(provider="oracle")))
    assert "'oracle'" in answer.message
    assert list(answer.fields) == ["provider"]


async def test_without_a_provider_of_yields_there_is_nobody_to_ask(empty_market: Callers):
    answer = await refused(empty_market.service.SyncYields(pb.SyncYieldsRequest()))
    assert list(answer.fields) == ["provider"]


@pytest.fixture
async def treasury_market(database_url: Callable[[str], str]) -> AsyncIterator[Callers]:
    """The service with a FRED of the test."""
    fred = FredStub()
    await fred.start()
    async with serving(database_url("marketdata"), fred_enabled=True, fred_graph_url=fred.url) as callers:
        yield callers
    await fred.stop()


async def test_yields_and_rates_of_exchange_are_synced_together(treasury_market: Callers):
    synced = await treasury_market.service.SyncYields(pb.SyncYieldsRequest())
    assert (synced.data_version, synced.stored_count, synced.provider, synced.reason) == (1, 8, "fred", "")
    curve = (await treasury_market.user.GetYieldCurve(reads.GetYieldCurveRequest(as_of_date=LAST))).curves[0]
    assert {one.tenor: one.yield_ if hasattr(one, "yield_") else getattr(one, "yield") for one in curve.yields} == {
        "3M": pytest.approx(0.0446),
        "2Y": pytest.approx(0.0431),
        "10Y": pytest.approx(0.0388),
        "30Y": pytest.approx(0.0398),
    }
    rates = (await treasury_market.user.ListFxRates(reads.ListFxRatesRequest())).rates
    assert [(one.base_currency, one.rate) for one in rates] == [("EUR", 1.0625)]
    book = (await treasury_market.user.ListIngestions(pb.ListIngestionsRequest())).ingestions
    assert [(one.kind, one.data_version) for one in book] == [("fx", 2), ("yields", 1)]


async def test_a_symbol_is_completed_on_request(empty_market: Callers):
    outcome = await empty_market.user.EnsureCoverage(pb.EnsureCoverageRequest(symbol="mtum", sessions=10_000))
    assert (outcome.symbol, outcome.stored_count, outcome.provider, outcome.reason) == ("MTUM", 2264, "bundled", "")
    unknown = await empty_market.user.EnsureCoverage(pb.EnsureCoverageRequest(symbol="http://evil.example/x"))
    assert unknown.reason == "unknown_symbol"


# --- uploads ---


@pytest.mark.parametrize("file", [csv(BARS), csv(FORM, "multipart/form-data; boundary=b")], ids=["body", "form"])
async def test_an_admin_uploads_for_all(empty_market: Callers, file: HttpBody):
    report = await empty_market.admin.UploadBars(pb.UploadBarsRequest(file=file))
    assert (report.data_version, report.row_count, report.stored_count, report.quarantined_count) == (1, 3, 2, 1)
    assert [(one.line, one.reason) for one in report.issues] == [(4, "not_a_session")]
    await seal(empty_market)
    bars = await empty_market.user.ListBars(reads.ListBarsRequest(symbol="own"))
    assert [(bar.session_date, bar.close, bar.source) for bar in bars.bars] == [
        ("2022-12-27", 5.0, "upload"),
        (LAST, 6.0, "upload"),
    ]
    assert bars.price_basis == PriceBasis.RAW


async def test_a_user_uploads_for_himself(empty_market: Callers):
    await empty_market.admin.UploadBars(pb.UploadBarsRequest(file=csv(b"symbol,date,close\nA,2022-12-28,4\n")))
    await seal(empty_market)
    report = await empty_market.user.UploadBars(pb.UploadBarsRequest(file=csv(BARS)))
    assert report.stored_count == 2
    own = await empty_market.user.GetInstrument(reads.GetInstrumentRequest(symbol="OWN"))
    assert own.private
    assert (await empty_market.user.ListBars(reads.ListBarsRequest(symbol="OWN"))).available
    for stranger in (empty_market.other, empty_market.admin):
        answer = await refused(stranger.GetInstrument(reads.GetInstrumentRequest(symbol="OWN")))
        absent = await refused(stranger.GetInstrument(reads.GetInstrumentRequest(symbol="NOPE")))
        assert answer.code is absent.code is grpc.StatusCode.NOT_FOUND
        assert answer.message.replace("OWN", "NOPE") == absent.message


async def test_the_same_request_id_stores_once_and_answers_the_same(empty_market: Callers):
    request = pb.UploadBarsRequest(file=csv(BARS), request_id="one")
    first = await empty_market.admin.UploadBars(request)
    assert await empty_market.admin.UploadBars(request) == first
    assert len((await empty_market.admin.ListIngestions(pb.ListIngestionsRequest())).ingestions) == 1
    other = pb.UploadBarsRequest(file=csv(BARS + b"OWN,2022-12-23,4\n"), request_id="one")
    assert (await refused(empty_market.admin.UploadBars(other))).reason == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.UploadBarsRequest(file=csv(BARS, "application/json")), "file.content_type"),
        (pb.UploadBarsRequest(file=csv(BARS), price_basis=PriceBasis.SPLIT_ADJUSTED), "price_basis"),
    ],
)
async def test_an_upload_that_cannot_be_taken_names_the_field(empty_market: Callers, request_: object, field: str):
    answer = await refused(empty_market.admin.UploadBars(request_))
    assert (answer.code, list(answer.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


@pytest.mark.parametrize("content", [b"", b"nonsense", b"symbol,date,close\nA,2022-12-27,1\0\n", b"\xff\xfe\x00"])
async def test_a_file_that_cannot_be_read_is_refused(empty_market: Callers, content: bytes):
    for call in (
        empty_market.admin.UploadBars(pb.UploadBarsRequest(file=csv(content))),
        empty_market.admin.UploadYields(pb.UploadYieldsRequest(file=csv(content))),
        empty_market.admin.UploadFxRates(pb.UploadFxRatesRequest(file=csv(content))),
        empty_market.admin.UploadCorporateActions(pb.UploadCorporateActionsRequest(file=csv(content))),
    ):
        answer = await refused(call)
        assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_FILE")


async def test_yields_and_actions_are_uploaded_by_an_admin(empty_market: Callers):
    yields = await empty_market.admin.UploadYields(
        pb.UploadYieldsRequest(file=csv(b"Date,10 Yr\n12/27/2022,3.84\n12/28/2022,3.88\n"))
    )
    assert (yields.data_version, yields.stored_count) == (1, 2)
    curve = (await empty_market.user.GetYieldCurve(reads.GetYieldCurveRequest())).curves[0]
    assert (curve.curve_date, curve.yields[0].tenor) == (LAST, "10Y")
    await empty_market.admin.UploadBars(pb.UploadBarsRequest(file=csv(BARS)))
    actions = await empty_market.admin.UploadCorporateActions(
        pb.UploadCorporateActionsRequest(file=csv(b"symbol,ex_date,kind,value\nOWN,2022-12-28,split,2\n"))
    )
    assert (actions.data_version, actions.stored_count) == (3, 1)
    listed = await empty_market.user.ListCorporateActions(reads.ListCorporateActionsRequest(symbol="OWN"))
    assert [(one.ex_date, one.value) for one in listed.actions] == [(LAST, 2.0)]


async def test_rates_of_exchange_are_uploaded_by_an_admin(empty_market: Callers):
    rows = [
        "2022-12-28,EUR,USD,1.0611",
        "2022-12-27,eur,usd,1.0640",
        "2022-12-28,USD,JPY,134.2",
        "28.12.2022,EUR,USD,1",
        "2022-12-28,EURO,USD,1",
        "2022-12-28,USD,USD,1",
        "2022-12-28,GBP,USD,dear",
        "2022-12-28,CHF,USD,-1",
    ]
    content = "\n".join(["date,base_currency,quote_currency,rate", *rows]).encode()
    told = await empty_market.admin.UploadFxRates(pb.UploadFxRatesRequest(file=csv(content)))
    assert (told.row_count, told.stored_count, told.data_version) == (8, 3, 1)
    assert [(issue.line, issue.field, issue.reason) for issue in told.issues] == [
        (5, "date", "unreadable_date"),
        (6, "base_currency", "not_a_currency"),
        (7, "quote_currency", "same_currency"),
        (8, "rate", "not_a_number"),
        (9, "rate", "not_positive"),
    ]
    rates = (await empty_market.user.ListFxRates(reads.ListFxRatesRequest())).rates
    assert [(rate.base_currency, rate.rate) for rate in rates] == [("EUR", 1.0611), ("JPY", 1 / 134.2)]
    again = await empty_market.admin.UploadFxRates(pb.UploadFxRatesRequest(file=csv(content)))
    assert (again.stored_count, again.data_version) == (0, 0)


# --- what is listed ---


async def test_ingestions_and_quarantine_are_listed_in_pages(empty_market: Callers):
    for number in range(3):
        row = f"OWN,2022-12-28,-{number + 1}\n".encode()
        await empty_market.admin.UploadBars(pb.UploadBarsRequest(file=csv(b"symbol,date,close\n" + row)))
    seen, token = [], ""
    while True:
        page = await empty_market.user.ListIngestions(pb.ListIngestionsRequest(page_size=2, page_token=token))
        seen += [one.ingestion_id for one in page.ingestions]
        if not (token := page.next_page_token):
            break
    assert seen == [3, 2, 1]
    first = await empty_market.user.ListQuarantine(pb.ListQuarantineRequest(symbol="own", page_size=2))
    rest = await empty_market.user.ListQuarantine(
        pb.ListQuarantineRequest(symbol="own", page_size=2, page_token=first.next_page_token)
    )
    assert [row.row_json for row in (*first.rows, *rest.rows)] == [
        '{"date": "2022-12-28", "close": -3.0}',
        '{"date": "2022-12-28", "close": -2.0}',
        '{"date": "2022-12-28", "close": -1.0}',
    ]
    assert {(row.kind, row.reason, row.source) for row in first.rows} == {("bar", "not_positive", "upload")}
    assert not (await empty_market.user.ListQuarantine(pb.ListQuarantineRequest(symbol="OTHER"))).rows


@pytest.mark.parametrize("token", ["nonsense", "eyJiZWZvcmUiOiIteCJ9", "eyJiZWZvcmUiOiI5OTk5OTk5OTk5OTkifQ"])
async def test_a_page_token_that_is_not_ours_is_refused(empty_market: Callers, token: str):
    for call in (
        empty_market.user.ListIngestions(pb.ListIngestionsRequest(page_token=token)),
        empty_market.user.ListQuarantine(pb.ListQuarantineRequest(page_token=token)),
    ):
        assert list((await refused(call)).fields) == ["page_token"]


async def test_coverage_says_what_histories_are_good_for(bundled_market: Callers):
    request = reads.AnalyzeCoverageRequest(symbols=["aapl,MTUM", "NOPE"])
    report = await bundled_market.user.AnalyzeCoverage(request)
    assert report.as_of_date == LAST
    assert [one.symbol for one in report.symbols] == ["AAPL", "MTUM", "NOPE"]
    apple = report.symbols[0]
    assert (apple.first_date, apple.last_date, apple.completeness) == ("1990-01-02", LAST, 1.0)
    assert [(one.name, one.bar_count) for one in apple.sources] == [("bundled", apple.session_count)]
    assert list(apple.meets) == ["chat", "regression_minimum", "correlation", "volatility", "full"]
    assert (report.symbols[2].session_count, report.symbols[2].HasField("completeness")) == (0, False)
    assert (report.summary.symbol_count, report.summary.covered_count) == (3, 2)
    assert {need.use: list(need.lacking_symbols) for need in report.summary.needs}["full"] == ["NOPE"]


async def test_coverage_of_everything_is_the_default(bundled_market: Callers):
    report = await bundled_market.other.AnalyzeCoverage(reads.AnalyzeCoverageRequest())
    assert report.summary.symbol_count == report.summary.covered_count >= 26


@pytest.mark.parametrize("symbols", [["X" * 33], [","], MANY])
async def test_symbols_that_cannot_be_judged_are_refused(bundled_market: Callers, symbols: list[str]):
    answer = await refused(bundled_market.user.AnalyzeCoverage(reads.AnalyzeCoverageRequest(symbols=symbols)))
    assert list(answer.fields) == ["symbols"]


async def test_uploads_at_the_same_time_store_each_row_once(empty_market: Callers):
    await empty_market.admin.UploadBars(pb.UploadBarsRequest(file=csv(b"symbol,date,close\nOWN,2022-12-23,4\n")))
    reports = await asyncio.gather(
        *(empty_market.admin.UploadBars(pb.UploadBarsRequest(file=csv(BARS))) for _ in range(8))
    )
    assert sum(report.stored_count for report in reports) == 2
