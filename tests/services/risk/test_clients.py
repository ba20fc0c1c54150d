"""The ports: the fakes of the other tests and the real clients, against real servers, behave alike."""

import dataclasses
from datetime import date

import grpc
import numpy as np
import pytest

from chassis.call import Call, Principal, enter
from chassis.channels import Channels
from chassis.errors import Failure
from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1.instrument_pb2 import Instrument
from plimsoll.marketdata.v1.market_pb2 import YieldCurve
from plimsoll.marketdata.v1.marketdata_service_pb2 import (
    BatchGetInstrumentsResponse,
    FactorEtfPrices,
    GetTradingCalendarResponse,
    GetYieldCurveResponse,
    PriceMatrix,
)
from plimsoll.marketdata.v1.price_pb2 import Mark as MarkMessage
from plimsoll.portfolio.v1.risk_settings_pb2 import StockFactorProxies
from services.risk.clients import marketdata as marketdata_client
from services.risk.clients.marketdata import MarketDataClient
from services.risk.clients.portfolio import PortfolioClient
from services.risk.domain.inputs import InactiveFactor, InstrumentFacts, OwnProxies
from tests.services.risk import servers
from tests.services.risk.books import (
    AS_OF,
    COVERED,
    LONG_SHORT,
    PORTFOLIO_ID,
    SESSION,
    SOLD,
    Row,
    book,
    book_message,
    closes,
    mark,
    no_mark,
    option_mark,
)
from tests.services.risk.fakes import FakeBooks, FakeMarket
from tests.services.risk.histories import yield_history

CONTENT = {"held": LONG_SHORT, "closed": (SOLD, COVERED), "cash": [("USD", -5000.25)]}
MARKS = [
    *closes(),
    option_mark(8, 5.25),
    option_mark(9, 0.0, {"source": "close"}, expired=True),
    mark(7, 9.5, price_date="2022-12-20", age_sessions=5, price_basis="total_return_adjusted"),
]

PROXIES = {
    "AAPL": OwnProxies((("SPY",), ("MTUM",), (), ("XLK",), ("MSFT", "HPQ")), (False, False, False, True, True)),
    "XOM": OwnProxies((("SPY",), (), (), (), ()), (False,) * 5),
}
PROXY_MESSAGES = {
    "AAPL": StockFactorProxies(
        market="SPY", momentum="MTUM", industry="XLK", subindustry=["MSFT", "HPQ"], stated=["industry", "subindustry"]
    ),
    "XOM": StockFactorProxies(market="SPY"),
}
NAMED = {"SPY": 20, "XLK": 21}


@pytest.fixture
async def channels():
    call = Call(None, "a-request-id", {"authorization": f"Bearer {servers.token()}"}, None, Principal(servers.OWNER))
    enter(call)
    opened = Channels("risk", servers.SERVICE_KEY)
    yield opened
    await opened.close()


@pytest.fixture(params=["fake", "client"])
async def books(request, channels):
    if request.param == "fake":
        known = FakeBooks(book(**CONTENT))
        known.own_proxies = PROXIES
        yield known
        return
    portfolio = servers.Portfolio(book_message(**CONTENT))
    portfolio.settings.proxies = PROXY_MESSAGES
    async with servers.serving_portfolio(portfolio) as address:
        yield PortfolioClient(channels.channel("portfolio", address))


@pytest.fixture(params=["fake", "client"])
async def market(request, channels):
    if request.param == "fake":
        known = FakeMarket(*MARKS)
        known.symbols = NAMED
        yield known
        return
    stub = servers.MarketData(MARKS)
    stub.named = NAMED
    async with servers.serving_marketdata(stub) as address:
        yield MarketDataClient(channels.channel("marketdata", address))


def columns(positions):
    return {
        field.name: list(getattr(positions, field.name))
        if field.name != "exit_price"
        else np.nan_to_num(positions.exit_price, nan=-1).tolist()
        for field in dataclasses.fields(positions)
    }


def code(error):
    return error.code if isinstance(error, Failure) else error.code()


async def test_a_book_is_read_as_it_is(books):
    found, expected = await books.read(PORTFOLIO_ID, 0, SESSION), book(**CONTENT)
    assert columns(found.held) == columns(expected.held)
    assert columns(found.closed) == columns(expected.closed)
    assert (found.portfolio_id, found.revision, found.base_currency) == (PORTFOLIO_ID, 3, "USD")
    assert (found.cash, found.cash_reason) == (expected.cash, "")


async def test_a_portfolio_that_is_not_there_is_not_found(books):
    with pytest.raises((Failure, grpc.aio.AioRpcError)) as raised:
        await books.read("11111111-2222-3333-4444-555555555555", 0, SESSION)
    assert code(raised.value) == grpc.StatusCode.NOT_FOUND


async def test_a_revision_that_is_not_there_is_out_of_range(books):
    with pytest.raises((Failure, grpc.aio.AioRpcError)) as raised:
        await books.read(PORTFOLIO_ID, 4, SESSION)
    assert code(raised.value) == grpc.StatusCode.OUT_OF_RANGE


@pytest.mark.parametrize("as_of_date", [None, AS_OF])
async def test_a_day_is_resolved(market, as_of_date):
    assert await market.resolve(as_of_date) == SESSION


async def test_a_day_after_the_newest_session_is_out_of_range(market):
    with pytest.raises((Failure, grpc.aio.AioRpcError)) as raised:
        await market.resolve(date(2022, 12, 29))
    assert code(raised.value) == grpc.StatusCode.OUT_OF_RANGE


async def test_marks_are_read_as_they_are(market):
    found = (await market.marks([1, 4, 7, 8, 9], SESSION)).marks
    assert list(found) == [1, 4, 7, 8, 9]
    assert found[8] == option_mark(8, 5.25)
    assert found[9] == option_mark(9, 0.0, {"source": "close"}, expired=True)
    assert found[1] == mark(1, 126.04)
    assert not found[4].known
    assert dataclasses.replace(found[4], price=0.0) == dataclasses.replace(no_mark(4), price=0.0)
    assert found[7] == MARKS[-1]
    assert found[7].stale


async def test_proxies_are_read_as_they_are(books):
    assert dict(await books.proxies(PORTFOLIO_ID, 3)) == PROXIES
    with pytest.raises((Failure, grpc.aio.AioRpcError)) as raised:
        await books.proxies("11111111-2222-3333-4444-555555555555", 0)
    assert code(raised.value) == grpc.StatusCode.NOT_FOUND


async def test_symbols_that_nobody_knows_are_left_out(market):
    assert await market.named(["SPY", "NONE", "XLK"]) == NAMED


async def test_a_book_comes_over_the_wire_once_a_revision(channels):
    portfolio = servers.Portfolio(book_message(**CONTENT))
    async with servers.serving_portfolio(portfolio) as address:
        client = PortfolioClient(channels.channel("portfolio", address))
        first = await client.read(PORTFOLIO_ID, 0, SESSION)
        assert await client.read(PORTFOLIO_ID, 0, SESSION) is first
        portfolio.book.revision += 1
        assert (await client.read(PORTFOLIO_ID, 0, SESSION)).revision == first.revision + 1
        assert (portfolio.sent_count, len(portfolio.callers)) == (2, 3)


async def test_the_client_calls_as_risk_on_behalf_of_its_caller(channels):
    portfolio = servers.Portfolio(book_message())
    async with servers.serving_portfolio(portfolio) as address:
        await PortfolioClient(channels.channel("portfolio", address)).read(PORTFOLIO_ID, 0, SESSION)
    assert portfolio.callers == [("risk", servers.OWNER)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"held": (Row("BAD", 1, float("nan"), 1.0),)}, "quantity of position id of BAD is nan"),
        ({"held": (Row("BAD", 1, 1.0, float("inf")),)}, "entry_price of position id of BAD is inf"),
        ({"closed": (Row("BAD", 1, 1.0, 1.0),)}, "position id of BAD is closed and has no exit price"),
        ({"cash": [("USD", float("nan"))]}, "cash in USD is nan"),
    ],
)
async def test_a_number_that_is_none_does_not_pass_for_a_missing_price(channels, content, complaint):
    async with servers.serving_portfolio(servers.Portfolio(book_message(**content))) as address:
        client = PortfolioClient(channels.channel("portfolio", address))
        with pytest.raises(ValueError, match=complaint):
            await client.read(PORTFOLIO_ID, 0, SESSION)


@pytest.mark.parametrize(
    "broken",
    [
        MarkMessage(instrument_id=1, price=float("nan"), price_basis=PriceBasis.RAW),
        MarkMessage(instrument_id=1, price=float("inf"), price_basis=PriceBasis.RAW),
        MarkMessage(instrument_id=1),
        MarkMessage(instrument_id=1, price=1.0, reason="no_price", price_basis=PriceBasis.RAW),
        MarkMessage(instrument_id=1, price=1.0),
        MarkMessage(instrument_id=1, price=1.0, price_basis=PriceBasis.RAW),
    ],
)
def test_a_mark_that_breaks_its_contract_is_refused(broken):
    with pytest.raises(ValueError, match="mark of instrument 1"):
        marketdata_client.read_mark(broken)


async def test_yields_are_the_newest_days_by_tenor_with_their_version(channels):
    changes = np.random.default_rng(1).normal(0.0, 0.0005, (30, 2))
    known = yield_history(changes, ("10Y", "3M"), version=6)
    gap = dataclasses.replace(known, yields=np.where(np.arange(31)[:, None] == [28, -1], np.nan, known.yields))
    async with servers.serving_marketdata(servers.MarketData([], yields=gap)) as address:
        found = await MarketDataClient(channels.channel("marketdata", address)).yields(SESSION, 12)
    assert (found.dates, found.tenors, found.data_version) == (gap.dates[-12:], ("10Y", "3M"), 6)
    np.testing.assert_array_equal(found.yields, gap.yields[-12:])


class AsSet(servers.MarketData):
    """Answers what is set, and keeps what it was asked."""

    def __init__(self, marks):
        super().__init__(marks)
        self.matrix, self.fund_prices = PriceMatrix(), FactorEtfPrices()
        self.instruments, self.curves = (), ()
        self.asked = []

    async def GetPriceMatrix(self, request, context):
        self.asked.append(request)
        return self.matrix

    async def GetTradingCalendar(self, request, context):
        self.asked.append(request)
        return GetTradingCalendarResponse(session_dates=DAYS)

    async def GetFactorEtfPrices(self, request, context):
        self.asked.append(request)
        return self.fund_prices

    async def BatchGetInstruments(self, request, context):
        self.asked.append(request)
        return BatchGetInstrumentsResponse(instruments=self.instruments)

    async def GetYieldCurve(self, request, context):
        self.asked.append(request)
        return GetYieldCurveResponse(curves=self.curves)


@pytest.fixture
async def marketdata(channels):
    """The stand-in server, and the client before it."""
    server = AsSet(MARKS)
    async with servers.serving_marketdata(server) as address:
        yield server, MarketDataClient(channels.channel("marketdata", address))


DAYS = ["2022-12-27", "2022-12-28"]
DATES = (date(2022, 12, 27), date(2022, 12, 28))


async def test_a_history_is_read_as_it_is(marketdata):
    server, client = marketdata
    closes = np.array([[125.5, np.nan, 1.0], [126.04, 108.38, 2.0]])
    server.matrix = PriceMatrix(
        session_dates=DAYS,
        instrument_ids=[1, 2, 9],
        closes=closes.astype("<f8").tobytes(),
        price_bases=[PriceBasis.RAW, PriceBasis.TOTAL_RETURN_ADJUSTED, PriceBasis.BASIS_UNSPECIFIED],
        data_version=5,
    )
    found = await client.history([1, 2, 9], SESSION, 2)
    assert (found.session_dates, found.instrument_ids, found.data_version) == (DATES, (1, 2, 9), 5)
    assert found.price_bases == ("raw", "total_return_adjusted", "")
    np.testing.assert_array_equal(found.closes, closes)
    np.testing.assert_array_equal(found.columns([9, 1]), closes[:, [2, 0]])
    (asked,) = server.asked
    assert (asked.as_of_date, asked.data_version, asked.sessions) == ("2022-12-28", 7, 2)
    assert asked.price_basis == PriceBasis.TOTAL_RETURN_ADJUSTED


@pytest.mark.parametrize(("basis", "asked"), [("raw", PriceBasis.RAW), ("split_adjusted", PriceBasis.SPLIT_ADJUSTED)])
async def test_closes_are_asked_for_on_their_basis(marketdata, basis, asked):
    server, client = marketdata
    server.matrix = PriceMatrix(
        session_dates=DAYS[:1], instrument_ids=[1], closes=np.ones(1, "<f8").tobytes(), price_bases=[asked]
    )
    assert (await client.closes([1], SESSION, 1, basis)).price_bases == (basis,)
    assert server.asked[0].price_basis == asked


async def test_sessions_are_those_between_two_days(marketdata):
    server, client = marketdata
    assert await client.sessions(date(2022, 12, 24), date(2022, 12, 28)) == DATES
    assert (server.asked[0].start_date, server.asked[0].end_date) == ("2022-12-24", "2022-12-28")


async def test_factors_are_read_as_they_are_and_what_is_missing_stays_missing(marketdata):
    server, client = marketdata
    point = FactorEtfPrices.Point
    spread = [point(close=90.0), point(close=91.0)]
    server.fund_prices = FactorEtfPrices(
        session_dates=DAYS,
        series=[
            FactorEtfPrices.Series(factor="Market Beta", symbol="SPX", points=[point(close=100.0), point()]),
            FactorEtfPrices.Series(factor="Value", symbol="VLUE", points=spread, price_basis=PriceBasis.RAW),
        ],
        inactive=[FactorEtfPrices.InactiveFactor(factor="Growth", reason="no_proxy")],
        data_version=4,
    )
    found = await client.factors("stocks", SESSION, 2)
    assert (found.names, found.symbols, found.session_dates) == (("Market Beta", "Value"), ("SPX", "VLUE"), DATES)
    np.testing.assert_array_equal(found.closes, [[100.0, 90.0], [np.nan, 91.0]])
    assert (found.price_bases, found.data_version) == (("", "raw"), 4)
    assert found.inactive == (InactiveFactor("Growth", "no_proxy"),)
    (asked,) = server.asked
    assert (asked.asset_class, asked.lookback_days, asked.known_at_version) == ("stocks", 2, 7)


async def test_no_factor_at_all_is_a_block_without_columns(marketdata):
    server, client = marketdata
    server.fund_prices = FactorEtfPrices(session_dates=DAYS)
    assert (await client.factors("bonds", SESSION, 2)).closes.shape == (2, 0)


async def test_facts_are_read_as_they_are(marketdata):
    server, client = marketdata
    told = {"symbol": "AAPL", "name": "Apple", "exchange": "XNAS", "currency": "USD", "sector": "Technology"}
    server.instruments = [Instrument(instrument_id=1, kind=Instrument.STOCK, industry="Phones", **told)]
    found = await client.facts([1])
    assert found == {1: InstrumentFacts(kind="STOCK", industry="Phones", **told)}


async def test_yields_are_the_newest_days_of_the_range_with_gaps_where_a_tenor_was_not_quoted(marketdata):
    server, client = marketdata

    def curve(day, **yields):
        points = [YieldCurve.TenorYield(tenor=tenor, **{"yield": level}) for tenor, level in yields.items()]
        return YieldCurve(curve_date=day, yields=points)

    server.curves = [curve("2022-12-23", y10=0.0375), curve(DAYS[0], y10=0.038, y2=0.043), curve(DAYS[1], y10=0.0385)]
    found = await client.yields(SESSION, 2)
    assert (found.dates, found.tenors) == (DATES, ("y10", "y2"))
    np.testing.assert_array_equal(found.yields, [[0.038, 0.043], [0.0385, np.nan]])
    (asked,) = server.asked
    assert (asked.as_of_date, asked.known_at_version) == ("2022-12-28", 7)
