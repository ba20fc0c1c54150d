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
from plimsoll.marketdata.v1.price_pb2 import Mark as MarkMessage
from services.risk.clients import marketdata as marketdata_client
from services.risk.clients.marketdata import MarketDataClient
from services.risk.clients.portfolio import PortfolioClient
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
        yield FakeBooks(book(**CONTENT))
        return
    async with servers.serving_portfolio(servers.Portfolio(book_message(**CONTENT))) as address:
        yield PortfolioClient(channels.channel("portfolio", address))


@pytest.fixture(params=["fake", "client"])
async def market(request, channels):
    if request.param == "fake":
        yield FakeMarket(*MARKS)
        return
    async with servers.serving_marketdata(servers.MarketData(MARKS)) as address:
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
    found = await market.marks([1, 4, 7, 8, 9], SESSION)
    assert list(found) == [1, 4, 7, 8, 9]
    assert found[8] == option_mark(8, 5.25)
    assert found[9] == option_mark(9, 0.0, {"source": "close"}, expired=True)
    assert found[1] == mark(1, 126.04)
    assert not found[4].known
    assert dataclasses.replace(found[4], price=0.0) == dataclasses.replace(no_mark(4), price=0.0)
    assert found[7] == MARKS[-1]
    assert found[7].stale


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
