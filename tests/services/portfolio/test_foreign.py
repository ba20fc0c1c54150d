"""Positions and cash in another currency than the portfolio's: at the rate of the session, and of the day of entry."""

import pytest

from plimsoll.portfolio.v1.data_service_pb2 import GetCompletePortfolioRequest, ListPortfolioSummariesRequest
from tests.services.portfolio import marketdata_stub
from tests.services.portfolio.books import enter_all, make, new, update
from tests.services.portfolio.conftest import Client
from tests.services.portfolio.test_data import details, put_cash


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, float]]:
    """The pound fell from 1.30 to 1.20 dollars; rates before June are not known."""
    told = {"GBP": {"2022-06-01": 1.30, "2022-12-28": 1.20}, "EUR": {"2022-12-28": 1.05}}
    monkeypatch.setattr(marketdata_stub, "RATES", told)
    return told


async def complete(client: Client, portfolio_id: str):
    return await client.data.GetCompletePortfolio(GetCompletePortfolioRequest(portfolio_id=portfolio_id))


async def test_a_foreign_position_is_told_in_base_currency(alice, rates):
    portfolio = await make(alice)
    entries = (new("VOD", 100, entry_price=8, entry_date="2022-06-06"), new("AAPL", 10, entry_price=120))
    foreign, own = await enter_all(alice, portfolio.portfolio_id, *entries)
    found = await details(alice, portfolio_id=portfolio.portfolio_id)
    pounds = found[foreign.position_id]
    assert (pounds.price, pounds.fx_rate, pounds.opening_fx_rate, pounds.reason) == (10.0, 1.2, 1.3, "")
    assert pounds.market_value == pytest.approx(100 * 10 * 1.2)
    assert pounds.cost_basis == pytest.approx(100 * 8 * 1.3)
    assert pounds.unrealized_pnl == pytest.approx(1200 - 1040)
    assert pounds.currency_pnl == pytest.approx(100 * 10 * (1.2 - 1.3))
    dollars = found[own.position_id]
    assert (dollars.fx_rate, dollars.opening_fx_rate, dollars.currency_pnl) == (1, 1, 0)
    whole = await complete(alice, portfolio.portfolio_id)
    assert whole.market_value == pytest.approx(1200 + 1260.4)
    assert whole.quality.unvalued_count == 0


async def test_where_the_rate_of_the_entry_is_not_known_the_cost_is_not_either(alice, rates):
    portfolio = await make(alice)
    await enter_all(alice, portfolio.portfolio_id, new("VOD", 100, entry_price=8, entry_date="2022-05-31"))
    whole = await complete(alice, portfolio.portfolio_id)
    (found,) = whole.positions
    assert (found.market_value, found.reason, found.cost_reason) == (pytest.approx(1200), "", "no_fx_rate")
    for field in ("cost_basis", "unrealized_pnl", "currency_pnl", "opening_fx_rate"):
        assert not found.HasField(field), field
    assert whole.quality.warnings[-1].endswith("no rate of exchange of their entry is known: 1")


async def test_a_closed_position_realised_at_the_rates_of_its_two_days(alice, rates):
    portfolio = await make(alice)
    entry = new("VOD", 100, entry_price=8, entry_date="2022-06-01")
    (position,) = await enter_all(alice, portfolio.portfolio_id, entry)
    await update(alice, position.position_id, exit_date="2022-12-28", exit_price=9)
    found = await details(alice, portfolio_id=portfolio.portfolio_id, include_closed=True)
    closed = found[position.position_id]
    assert (closed.reason, closed.realized_pnl) == ("closed", pytest.approx(100 * (9 * 1.2 - 8 * 1.3)))
    assert not closed.HasField("currency_pnl")


async def test_cash_of_each_currency_counts_at_its_rate(alice, rates):
    portfolio, unknown = [await make(alice, name) for name in ("Two", "Franc")]
    await put_cash(alice, portfolio.portfolio_id, USD=100, EUR=-20)
    await put_cash(alice, unknown.portfolio_id, USD=100, CHF=1)
    whole = await complete(alice, portfolio.portfolio_id)
    assert (whole.cash_balance, whole.net_asset_value) == (pytest.approx(100 - 21), pytest.approx(79))
    lines = (await alice.data.ListPortfolioSummaries(ListPortfolioSummariesRequest())).portfolios
    told = {line.name: (line.reason, line.total_value) for line in lines}
    assert told["Two"] == ("", pytest.approx(79))
    assert told["Franc"] == ("no_fx_rate", 0)
