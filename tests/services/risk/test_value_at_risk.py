"""Value at risk of a book, against sorted lists, loops over days and the formulas by hand."""

import dataclasses
import math
import statistics
import tracemalloc

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from riskmath.black_scholes import european
from riskmath.options import CALL as RIGHT_TO_BUY
from services.risk.domain.tail_backtest import backtest
from services.risk.domain.value_at_risk import VALUE_AT_RISK, ValueAtRiskParameters
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, CALL, XOM, book, mark, market, no_mark, option_mark
from tests.services.risk.histories import history, history_of
from tests.services.risk.test_domain import numbers_in

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
ROWS = (dataclasses.replace(AAPL, quantity=200.0), dataclasses.replace(XOM, quantity=-100.0))
MARKS = [mark(1, 100.0), mark(2, 150.0)]
EXPOSURE = np.array([20_000.0, -15_000.0])
NAV = 10_000.0
RETURNS = np.random.default_rng(5).standard_t(4, (600, 2)) * 0.01
RETURNS[:, 1] += 0.5 * RETURNS[:, 0]
LAST = RETURNS[-500:]
METHODS = ("filtered_historical", "historical", "parametric", "cornish_fisher", "monte_carlo")
NORMAL = statistics.NormalDist()


def at_risk(rows=ROWS, returns=RETURNS, marks=MARKS, cash=(("USD", 5_000.0),), histories=None, **parameters):
    slices = {"history": histories or history(returns, (1, 2))}
    held = book(rows, cash=cash)
    return ask(OWNER, held, market(*marks), VALUE_AT_RISK, ValueAtRiskParameters(**parameters), **slices)


def tail(losses, confidence):
    """The worst losses and their mean, with a fraction of the last."""
    worst, k = sorted(losses, reverse=True), len(losses) * (1 - confidence)
    whole = math.floor(round(k, 9))
    return worst[whole], (sum(worst[:whole]) + (k - whole) * worst[whole]) / k


def volatilities(series):
    """What is known before each session, and after all."""
    variance = [float(np.mean(np.square(series)))]
    for move in series:
        variance.append(0.94 * variance[-1] + 0.06 * move**2)
    return np.sqrt(variance)


@pytest.mark.parametrize("confidence", [0.95, 0.99, 0.975])
def test_historical_is_the_sorted_past(confidence):
    found = at_risk(method="historical", confidence_level=confidence).summary
    assert (found.value_at_risk, found.expected_shortfall) == pytest.approx(
        tail((-LAST @ EXPOSURE).tolist(), confidence)
    )
    assert found.value_at_risk_percent == pytest.approx(100 * found.value_at_risk / NAV)
    assert (found.scenarios, found.component_method, found.horizon_scaling) == (500, "tail_mean", "")


def test_filtered_historical_is_the_past_at_todays_volatility():
    own = LAST @ EXPOSURE
    sigma = volatilities(own)
    found = at_risk().summary
    assert found.method == "filtered_historical"
    assert (found.value_at_risk, found.expected_shortfall) == pytest.approx(
        tail((-own * sigma[-1] / sigma[:-1]).tolist(), 0.95)
    )


@pytest.mark.parametrize("horizon", [1, 10])
def test_parametric_by_hand(horizon):
    sigma = volatilities(LAST @ EXPOSURE)[-1] * math.sqrt(horizon)
    found = at_risk(method="parametric", horizon_days=horizon).summary
    z = NORMAL.inv_cdf(0.95)
    assert found.value_at_risk == pytest.approx(z * sigma, rel=1e-6)
    assert found.expected_shortfall == pytest.approx(NORMAL.pdf(z) / 0.05 * sigma, rel=1e-6)
    assert found.horizon_scaling == ("" if horizon == 1 else "square_root_of_time")


def test_cornish_fisher_by_hand():
    own = LAST @ EXPOSURE
    unit = (own - own.mean()) / own.std()
    skew, excess, a = (unit**3).mean(), (unit**4).mean() - 3.0, NORMAL.inv_cdf(0.05)
    bent = a + (a**2 - 1) * skew / 6 + (a**3 - 3 * a) * excess / 24 - (2 * a**3 - 5 * a) * skew**2 / 36
    assert at_risk(method="cornish_fisher").summary.value_at_risk == pytest.approx(-own.mean() - own.std() * bent)


def test_monte_carlo_draws_what_parametric_says_of_a_book_without_options():
    drawn, modelled = (at_risk(method=method).summary for method in ("monte_carlo", "parametric"))
    assert drawn.value_at_risk == pytest.approx(modelled.value_at_risk, rel=0.05)
    assert drawn.expected_shortfall == pytest.approx(modelled.expected_shortfall, rel=0.05)
    assert drawn == at_risk(method="monte_carlo").summary


@pytest.mark.parametrize("horizon", [1, 10])
@pytest.mark.parametrize("method", METHODS)
def test_components_sum_and_the_shortfall_is_no_smaller(method, horizon):
    found = at_risk(method=method, horizon_days=horizon).summary
    assert sum(part.component_var for part in found.components) == pytest.approx(found.value_at_risk)
    assert sum(part.component_expected_shortfall for part in found.components) == pytest.approx(
        found.expected_shortfall
    )
    assert found.expected_shortfall >= found.value_at_risk > 0.0
    assert {part.symbol: part.net_exposure for part in found.components} == {"AAPL": 20_000.0, "XOM": -15_000.0}


@pytest.mark.parametrize("method", METHODS)
def test_ten_sessions_lose_about_the_root_of_ten_times_as_much(method):
    one, ten = (at_risk(method=method, horizon_days=days).summary.value_at_risk for days in (1, 10))
    assert ten / one == pytest.approx(math.sqrt(10), rel=0.15)


def test_options_are_valued_again():
    option = dataclasses.replace(CALL, quantity=-2.0)
    marks = [mark(1, 126.04), option_mark(4, 5.5, is_american=False)]
    found = at_risk((option,), marks=marks, method="historical").summary
    spots = 126.04 * np.append(1.0 + LAST[:, 0], 1.0)
    terms = {"strike": 130.0, "years_to_expiry": 23 / 365, "volatility": 0.4, "rate": 0.04, "dividend_yield": 0.0}
    columns = {name: np.full(spots.size, value) for name, value in terms.items()}
    prices = european(spot=spots, right=np.full(spots.size, RIGHT_TO_BUY), **columns).price
    losses = 200.0 * (prices[:-1] - prices[-1])
    assert (found.value_at_risk, found.expected_shortfall) == pytest.approx(tail(losses.tolist(), 0.95), rel=1e-6)


def test_many_options_are_valued_in_blocks_that_fit_into_memory():
    marks = [mark(1, 126.04), option_mark(4, 5.5, is_american=False)]
    options = [dataclasses.replace(CALL, quantity=-1.0)] * 600
    tracemalloc.start()
    many = at_risk(options, marks=marks, method="monte_carlo").summary
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    one = at_risk((dataclasses.replace(CALL, quantity=-600.0),), marks=marks, method="monte_carlo").summary
    assert many.value_at_risk == pytest.approx(one.value_at_risk, rel=1e-12)
    assert peak < 150e6  # at once it would be 700 MB


def test_a_bought_option_loses_no_more_than_it_is_worth():
    marks = [mark(1, 126.04), option_mark(4, 5.5)]
    found = at_risk((CALL,), marks=marks, returns=RETURNS * 10.0, method="filtered_historical").summary
    assert 0.0 < found.expected_shortfall < 100 * 7.0


def test_a_short_history_is_left_out_and_named():
    returns = RETURNS.copy()
    returns[:450, 1] = np.nan
    answered = at_risk(returns=returns, method="historical")
    assert answered.summary.value_at_risk == pytest.approx(tail((-LAST[:, 0] * 20_000.0).tolist(), 0.95)[0])
    assert [(each.symbol, each.reason) for each in answered.metadata.coverage.excluded] == [
        ("XOM", "insufficient_history")
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"marks": [no_mark(1, "no_price"), no_mark(2, "no_price")]}, "no_market_data"),
        ({"rows": ()}, "no_exposure"),
        ({"returns": RETURNS[:99]}, "insufficient_overlap"),
    ],
)
def test_reasons(changes, reason):
    answered = at_risk(**changes)
    assert (answered.summary, answered.reason) == (None, reason)


def test_unknown_cash_leaves_the_percentages_open():
    held = book(ROWS, cash_reason="cash_unknown")
    found = ask(OWNER, held, market(*MARKS), VALUE_AT_RISK, ValueAtRiskParameters(), history=history(RETURNS, (1, 2)))
    assert (found.summary.value_at_risk_percent, found.summary.total_value_reason) == (None, "cash_unknown")
    assert found.summary.value_at_risk > 0.0


@pytest.mark.parametrize("method", METHODS)
def test_breaches_are_those_that_a_loop_counts(method):
    own = RETURNS @ EXPOSURE
    sigma, breaches = volatilities(own), 0
    for session in range(500, 600):
        past, now = own[session - 500 : session], sigma[session]
        if method == "cornish_fisher":
            unit = (past - past.mean()) / past.std()
            skew, excess, a = (unit**3).mean(), (unit**4).mean() - 3.0, NORMAL.inv_cdf(0.05)
            bent = a + (a**2 - 1) * skew / 6 + (a**3 - 3 * a) * excess / 24 - (2 * a**3 - 5 * a) * skew**2 / 36
            limit = -past.mean() - past.std() * bent
        elif method in ("historical", "filtered_historical"):
            scaled = past if method == "historical" else past / sigma[session - 500 : session] * now
            limit = tail((-scaled).tolist(), 0.95)[0]
        else:
            limit = NORMAL.inv_cdf(0.95) * now
        breaches += own[session] < -limit
    found = at_risk(method=method, include_backtest=True).summary.backtest
    assert (found.sessions, found.breaches) == (100, breaches)
    assert found.expected_breaches == pytest.approx(5.0)
    share = breaches / 100
    ratio = breaches * math.log(share / 0.05) + (100 - breaches) * math.log((1 - share) / 0.95)
    assert found.kupiec.statistic == pytest.approx(2 * ratio)
    assert found.zone == ("green" if breaches < 9 else "yellow")  # P(X <= 8) is 93.7 %, P(X <= 9) 97.2 %


def test_a_backtest_that_cannot_be_made_says_why():
    assert at_risk(returns=RETURNS[-540:], include_backtest=True).summary.backtest_reason == "insufficient_history"
    assert at_risk().summary.backtest_reason == ""
    assert backtest("historical", np.zeros(600), 500, 0.95) == (None, "no_loss_forecast")


closes = arrays.arrays(
    np.float64,
    st.tuples(st.sampled_from([0, 1, 60, 101, 130, 180]), st.just(2)),
    elements=st.sampled_from([math.nan]) | st.floats(20.0, 500.0),
    fill=st.floats(50.0, 150.0),
)
quantities = st.floats(-1e4, 1e4).filter(lambda quantity: abs(quantity) > 1e-3)


@settings(max_examples=40, deadline=None)
@given(
    closes,
    st.lists(quantities, min_size=3, max_size=3),
    st.sampled_from(METHODS),
    st.sampled_from([0.9, 0.99]),
    st.sampled_from([1, 10]),
)
def test_whatever_the_history_every_number_is_finite(closes, quantities, method, confidence, horizon):
    rows = [dataclasses.replace(row, quantity=q) for row, q in zip((*ROWS, CALL), quantities, strict=True)]
    parameters = {"method": method, "confidence_level": confidence, "horizon_days": horizon}
    parameters |= {"lookback_days": 120, "include_backtest": True}
    marks = [*MARKS, option_mark(4, 5.5)]
    found = at_risk(rows, marks=marks, histories=history_of(closes, (1, 2)), **parameters)
    assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(found)))
    assert (found.summary is None) == bool(found.reason)
