"""Raw data: summaries, position details and price histories, through the service as it is wired."""

import datetime

import grpc
import pytest

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.portfolio.v1.cash_service_pb2 import PutCashBalancesRequest
from plimsoll.portfolio.v1.data_service_pb2 import (
    GetCompletePortfolioRequest,
    GetHistoricalPricesRequest,
    GetPositionDetailsRequest,
    ListPortfolioSummariesRequest,
)
from tests.services.portfolio.books import NO_SUCH, enter, enter_all, make, new, update
from tests.services.portfolio.conftest import Client, refused

CALL = "AAPL230120C00150000"


async def put_cash(client: Client, portfolio_id: str, **balances: float) -> None:
    request = PutCashBalancesRequest(portfolio_id=portfolio_id, balances=balances, balance_date="2022-12-28")
    await client.cash.PutCashBalances(request)


async def summaries(client: Client, **fields):
    found, token = {}, ""
    while True:
        request = ListPortfolioSummariesRequest(page_token=token, **fields)
        page = await client.data.ListPortfolioSummaries(request)
        found |= {summary.name: summary for summary in page.portfolios}
        if not (token := page.next_page_token):
            return found


@pytest.mark.parametrize("page_size", [0, 1, 3])
async def test_every_portfolio_has_a_line_with_its_value(alice, mallory, page_size):
    long, short, foreign = [await make(alice, name) for name in ("Long", "Short", "Foreign")]
    await make(mallory, "Not hers")
    await enter_all(alice, long.portfolio_id, new("AAPL", 10), new("QUIET", 5))
    await enter(alice, short.portfolio_id, new("JPM", -5))
    await enter(alice, foreign.portfolio_id, new("AAPL", 1))
    await put_cash(alice, long.portfolio_id, USD=100)
    await put_cash(alice, foreign.portfolio_id, EUR=1)
    found = await summaries(alice, page_size=page_size)
    assert list(found) == ["Foreign", "Long", "My portfolio", "Short"]
    line = found["Long"]
    assert line.total_value == pytest.approx(1260.4 + 100)
    assert (line.portfolio_id, line.position_count, line.unvalued_count) == (long.portfolio_id, 2, 1)
    assert (line.market_value, line.cash_balance) == (pytest.approx(1260.4), 100)
    assert line.created_time == long.created_time
    assert (line.portfolio_revision, line.base_currency) == (3, "USD")
    assert (found["My portfolio"].total_value, found["My portfolio"].position_count) == (0, 0)
    reasons = {name: line.reason for name, line in found.items() if not line.HasField("total_value")}
    assert reasons == {"Short": "cash_unknown", "Foreign": "no_fx_rate"}
    for name, portfolio in (("Long", long), ("Short", short)):
        request = GetCompletePortfolioRequest(portfolio_id=portfolio.portfolio_id)
        complete = await alice.data.GetCompletePortfolio(request)
        assert complete.market_value == found[name].market_value
        assert complete.HasField("net_asset_value") == found[name].HasField("total_value")


async def test_a_complete_portfolio_is_the_same_until_it_changes_and_its_owners_alone(alice, mallory):
    portfolio_id = (await make(alice)).portfolio_id
    held = await enter(alice, portfolio_id, new("AAPL", 10))
    request = GetCompletePortfolioRequest(portfolio_id=portfolio_id)
    first = await alice.data.GetCompletePortfolio(request)
    assert await alice.data.GetCompletePortfolio(request) == first
    assert (await refused(mallory.data.GetCompletePortfolio(request))).code == grpc.StatusCode.NOT_FOUND
    await update(alice, held.position_id, quantity=20)
    changed = await alice.data.GetCompletePortfolio(request)
    assert changed.market_value == pytest.approx(2 * first.market_value)
    earlier = GetCompletePortfolioRequest(portfolio_id=portfolio_id, portfolio_revision=first.portfolio_revision)
    assert await alice.data.GetCompletePortfolio(earlier) == first
    of_may = GetCompletePortfolioRequest(portfolio_id=portfolio_id, as_of_date="2022-05-31")
    assert (await alice.data.GetCompletePortfolio(of_may)).as_of_date == "2022-05-31"


async def test_summaries_are_of_a_session(alice):
    portfolio = await make(alice)
    await enter_all(alice, portfolio.portfolio_id, new("AAPL", 10, entry_date="2022-06-01"), new("XOM", 1))
    before = await alice.data.ListPortfolioSummaries(ListPortfolioSummariesRequest(as_of_date="2022-05-31"))
    assert (before.as_of_date, before.data_version) == ("2022-05-31", 7)
    assert before.last_updated_time.ToJsonString() == "2022-05-31T21:00:00Z"
    assert [line.position_count for line in before.portfolios] == [1, 0]
    now = await alice.data.ListPortfolioSummaries(ListPortfolioSummariesRequest())
    assert (now.as_of_date, [line.position_count for line in now.portfolios]) == ("2022-12-28", [2, 0])


@pytest.fixture
async def book(alice: Client) -> dict[str, str]:
    """A portfolio with something long, short, optional, foreign, closed and yet to come; ids by what they are."""
    portfolio = await make(alice)
    entered = await enter_all(
        alice,
        portfolio.portfolio_id,
        new("AAPL", 10, entry_price=120.5),
        new("JPM", -5, entry_price=150),
        new(CALL, 2, entry_price=3.1, entry_date="2022-12-01"),
        new("VOD", 3),
        new("XOM", 7),
        new("XOM", 1, entry_date="2022-12-29"),
    )
    names = ("long", "short", "option", "foreign", "closed", "later")
    ids = {name: position.position_id for name, position in zip(names, entered, strict=True)}
    await update(alice, ids["closed"], exit_date="2022-12-01", exit_price=111)
    return {"portfolio": portfolio.portfolio_id, **ids}


async def details(client: Client, **fields):
    answer = await client.data.GetPositionDetails(GetPositionDetailsRequest(**fields))
    return {found.position.position_id: found for found in answer.positions}


async def test_details_of_a_portfolio_are_of_what_it_holds(alice, book):
    found = await details(alice, portfolio_id=book["portfolio"])
    assert list(found) == [book[name] for name in ("long", "short", "option", "foreign")]
    long = found[book["long"]]
    assert (long.market_value, long.cost_basis) == (pytest.approx(1260.4), 1205)
    assert long.unrealized_pnl == pytest.approx(55.4)
    assert (long.price, long.price_source, long.sector) == (126.04, "close", "Information Technology")
    assert found[book["short"]].unrealized_pnl == pytest.approx(-5 * (129.54 - 150))
    assert found[book["foreign"]].reason == "no_fx_rate"
    assert not found[book["foreign"]].HasField("market_value")
    option = found[book["option"]]
    assert (option.position.option.strike, option.reason, option.cost_basis) == (150, "no_mark", 620)


async def test_closed_positions_are_given_where_they_are_wanted(alice, book):
    found = await details(alice, portfolio_id=book["portfolio"], include_closed=True)
    assert list(found) == [book[name] for name in ("long", "short", "option", "foreign", "closed")]
    closed = found[book["closed"]]
    assert (closed.reason, closed.realized_pnl, closed.cost_basis) == ("closed", 77, 700)
    assert not closed.HasField("market_value")
    assert not closed.HasField("unrealized_pnl")
    assert not any(one.HasField("realized_pnl") for one in found.values() if one is not closed)
    then = await details(alice, portfolio_id=book["portfolio"], as_of_date="2022-11-30")
    assert list(then) == [book[name] for name in ("long", "short", "foreign", "closed")]
    assert then[book["closed"]].market_value == pytest.approx(7 * 105)


async def test_details_by_id_are_of_any_portfolio_in_the_order_asked_for(alice, book):
    other = await make(alice, "In pounds", base_currency="GBP")
    pounds = await enter(alice, other.portfolio_id, new("VOD", 3))
    ids = [pounds.position_id, book["later"], book["closed"], book["long"]]
    found = await details(alice, position_ids=ids)
    assert list(found) == ids
    assert found[pounds.position_id].market_value == 30, "at home in a portfolio of its currency"
    assert [found[i].reason for i in ids] == ["", "not_entered", "closed", ""]
    assert found[book["closed"]].realized_pnl == 77


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"portfolio_id": NO_SUCH, "position_ids": [NO_SUCH]},
        {"portfolio_id": "x"},
        {"position_ids": ["x"]},
        {"position_ids": [NO_SUCH], "portfolio_revision": 1},
        {"portfolio_id": NO_SUCH, "as_of_date": "2022-02-30"},
    ],
)
async def test_what_names_no_positions_is_refused(alice, fields):
    error = await refused(alice.data.GetPositionDetails(GetPositionDetailsRequest(**fields)))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert len(error.fields) == 1


async def prices(client: Client, portfolio_id: str, **fields):
    return await client.data.GetHistoricalPrices(GetHistoricalPricesRequest(portfolio_id=portfolio_id, **fields))


async def test_prices_stand_on_the_same_sessions_and_the_unknown_is_absent(alice, book):
    answer = await prices(alice, book["portfolio"], lookback_days=3)
    assert list(answer.session_dates) == ["2022-12-26", "2022-12-27", "2022-12-28"]
    assert (answer.lookback_days, answer.as_of_date) == (3, "2022-12-28")
    assert (answer.truncated, answer.symbol_count) == (False, 3)
    series = {one.symbol: one for one in answer.series}
    assert list(series) == ["AAPL", "JPM", "VOD"], "the option counts with AAPL, what was closed not at all"
    apple = series["AAPL"].prices[2]
    assert (apple.open, apple.high, apple.low, apple.close, apple.volume) == (1, 3, 0.5, 28, 900)
    bank = series["JPM"].prices
    assert [price.close for price in bank] == [26, 27, 28]
    assert not any(price.HasField(name) for price in bank for name in ("open", "high", "low", "volume"))
    assert series["JPM"].price_basis == PriceBasis.TOTAL_RETURN_ADJUSTED


async def test_a_missing_bar_leaves_its_place_empty(alice):
    portfolio = await make(alice)
    await enter_all(alice, portfolio.portfolio_id, new("XOM", 1), new("QUIET", 1))
    answer = await prices(alice, portfolio.portfolio_id, lookback_days=2)
    energy, quiet = answer.series
    assert [price.HasField("close") for price in energy.prices] == [False, True]
    assert (quiet.symbol, quiet.reason, list(quiet.prices)) == ("QUIET", "no_price", [])


async def test_the_largest_symbols_are_kept_and_the_rest_is_said_to_be_missing(alice):
    portfolio = await make(alice)
    rows = [new("VOD", 1), new("XOM", 1), new("JPM", -50), new(CALL, 1, entry_date="2022-12-01"), new("AAPL", 2)]
    await enter_all(alice, portfolio.portfolio_id, *rows)
    answer = await prices(alice, portfolio.portfolio_id, lookback_days=1, max_symbols=2)
    assert [one.symbol for one in answer.series] == ["JPM", "AAPL"]
    assert (answer.truncated, answer.symbol_count) == (True, 4)


async def test_factor_etfs_come_on_request(alice, book):
    answer = await prices(alice, book["portfolio"], lookback_days=1, include_factor_etfs=True, max_symbols=1)
    assert [(one.symbol, one.factor) for one in answer.series] == [
        ("AAPL", ""),
        ("SPX", "Market Beta"),
        ("JPM", "Value"),
        ("XOM", "Value"),
    ]
    assert [len(one.prices) for one in answer.series] == [1, 1, 1, 1]


async def test_dates_can_be_seconds(alice, book):
    answer = await prices(alice, book["portfolio"], lookback_days=2, date_format="unix")
    assert list(answer.session_dates) == []
    days = [datetime.datetime.fromtimestamp(seconds, datetime.UTC) for seconds in answer.session_unix_seconds]
    assert [day.isoformat() for day in days] == ["2022-12-27T00:00:00+00:00", "2022-12-28T00:00:00+00:00"]


async def test_150_sessions_unless_said_otherwise_and_an_empty_portfolio_has_none(alice, book):
    answer = await prices(alice, book["portfolio"])
    assert (answer.lookback_days, len(answer.session_dates)) == (150, 150)
    assert len(answer.series[0].prices) == 150
    assert not answer.series[0].prices[0].HasField("close"), "its history begins in July"
    empty = await make(alice, "Empty")
    nothing = await prices(alice, empty.portfolio_id, price_basis=PriceBasis.RAW)
    assert (list(nothing.series), nothing.truncated, len(nothing.session_dates)) == ([], False, 150)
    raw = await prices(alice, book["portfolio"], lookback_days=1, price_basis=PriceBasis.RAW)
    assert {one.price_basis for one in raw.series} == {PriceBasis.RAW}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"lookback_days": 2521}, "lookback_days"),
        ({"max_symbols": 201}, "max_symbols"),
        ({"date_format": "roman"}, "date_format"),
        ({"price_basis": 99}, "price_basis"),
        ({"as_of_date": "2022-02-30"}, "as_of_date"),
    ],
)
async def test_prices_that_cannot_be_given_are_refused_by_field(alice, fields, field):
    error = await refused(prices(alice, NO_SUCH, **fields))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_anothers_data_is_as_good_as_none(alice, mallory, book):
    own = await enter(mallory, (await make(mallory)).portfolio_id)

    def attempts(portfolio_id: str, position_id: str):
        yield details(mallory, portfolio_id=portfolio_id)
        yield details(mallory, position_ids=[own.position_id, position_id])
        yield prices(mallory, portfolio_id)

    foreign = [await refused(call) for call in attempts(book["portfolio"], book["long"])]
    absent = [await refused(call) for call in attempts(NO_SUCH, NO_SUCH)]
    assert {error.code for error in [*foreign, *absent]} == {grpc.StatusCode.NOT_FOUND}
    hidden = [error.message.replace(book["portfolio"], "").replace(book["long"], "") for error in foreign]
    assert hidden == [error.message.replace(NO_SUCH, "") for error in absent]
