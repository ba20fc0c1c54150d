"""Performance of snapshots that were written down by hand, against arithmetic and against empyrical."""

import dataclasses
import math
from datetime import date, timedelta

import empyrical
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.risk.domain.book_history import snapshots
from services.risk.domain.inputs import FactorHistory, Inputs
from services.risk.domain.joined_book import join
from services.risk.domain.market_factor import MARKET
from services.risk.domain.performance import PERFORMANCE, PerformanceParameters
from services.risk.domain.results import Excluded
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, AS_OF, book, mark, market
from tests.services.risk.pasts import past, traded
from tests.services.risk.test_domain import numbers_in

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
TEMPLATE = snapshots(traded((AAPL,), cash=[("USD", 0.0)]), past([[100.0, 50.0]] * 5), AS_OF)[-1]
DRAWN = np.random.default_rng(3).normal(0.0004, 0.012, (300, 2))


def sessions(count):
    """Weekdays up to that of the books."""
    found, day = [], AS_OF
    while len(found) < count:
        if day.weekday() < 5:
            found.append(day)
        day -= timedelta(days=1)
    return tuple(reversed(found))


def kept(values, days=None, **columns):
    """Snapshots of these values; columns by name, one value a snapshot."""
    days = days or sessions(len(values))
    rows = zip(days, values, strict=True)
    return tuple(
        dataclasses.replace(
            TEMPLATE,
            snapshot_date=day,
            total_value=value,
            **{name: column[place] for name, column in columns.items()},
        )
        for place, (day, value) in enumerate(rows)
    )


def growing(returns):
    return (1_000.0 * np.concatenate([[1.0], np.cumprod(1.0 + np.asarray(returns))])).tolist()


def market_of(returns, days=None):
    days = days or sessions(len(returns) + 1)
    closes = np.array(growing(returns))[:, None]
    return FactorHistory(days, (MARKET,), ("SPX",), closes, ("raw",), (), 5)


def measured(taken, factors=None, **parameters):
    held = book((AAPL,), cash=[("USD", 0.0)])
    slices = {"snapshots": taken, "factors": factors}
    return ask(OWNER, held, market(mark(1, 126.04)), PERFORMANCE, PerformanceParameters(**parameters), **slices)


def test_ratios_are_those_of_empyrical():
    own, other = DRAWN.T
    found = measured(kept(growing(own)), market_of(other)).summary
    metrics = found.metrics
    assert metrics.total_return == pytest.approx(empyrical.cum_returns_final(own))
    assert metrics.annualized_return == pytest.approx(empyrical.annual_return(own))
    assert metrics.annualized_volatility == pytest.approx(empyrical.annual_volatility(own))
    assert metrics.sharpe_ratio == pytest.approx(empyrical.sharpe_ratio(own))
    assert metrics.sortino_ratio == pytest.approx(empyrical.sortino_ratio(own))
    assert metrics.calmar_ratio == pytest.approx(empyrical.calmar_ratio(own))
    assert metrics.max_drawdown == pytest.approx(empyrical.max_drawdown(own))
    assert metrics.alpha == pytest.approx(empyrical.alpha(own, other))
    assert metrics.beta == pytest.approx(empyrical.beta(own, other))
    assert metrics.up_capture == pytest.approx(empyrical.up_capture(own, other))
    assert metrics.down_capture == pytest.approx(empyrical.down_capture(own, other))
    assert metrics.benchmark_return == pytest.approx(empyrical.cum_returns_final(other))
    assert (found.benchmark, found.snapshot_count, found.metrics_reason) == ("SPX", 301, "")


def test_the_rate_without_risk_lowers_the_ratios():
    taken = kept(growing(DRAWN[:, 0]))
    free, paid = measured(taken).summary.metrics, measured(taken, risk_free_rate=0.05).summary.metrics
    assert paid.sharpe_ratio == pytest.approx(empyrical.sharpe_ratio(DRAWN[:, 0], risk_free=0.05 / 252))
    assert paid.sharpe_ratio < free.sharpe_ratio
    assert paid.annualized_volatility == free.annualized_volatility


def test_flows_are_no_performance_also_across_a_missing_day():
    taken = kept([100.0, 210.0, 205.0, 60.0], contributions=[100.0, 200.0, 200.0, 200.0], withdrawals=[0, 0, 0, 150.0])
    assert measured(taken).summary.metrics.total_return == pytest.approx(210 / 200 * 205 / 210 * 210 / 205 - 1)
    gap = taken[:2] + taken[3:]
    assert measured(gap).summary.metrics.total_return == pytest.approx(210 / 200 * 210 / 210 - 1)


DAYS_OF_YEAR = sessions(270)


@pytest.mark.parametrize(
    ("period", "first"),
    [
        ("1D", date(2022, 12, 27)),
        ("1W", date(2022, 12, 21)),
        ("1M", date(2022, 11, 28)),
        ("3M", date(2022, 9, 28)),
        ("6M", date(2022, 6, 28)),
        ("YTD", date(2021, 12, 31)),
        ("1Y", date(2021, 12, 28)),
        ("ALL", DAYS_OF_YEAR[0]),
    ],
)
def test_a_period_begins_with_the_last_snapshot_on_or_before_its_first_day(period, first):
    returns = DRAWN[:269, 0]
    found = measured(kept(growing(returns), DAYS_OF_YEAR), period=period).summary
    start = DAYS_OF_YEAR.index(first)
    assert (found.start_date, found.end_date) == (first, AS_OF)
    assert found.metrics.total_return == pytest.approx(np.prod(1.0 + returns[start:]) - 1.0)
    told = {each.period: each for each in found.periods}
    assert (told[period].start_date, told[period].total_return) == (
        first.isoformat(),
        pytest.approx(found.metrics.total_return),
    )


def test_the_end_of_a_longer_month_is_that_of_a_shorter_one():
    days = tuple(date(2022, 2, 25) + timedelta(days=place) for place in range(33))
    held = book((AAPL,))
    inputs = Inputs(held, market(mark(1, 1.0)), snapshots=kept([100.0 + place for place in range(33)], days))
    found = PERFORMANCE.compute(dataclasses.replace(inputs, snapshots=inputs.snapshots[:32]), PerformanceParameters())
    end = found.body.end_date
    assert end == date(2022, 3, 28)
    later = PERFORMANCE.compute(dataclasses.replace(inputs), PerformanceParameters(period="1M")).body
    assert later.start_date == date(2022, 2, 28)


def test_months_compound_to_the_whole():
    found = measured(kept(growing(DRAWN[:, 0])), market_of(DRAWN[:, 1])).summary
    months = found.monthly_returns
    assert (months[-1].year, months[-1].month) == (2022, 12)
    assert math.prod(1.0 + each.total_return for each in months) - 1.0 == pytest.approx(found.metrics.total_return)
    assert math.prod(1.0 + each.benchmark_return for each in months) - 1.0 == pytest.approx(
        found.metrics.benchmark_return
    )
    assert sum(each.session_count for each in months) == 300


def test_a_month_without_a_return_is_no_month_of_nought():
    days = (date(2022, 10, 28), date(2022, 10, 31), date(2022, 11, 30), date(2022, 12, 28))
    taken = kept([100.0, 110.0, 0.0, 0.0], days, withdrawals=[0.0, 0.0, 110.0, 110.0])
    months = measured(taken).summary.monthly_returns
    assert [(each.month, each.session_count) for each in months] == [(10, 1), (11, 1)]
    assert [each.total_return for each in months] == pytest.approx([0.1, 0.0])


def test_drawdowns_begin_at_a_peak_and_end_when_it_is_reached_again():
    values = [100.0, 110.0, 99.0, 104.5, 110.0, 120.0, 60.0, 90.0]
    days = sessions(8)
    found = measured(kept(values)).summary.drawdowns
    assert [(each.peak_date, each.trough_date, each.recovery_date) for each in found] == [
        (days[5], days[6], None),
        (days[1], days[2], days[4]),
    ]
    assert [each.depth for each in found] == pytest.approx([-0.5, -0.1])


def test_the_series_is_given_when_it_is_asked_for():
    values = [100.0, 110.0, 99.0]
    assert measured(kept(values)).summary.series == ()
    found = measured(kept(values), include_series=True).summary.series
    assert [each.cumulative_return for each in found] == pytest.approx([0.0, 0.1, -0.01])
    assert [each.drawdown for each in found] == pytest.approx([0.0, 0.0, -0.1])
    assert [each.total_value for each in found] == values


def test_few_returns_say_nothing_of_a_year_and_neither_do_scattered_ones():
    few = measured(kept(growing(DRAWN[:10, 0]))).summary
    assert (few.metrics_reason, few.metrics.sharpe_ratio) == ("insufficient_observations", None)
    weekly = sessions(300)[::5]
    scattered = measured(kept(growing(DRAWN[: len(weekly) - 1, 0]), weekly)).summary
    assert (scattered.metrics_reason, scattered.metrics.annualized_volatility) == ("missing_snapshots", None)


def test_a_day_on_which_something_else_is_left_out_has_no_return():
    left_out = (Excluded("id", "XOM", "no_price"),)
    taken = kept([100.0, 110.0, 60.0, 66.0], excluded=[(), (), left_out, left_out])
    answered = measured(taken)
    assert answered.summary.metrics.total_return == pytest.approx(1.1 * 1.1 - 1.0)
    assert any("sessions without a return" in warning for warning in answered.metadata.warnings)


def test_what_one_should_know_is_said():
    taken = kept([100.0, 110.0], portfolio_revision=[2, 3], backfilled=[True, False])
    taken = tuple(dataclasses.replace(each, option_valuation_source="model") for each in taken)
    told = " ".join(measured(taken).metadata.warnings)
    assert "look back, made from the positions as they are known now: 1" in told
    assert "a model values options" in told
    assert "revisions 2 to 3" in told


@pytest.mark.parametrize(
    ("taken", "parameters", "reason"),
    [
        ((), {}, "no_snapshots"),
        (kept([100.0]), {}, "insufficient_snapshots"),
        (kept([100.0, 101.0]), {"period": "1Y"}, "insufficient_snapshots"),
        (kept([100.0, 101.0], performance_basis=["", ""]), {}, "cash_unknown"),
        (kept([100.0, None], total_value_reason=["", "no_fx_rate"]), {}, "no_fx_rate"),
        (kept([0.0, -5.0]), {}, "insufficient_snapshots"),
        (kept([100.0, -5.0]), {}, "loss_beyond_value"),
    ],
)
def test_reasons(taken, parameters, reason):
    answered = measured(taken, **parameters)
    assert (answered.summary, answered.reason) == (None, reason)


@settings(max_examples=60)
@given(
    st.lists(st.integers(-(10**8), 10**8).map(lambda cents: cents / 100.0), min_size=1, max_size=40),
    st.sampled_from(["1D", "1M", "ALL"]),
    st.booleans(),
)
def test_whatever_the_values_every_number_is_finite(values, period, with_market):
    factors = market_of(DRAWN[: len(values) - 1, 1]) if with_market and len(values) > 1 else None
    found = measured(kept(values), factors, period=period, include_series=True)
    assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(found)))
    assert (found.summary is None) == bool(found.reason)


def test_of_all_portfolios_there_are_no_snapshots_and_the_reason_says_so():
    joined = join([book((AAPL,), cash=[("USD", 0.0)])])
    answered = ask(OWNER, joined, market(mark(1, 126.04)), PERFORMANCE, PerformanceParameters(), snapshots=())
    assert (answered.summary, answered.reason) == (None, "not_for_all")
