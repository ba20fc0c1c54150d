"""How what is foreign moves: its instruments with price and rate together, its cash with the rate alone."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmath.american import american_price
from riskmath.exchange import ExchangeRates
from riskmath.options import CALL as RIGHT_TO_BUY
from riskmath.options import DAYS_A_YEAR
from services.risk.domain.analysis import Found
from services.risk.domain.base_closes import in_base
from services.risk.domain.factor_fits import FittedBook, fit_book
from services.risk.domain.inputs import Before, Inputs
from services.risk.domain.pnl_explained import PNL_EXPLAIN, PnlExplainParameters
from services.risk.domain.risk_metrics import RISK_METRICS, RiskMetricsParameters
from services.risk.domain.value_at_risk import VALUE_AT_RISK, ValueAtRiskParameters
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, AS_OF, CALL, XOM, book, mark, market, option_mark
from tests.services.risk.histories import days, factor_history, history, market_history
from tests.services.risk.pasts import LONG_AGO, marks_on, on, traded

RANDOM = np.random.default_rng(11)
MARKET = RANDOM.normal(0.0, 0.01, 600)
LOCAL = np.column_stack([RANDOM.normal(0.0, 0.012, 600), 0.8 * MARKET])
FX = RANDOM.normal(0.0, 0.006, 600)
EURO = 1.06 * np.cumprod(np.append(1.0, 1.0 + FX)) / np.prod(1.0 + FX)
SHARE, ABROAD = dataclasses.replace(AAPL, quantity=200.0), dataclasses.replace(XOM, quantity=100.0, currency="EUR")
MARKS = [mark(1, 100.0), mark(2, 150.0, currency="EUR")]


def euro(rates=EURO, ages=None):
    """Dollars for a euro on the days of the histories, the last one that of the book."""
    column = np.asarray(rates, dtype=float)[:, None]
    ages = np.where(np.isnan(column), -1, 0) if ages is None else np.array(ages)[:, None]
    return ExchangeRates("USD", np.array(days(len(column)), dtype="datetime64[D]"), ("EUR",), column, ages)


def slices(held, known, returns=LOCAL, numbers=(1, 2)):
    return {"history": in_base(history(returns, numbers), held, known)}


def at_risk(rows, marks=MARKS, rates=None, cash=(("USD", 5_000.0),), **parameters):
    held, known = book(rows, cash=cash), market(*marks, rates=rates or euro())
    return ask("", held, known, VALUE_AT_RISK, ValueAtRiskParameters(**parameters), **slices(held, known))


def test_a_close_counts_in_base_currency_on_the_days_that_have_a_rate_of_their_own():
    ages = np.zeros(601, dtype=int)
    ages[-3] = 1
    held, known = book((SHARE, ABROAD)), market(*MARKS, rates=euro(ages=ages))
    own = history(LOCAL, (1, 2))
    found = in_base(own, held, known).closes
    assert found[:, 0].tobytes() == own.closes[:, 0].tobytes()
    expected = own.closes[:, 1] * EURO
    expected[-3] = np.nan
    np.testing.assert_array_equal(found[:, 1], expected)
    assert in_base(own, held, known) is in_base(own, held, known)
    assert in_base(own, book((SHARE,)), known) is own
    assert in_base(own, held, market(*MARKS)) is own


@pytest.mark.parametrize("method", ["historical", "filtered_historical", "parametric", "monte_carlo"])
def test_the_tail_of_a_foreign_share_is_that_of_the_share_with_its_rate_in_its_price(method):
    abroad = at_risk((SHARE, ABROAD), method=method).summary
    at_home = [MARKS[0], mark(2, 150.0 * 1.06)]
    both = np.column_stack([LOCAL[:, 0], (1.0 + LOCAL[:, 1]) * (1.0 + FX) - 1.0])
    home = book((SHARE, dataclasses.replace(ABROAD, currency="USD")), cash=[("USD", 5_000.0)])
    parameters = ValueAtRiskParameters(method=method)
    expected = ask("", home, market(*at_home), VALUE_AT_RISK, parameters, history=history(both, (1, 2))).summary
    assert abroad.value_at_risk == pytest.approx(expected.value_at_risk, rel=1e-9)
    assert abroad.expected_shortfall == pytest.approx(expected.expected_shortfall, rel=1e-9)
    assert abroad.total_value == pytest.approx(expected.total_value)


def test_cash_alone_can_lose_what_its_rate_can():
    found = at_risk((), cash=[("USD", 1_000.0), ("EUR", 10_000.0)], marks=[], method="historical").summary
    worst = np.sort(-10_600.0 * FX[-500:])[::-1]
    assert found.value_at_risk == pytest.approx(worst[25])
    assert found.total_value == pytest.approx(11_600.0)
    assert [(each.symbol, each.net_exposure) for each in found.components] == [("CUR:EUR", pytest.approx(10_600.0))]
    normal = at_risk((), cash=[("EUR", -10_000.0)], marks=[], method="parametric").summary
    assert normal.value_at_risk > 0.0


def test_debt_in_the_currency_of_a_share_offsets_its_rate():
    naked = at_risk((ABROAD,), method="parametric").summary
    hedged = at_risk((ABROAD,), method="parametric", cash=[("USD", 5_000.0), ("EUR", -15_000.0)]).summary
    assert hedged.value_at_risk < naked.value_at_risk
    assert hedged.total_value == pytest.approx(5_000.0)


def test_cash_whose_rates_are_known_for_too_short_counts_as_still_and_is_named():
    rates = EURO.copy()
    rates[:-50] = np.nan
    found = at_risk((SHARE,), marks=MARKS[:1], rates=euro(rates), cash=[("EUR", 1_000.0)], method="historical")
    assert [each.symbol for each in found.summary.components] == ["AAPL"]
    assert any("cash in them counts as still: EUR" in warning for warning in found.metadata.warnings)


def test_a_foreign_option_is_priced_in_its_own_currency_and_then_exchanged():
    # The share stands still in euros: the option is worth what it was in euros, and follows the rate alone.
    option = dataclasses.replace(CALL, currency="EUR", underlying_id=1)
    marks = [mark(1, 126.04, currency="EUR"), option_mark(4, 5.0, {"currency": "EUR"})]
    held, known = book((option,), cash=[("USD", 0.0)]), market(*marks, rates=euro())
    still = slices(held, known, np.zeros((600, 1)), (1,))
    found = ask("", held, known, VALUE_AT_RISK, ValueAtRiskParameters(method="historical"), **still).summary
    now = at_risk((), marks=[], cash=[("EUR", 1.0)], method="historical").summary.value_at_risk  # of one euro
    worth = value_of_the_model(marks[1].option) * 100.0
    assert found.value_at_risk == pytest.approx(worth * now, rel=1e-6)


def value_of_the_model(terms):
    years = (terms.expiry_date - AS_OF).days / DAYS_A_YEAR
    one = {"spot": [126.04], "strike": [terms.strike], "years_to_expiry": [years], "volatility": [terms.volatility]}
    rest = {"rate": [terms.rate], "dividend_yield": [0.0], "right": [RIGHT_TO_BUY]}
    return float(american_price(**one, **rest).price[0])


def test_volatility_counts_cash_with_its_rate():
    held, known = book((SHARE,), cash=[("EUR", 10_000.0)]), market(MARKS[0], rates=euro())
    factors = market_history(MARKET)
    parameters = RiskMetricsParameters()
    found = ask("", held, known, RISK_METRICS, parameters, factors=factors, **slices(held, known, LOCAL[:, :1], (1,)))
    nav = 20_000.0 + 10_600.0
    own = (20_000.0 * LOCAL[:, 0] + 10_600.0 * FX) / nav
    expected = np.std(own, ddof=1) * np.sqrt(252)
    assert found.summary.risk_metrics.annualized_volatility == pytest.approx(expected, rel=1e-9)


def test_betas_are_on_returns_in_base_currency():
    rate = 1.06 * np.cumprod(np.append(1.0, 1.0 + 0.5 * MARKET[-252:]))
    held, known = book((ABROAD,), cash=[("EUR", 5.0)]), market(MARKS[1], rates=euro(rate))
    still = in_base(history(np.zeros((252, 1)), (2,)), held, known)
    found = fit_book(Inputs(held, known, history=still, factors=factor_history(MARKET[-252:, None], ("Market Beta",))))
    assert not isinstance(found, Found)
    assert found.fits.market_beta.tolist() == pytest.approx([0.5])
    assert found.exposure.tolist() == pytest.approx([15_000.0 * rate[-1]])
    assert any("cash in other currencies has no beta" in each for each in found.warnings(Inputs(held, known)))
    assert isinstance(found, FittedBook)


def explained(rates, before, after, share=ABROAD):
    start = days(6)[0]
    held = traded((on(share, LONG_AGO),), cash=[("USD", 5_000.0)])
    known = market(mark(2, after, currency=share.currency), rates=rates)
    moved = np.vstack([np.zeros((594, 1)), np.full((6, 1), (after / before) ** (1 / 5) - 1.0)])
    then = dataclasses.replace(marks_on(start, mark(2, before, currency=share.currency)), rates=rates)
    past = {"history": in_base(history(moved, (2,)), held, known), "before": Before(held, then)}
    past["factors"] = factor_history(MARKET[:, None], ("Market Beta",))
    parameters = PnlExplainParameters(start.isoformat())
    return ask("", held, known, PNL_EXPLAIN, parameters, **past).summary


def test_profit_and_loss_is_explained_by_the_rate_of_exchange_apart_from_the_price():
    found = explained(euro(), 100.0, 110.0)
    first, last = EURO[-6], EURO[-1]
    assert found.total_pnl == pytest.approx(100 * (110.0 * last - 100.0 * first))
    assert found.parts.fx == pytest.approx(100 * 110.0 * (last - first))
    assert found.parts.factor + found.parts.specific == pytest.approx(100 * 10.0 * first)
    assert found.parts.unexplained == pytest.approx(0.0, abs=1e-6)
    at_home = explained(None, 100.0, 110.0, dataclasses.replace(ABROAD, currency="USD"))
    assert at_home.parts.fx == 0.0


def test_a_period_needs_no_rate_of_the_entry():
    rates = EURO.copy()
    rates[:-10] = np.nan
    found = explained(euro(rates), 100.0, 110.0)
    assert found.total_pnl == pytest.approx(100 * (110.0 * EURO[-1] - 100.0 * EURO[-6]))


@settings(max_examples=25, deadline=None)
@given(st.floats(0.2, 5.0), st.integers(0, 2**32 - 1))
def test_rates_that_never_move_change_the_unit_and_nothing_else(rate, seed):
    returns = np.random.default_rng(seed).normal(0.0, 0.01, (150, 1))
    constant = euro(np.full(151, rate))
    held, known = book((ABROAD,), cash=[("USD", 0.0)]), market(MARKS[1], rates=constant)
    home = book((dataclasses.replace(ABROAD, currency="USD"),), cash=[("USD", 0.0)])
    parameters = ValueAtRiskParameters(method="historical", lookback_days=150)
    past = {"history": in_base(history(returns, (2,)), held, known)}
    abroad = ask("", held, known, VALUE_AT_RISK, parameters, **past).summary
    there = ask("", home, market(mark(2, 150.0)), VALUE_AT_RISK, parameters, history=history(returns, (2,))).summary
    assert abroad.value_at_risk == pytest.approx(rate * there.value_at_risk, rel=1e-9, abs=1e-9)
