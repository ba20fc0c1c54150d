"""Beta, volatility and drawdown of a book, against numpy and a loop over days."""

import dataclasses
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.risk.domain.inputs import Inputs
from services.risk.domain.risk_metrics import RISK_METRICS, RiskMetricsParameters
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, XOM, book, mark, market, no_mark
from tests.services.risk.histories import days, history, history_of, market_history
from tests.services.risk.test_domain import numbers_in

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
ROWS = (dataclasses.replace(AAPL, quantity=200.0), dataclasses.replace(XOM, quantity=-100.0))
MARKS = [mark(1, 100.0), mark(2, 150.0)]
CASH = [("USD", 5_000.0)]
NAV = 20_000.0 - 15_000.0 + 5_000.0
DRAWN = np.random.default_rng(11).normal(0.0005, 0.01, (90, 3))
MARKET = DRAWN[:, 2]
RETURNS = DRAWN[:, :2] + MARKET[:, None] * [1.2, 0.8]
OWN = RETURNS @ [20_000.0 / NAV, -15_000.0 / NAV]


def metrics(rows=ROWS, returns=RETURNS, marks=MARKS, factors=None, cash=CASH, **book_fields):
    slices = {"history": history(returns, (1, 2)), "factors": factors or market_history(MARKET)}
    held = book(rows, cash=cash, **book_fields)
    return ask(OWNER, held, market(*marks), RISK_METRICS, RiskMetricsParameters(), **slices)


def test_beta_volatility_and_correlation_are_numpys():
    found = metrics().summary.risk_metrics
    covariance = np.cov(OWN, MARKET)
    assert found.portfolio_beta == pytest.approx(covariance[0, 1] / covariance[1, 1])
    assert found.annualized_volatility == pytest.approx(math.sqrt(252 * covariance[0, 0]))
    assert found.benchmark_volatility == pytest.approx(math.sqrt(252 * covariance[1, 1]))
    assert found.correlation == pytest.approx(np.corrcoef(OWN, MARKET)[0, 1])
    assert found.tracking_error == pytest.approx(np.std(OWN - MARKET, ddof=1) * math.sqrt(252))


def test_the_drawdown_is_the_deepest_of_all_pairs_of_days():
    growth = np.concatenate([[1.0], np.cumprod(1.0 + OWN)])
    deepest, peak, trough = min(
        (growth[late] / growth[early] - 1.0, early, late) for late in range(91) for early in range(late + 1)
    )
    found = metrics().summary.risk_metrics
    assert found.max_drawdown == pytest.approx(deepest)
    dates = days(91)
    assert (found.max_drawdown_peak_date, found.max_drawdown_trough_date) == (dates[peak], dates[trough])


def test_the_answer_says_what_it_is_of():
    assert (metrics().summary.basis, metrics().summary.benchmark) == ("current_positions", "SPX")
    inputs = Inputs(
        dataclasses.replace(book(ROWS, cash=CASH), benchmark="QQQ"),
        market(*MARKS),
        history=history(RETURNS, (1, 2)),
        factors=market_history(MARKET),
    )
    found = RISK_METRICS.compute(inputs, RiskMetricsParameters())
    assert any("not the benchmark of the portfolio" in warning for warning in found.warnings)
    assert (found.lookback.lookback_days, found.lookback.observations) == (90, 90)
    assert (found.lookback.start_date, found.lookback.end_date) == (days(90)[0], days(90)[-1])


def test_a_position_with_a_short_history_is_left_out_and_named():
    returns = RETURNS.copy()
    returns[:60, 1] = np.nan
    answered = metrics(returns=returns)
    assert answered.summary.risk_metrics.annualized_volatility == pytest.approx(
        np.std(RETURNS[:, 0] * 2.0, ddof=1) * math.sqrt(252)
    )
    assert [(each.symbol, each.reason) for each in answered.metadata.coverage.excluded] == [
        ("XOM", "insufficient_history")
    ]
    assert answered.metadata.coverage.modelled_percent == pytest.approx(100 * 20 / 35)


SHORT = RETURNS.copy()
SHORT[:75] = np.nan


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"marks": [no_mark(1, "no_price"), no_mark(2, "no_price")]}, "no_market_data"),
        ({"cash": [], "cash_reason": "cash_unknown"}, "cash_unknown"),
        ({"cash": [("USD", -5_000.0)]}, "no_net_asset_value"),
        ({"rows": ()}, "no_exposure"),
        ({"factors": market_history(MARKET, "Value")}, "no_benchmark_data"),
        ({"returns": SHORT}, "insufficient_overlap"),
        ({"factors": market_history(np.where(np.arange(90) < 75, np.nan, MARKET))}, "insufficient_overlap"),
        ({"cash": [("USD", -4_990.0)]}, "loss_beyond_value"),
    ],
)
def test_reasons(changes, reason):
    answered = metrics(**changes)
    assert (answered.summary, answered.reason) == (None, reason)


def test_a_market_that_stands_still_has_no_beta():
    found = metrics(factors=market_history(MARKET * 0.0)).summary.risk_metrics
    assert (found.portfolio_beta, found.correlation, found.benchmark_volatility) == (None, None, 0.0)
    assert found.annualized_volatility > 0.0


closes = arrays.arrays(
    np.float64,
    st.tuples(st.integers(0, 60), st.just(3)),
    elements=st.sampled_from([math.nan, 0.0, 100.0, 100.0, 101.0]) | st.floats(0.1, 1e3),
)


@settings(max_examples=80)
@given(closes, st.lists(st.floats(-1e4, 1e4).filter(lambda quantity: abs(quantity) > 1e-3), min_size=2, max_size=2))
def test_whatever_the_history_every_number_is_finite(closes, quantities):
    rows = [dataclasses.replace(row, quantity=quantity) for row, quantity in zip(ROWS, quantities, strict=True)]
    factors = (
        dataclasses.replace(market_history(np.zeros(len(closes) - 1)), closes=closes[:, 2:]) if len(closes) else None
    )
    slices = {"history": history_of(closes[:, :2], (1, 2)), "factors": factors}
    held, parameters = book(rows, cash=[("USD", 1e6)]), RiskMetricsParameters(lookback_days=30)
    found = ask(OWNER, held, market(*MARKS), RISK_METRICS, parameters, **slices)
    assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(found)))
    assert (found.summary is None) == bool(found.reason)
