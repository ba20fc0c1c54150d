"""Every RPC over a real server, through authentication, validation and error mapping."""

from datetime import date

import grpc
import numpy as np
import pytest

from chassis.migrations import head_revision
from chassis.settings import SettingsError, read
from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.common.v1.service_health_pb2 import ServiceHealth
from plimsoll.marketdata.v1 import marketdata_service_pb2 as pb
from plimsoll.marketdata.v1.health_service_pb2 import GetHealthRequest
from plimsoll.marketdata.v1.health_service_pb2_grpc import HealthServiceStub
from plimsoll.marketdata.v1.instrument_pb2 import Instrument, OptionContract
from plimsoll.marketdata.v1.price_pb2 import Mark
from services.marketdata.settings import Settings
from tests.services.marketdata.conftest import Callers, refused

LAST = "2022-12-28"
ADJUSTED, RAW = PriceBasis.TOTAL_RETURN_ADJUSTED, PriceBasis.RAW
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


async def ids_of(market: Callers, *symbols: str) -> list[int]:
    answer = await market.service.ResolveInstruments(pb.ResolveInstrumentsRequest(symbols=symbols))
    return [found.instrument.instrument_id for found in answer.resolutions]


# --- who may call ---


@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("GetMarks", pb.GetMarksRequest(instrument_ids=[1], as_of_date=LAST, data_version=1)),
        ("ResolveInstruments", pb.ResolveInstrumentsRequest(symbols=["AAPL"])),
        ("BatchGetInstruments", pb.BatchGetInstrumentsRequest(instrument_ids=[1])),
        ("ResolveSession", pb.ResolveSessionRequest()),
    ],
)
async def test_internal_calls_are_for_services(bundled_market: Callers, rpc: str, request_: object):
    answer = await refused(getattr(bundled_market.user, rpc)(request_))
    assert (answer.code, answer.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_INSUFFICIENT")


async def test_reading_needs_a_token(bundled_market: Callers):
    answer = await refused(bundled_market.nobody.GetInstrument(pb.GetInstrumentRequest(symbol="AAPL")))
    assert (answer.code, answer.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")


async def test_health_is_public_and_names_the_schema(bundled_market: Callers):
    health = await HealthServiceStub(bundled_market.channel).GetHealth(GetHealthRequest())
    assert (health.service, health.healthy, health.schema_revision) == ("marketdata", True, head_revision("marketdata"))
    assert [(one.name, one.state) for one in health.dependencies] == [("database", ServiceHealth.UP)]


# --- instruments ---


async def test_an_instrument_by_its_symbol(bundled_market: Callers):
    found = await bundled_market.user.GetInstrument(pb.GetInstrumentRequest(symbol=" aapl "))
    assert (found.symbol, found.name, found.exchange, found.currency) == ("AAPL", "Apple Inc.", "XNAS", "USD")
    assert (found.kind, found.sector, found.multiplier) == (Instrument.STOCK, "Information Technology", 1.0)
    assert not found.HasField("option")


async def test_no_instrument_is_not_found(bundled_market: Callers):
    answer = await refused(bundled_market.user.GetInstrument(pb.GetInstrumentRequest(symbol="nope")))
    assert (answer.code, answer.metadata) == (NOT_FOUND, {"resource": "instrument", "id": "NOPE"})


async def test_symbols_are_resolved_in_order_and_options_recorded(bundled_market: Callers):
    symbols = ["spx", "SPX230120P03800000", "NOPE", "O:KO230120C00060000"]
    answer = await bundled_market.service.ResolveInstruments(pb.ResolveInstrumentsRequest(symbols=symbols))
    assert [found.symbol for found in answer.resolutions] == symbols
    assert [found.reason for found in answer.resolutions] == ["", "", "unknown_instrument", ""]
    index, put, _, call = (found.instrument for found in answer.resolutions)
    assert (index.kind, put.kind) == (Instrument.INDEX, Instrument.OPTION)
    assert put.option == OptionContract(
        underlying_instrument_id=index.instrument_id,
        underlying_symbol="SPX",
        expiry_date="2023-01-20",
        right="P",
        strike=3800.0,
        style=OptionContract.EUROPEAN,
    )
    assert (call.symbol, call.sector, call.multiplier) == ("KO230120C00060000", "Consumer Staples", 100.0)

    ids = [call.instrument_id, 999_999, index.instrument_id, call.instrument_id]
    batch = await bundled_market.service.BatchGetInstruments(pb.BatchGetInstrumentsRequest(instrument_ids=ids))
    assert list(batch.instruments) == [index, call]
    again = await bundled_market.user.GetInstrument(pb.GetInstrumentRequest(symbol="KO    230120C00060000"))
    assert again == call


# --- prices ---


async def test_quotes_come_in_the_order_asked_for_each_once(bundled_market: Callers):
    await ids_of(bundled_market, "AAPL230120C00150000")
    asked = ["msft, AAPL,,spx", "aapl", "NOPE", "AAPL230120C00150000"]
    quotes = (await bundled_market.user.GetQuotes(pb.GetQuotesRequest(symbols=asked))).quotes
    assert [quote.symbol for quote in quotes] == ["msft", "AAPL", "spx", "NOPE", "AAPL230120C00150000"]
    assert [quote.reason for quote in quotes] == ["", "", "", "unknown_instrument", "no_price"]
    apple = quotes[1]
    assert (apple.last, apple.source, apple.age_sessions, apple.price_basis) == (125.674, "bundled", 0, ADJUSTED)
    assert apple.change == apple.last - apple.previous_close
    assert apple.change_percent == pytest.approx(100 * (apple.last / apple.previous_close - 1))
    assert apple.quote_time.ToJsonString() == "2022-12-28T21:00:00Z"
    assert not apple.HasField("bid")
    assert not quotes[3].HasField("last")


@pytest.mark.parametrize(
    ("symbols", "rule"),
    [
        ([" , "], "names no symbol"),
        (["A" * 33], "longer than 32"),
        ([",".join(f"S{number}" for number in range(201))], "201 symbols"),
    ],
)
async def test_quotes_that_cannot_be_asked_for(bundled_market: Callers, symbols: list[str], rule: str):
    answer = await refused(bundled_market.user.GetQuotes(pb.GetQuotesRequest(symbols=symbols)))
    assert answer.code == INVALID
    assert rule in answer.fields["symbols"]


async def test_bars_page_through_a_history(bundled_market: Callers):
    request = pb.ListBarsRequest(symbol="mtum", start_date="2022-11-01", page_size=15)
    pages = [await bundled_market.user.ListBars(request)]
    while pages[-1].next_page_token:
        request.page_token = pages[-1].next_page_token
        pages.append(await bundled_market.user.ListBars(request))
    assert [len(page.bars) for page in pages] == [15, 15, 10]
    dates = [bar.session_date for page in pages for bar in page.bars]
    assert dates == sorted(set(dates))
    assert (dates[0], dates[-1]) == ("2022-11-01", LAST)
    first = pages[0]
    assert (first.available, first.symbol, first.price_basis, first.data_version) == (True, "MTUM", ADJUSTED, 1)
    bar = pages[-1].bars[-1]
    assert (bar.close, bar.source, bar.data_version) == (143.73, "bundled", 1)
    assert not any(bar.HasField(name) for name in ("open", "high", "low", "volume"))


async def test_raw_prices_of_an_adjusted_source_are_unavailable(bundled_market: Callers):
    answer = await bundled_market.user.ListBars(pb.ListBarsRequest(symbol="AAPL", price_basis=RAW))
    assert (answer.available, answer.reason, len(answer.bars)) == (False, "raw_prices_unavailable", 0)
    adjusted = await bundled_market.user.ListBars(
        pb.ListBarsRequest(symbol="AAPL", price_basis=ADJUSTED, start_date=LAST)
    )
    assert [bar.close for bar in adjusted.bars] == [125.674]


async def test_an_option_has_no_history_yet(bundled_market: Callers):
    await ids_of(bundled_market, "AAPL230120C00150000")
    answer = await bundled_market.user.ListBars(pb.ListBarsRequest(symbol="AAPL230120C00150000"))
    assert (answer.available, answer.reason) == (False, "no_price")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start_date": "2022-02-30"}, "start_date"),
        ({"start_date": "2022-12-02", "end_date": "2022-12-01"}, "end_date"),
        ({"known_at_version": 2}, "known_at_version"),
        ({"page_token": "garbage"}, "page_token"),
        ({"page_size": 5001}, "page_size"),
        ({"price_basis": 7}, "price_basis"),
    ],
)
async def test_bars_that_cannot_be_asked_for(bundled_market: Callers, fields: dict[str, object], field: str):
    answer = await refused(bundled_market.user.ListBars(pb.ListBarsRequest(symbol="AAPL", **fields)))
    assert (answer.code, list(answer.fields)) == (INVALID, [field])


async def test_a_page_stays_at_its_version(bundled_market: Callers):
    request = pb.ListBarsRequest(symbol="AAPL", known_at_version=1, page_size=1)
    token = (await bundled_market.user.ListBars(request)).next_page_token
    other = pb.ListBarsRequest(symbol="AAPL", known_at_version=2, page_size=1, page_token=token)
    assert list((await refused(bundled_market.user.ListBars(other))).fields) == ["page_token"]


async def test_a_matrix_is_rows_of_sessions_in_little_endian(bundled_market: Callers):
    ids = [*await ids_of(bundled_market, "SPX", "MTUM"), 999_999]
    request = pb.GetPriceMatrixRequest(instrument_ids=ids, as_of_date=LAST, sessions=3)
    matrix = await bundled_market.user.GetPriceMatrix(request)
    closes = np.frombuffer(matrix.closes, "<f8").reshape(len(matrix.session_dates), len(matrix.instrument_ids))
    assert list(matrix.session_dates) == ["2022-12-23", "2022-12-27", LAST]
    assert list(matrix.instrument_ids) == ids
    assert closes[-1, :2].tolist() == [3783.22, 143.73]
    assert np.isnan(closes[:, 2]).all()
    assert not np.isnan(closes[:, :2]).any()
    assert list(matrix.price_bases) == [ADJUSTED, ADJUSTED, PriceBasis.BASIS_UNSPECIFIED]
    assert matrix.data_version == 1


async def test_a_matrix_begins_where_the_calendar_does_and_fills_nothing(bundled_market: Callers):
    ids = await ids_of(bundled_market, "SPX", "MTUM")
    request = pb.GetPriceMatrixRequest(instrument_ids=ids, as_of_date=LAST, sessions=10_000)
    matrix = await bundled_market.user.GetPriceMatrix(request)
    closes = np.frombuffer(matrix.closes, "<f8").reshape(-1, 2)
    assert (len(closes), matrix.session_dates[0]) == (8313, "1990-01-02")
    assert np.isnan(closes).sum(axis=0).tolist() == [0, 8313 - 2264]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"as_of_date": "2022-12-25"}, "as_of_date"),
        ({"as_of_date": "yesterday"}, "as_of_date"),
        ({"data_version": 2}, "data_version"),
        ({"instrument_ids": list(range(1, 5001)), "sessions": 1000}, "sessions"),
        ({"sessions": 10_001}, "sessions"),
    ],
)
async def test_a_matrix_that_cannot_be_asked_for(bundled_market: Callers, fields: dict[str, object], field: str):
    asked = {"instrument_ids": [1], "as_of_date": LAST, "sessions": 5} | fields
    answer = await refused(bundled_market.user.GetPriceMatrix(pb.GetPriceMatrixRequest(**asked)))
    assert (answer.code, list(answer.fields)) == (INVALID, [field])


async def test_marks_say_what_each_is_worth_or_why_not(bundled_market: Callers):
    ids = await ids_of(bundled_market, "AAPL", "AAPL230120C00150000", "MTUM")
    asked = pb.GetMarksRequest(instrument_ids=[*ids, 999_999], as_of_date="2013-12-31", data_version=1)
    marks = (await bundled_market.service.GetMarks(asked)).marks
    assert [(mark.instrument_id, mark.reason) for mark in marks] == [
        (ids[0], ""),
        (ids[1], ""),
        (ids[2], "no_price"),
        (999_999, "unknown_instrument"),
    ]
    apple = marks[0]
    assert (apple.price_date, apple.age_sessions, apple.price_basis) == ("2013-12-31", 0, ADJUSTED)
    assert (apple.source, apple.currency, apple.data_version) == (Mark.CLOSE, "USD", 1)
    assert apple.price > 0
    assert not apple.HasField("volatility")
    assert not apple.HasField("option")
    assert [mark.HasField("price") for mark in marks[2:]] == [False] * 2
    assert {mark.source for mark in marks[2:]} == {Mark.SOURCE_UNSPECIFIED}


# --- sessions ---


async def test_the_calendar_of_a_range(bundled_market: Callers):
    request = pb.GetTradingCalendarRequest(start_date="2022-12-22", end_date="2023-01-03")
    answer = await bundled_market.user.GetTradingCalendar(request)
    assert [day[-2:] for day in answer.session_dates] == ["22", "23", "27", "28", "29", "30", "03"]
    assert answer.first_date == "1990-01-01"
    assert date.fromisoformat(answer.last_date) >= date(2024, 1, 10)


@pytest.mark.parametrize(("first", "last"), [("2022-12-28", "2022-12-27"), ("1980-01-01", "2022-12-27")])
async def test_a_calendar_that_cannot_be_asked_for(bundled_market: Callers, first: str, last: str):
    request = pb.GetTradingCalendarRequest(start_date=first, end_date=last)
    answer = await refused(bundled_market.user.GetTradingCalendar(request))
    assert (answer.code, list(answer.fields)) == (INVALID, ["end_date"])


@pytest.mark.parametrize(
    ("asked", "session", "previous"),
    [
        ("", LAST, "2022-12-27"),
        ("2022-12-25", "2022-12-23", "2022-12-22"),
        ("2022-11-25", "2022-11-25", "2022-11-23"),
        ("1990-01-02", "1990-01-02", ""),
    ],
)
async def test_a_day_is_pinned_to_a_session(bundled_market: Callers, asked: str, session: str, previous: str):
    answer = await bundled_market.service.ResolveSession(pb.ResolveSessionRequest(as_of_date=asked))
    assert (answer.as_of_date, answer.previous_session_date) == (session, previous)
    assert (answer.newest_sealed_date, answer.data_version) == (LAST, 1)
    assert answer.close_time.ToJsonString() == f"{session}T{'18' if session == '2022-11-25' else '21'}:00:00Z"


@pytest.mark.parametrize("asked", ["2022-12-29", "2099-01-01", "1990-01-01", "0001-01-01"])
async def test_a_day_outside_of_history_is_out_of_range(bundled_market: Callers, asked: str):
    answer = await refused(bundled_market.service.ResolveSession(pb.ResolveSessionRequest(as_of_date=asked)))
    assert (answer.code, answer.reason) == (grpc.StatusCode.OUT_OF_RANGE, "DATE_OUT_OF_RANGE")
    assert answer.metadata == {"first": "1990-01-02", "newest": LAST}
    assert list(answer.fields) == ["as_of_date"]
    assert asked in answer.fields["as_of_date"]


async def test_before_anything_is_loaded_nothing_can_be_said(empty_market: Callers):
    for call in (
        empty_market.service.ResolveSession(pb.ResolveSessionRequest()),
        empty_market.user.GetTradingCalendar(
            pb.GetTradingCalendarRequest(start_date="2022-12-22", end_date="2023-01-03")
        ),
    ):
        answer = await refused(call)
        assert (answer.code, answer.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MARKET_DATA_EMPTY")


# --- settings ---


def test_settings_come_from_the_environment():
    environ = {"DATABASE_URL": "postgresql://u:p@h/d", "PLIMSOLL_SERVICE_KEY": "k" * 32}
    settings = read(Settings, environ)
    assert (settings.listen_address, settings.portfolio_address) == ("127.0.0.1:50052", "127.0.0.1:50051")
    with pytest.raises(SettingsError, match="DATABASE_URL is required"):
        read(Settings, {"PLIMSOLL_SERVICE_KEY": "k" * 32})
