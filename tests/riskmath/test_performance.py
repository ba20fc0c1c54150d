"""Performance: empyrical where the conventions agree, cases by hand, and invariants."""

import empyrical
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from riskmath import performance as subject
from tests.riskmath import bundled

nan = np.nan
RATE = 0.04 / 252
series = arrays(float, st.integers(2, 40), elements=st.floats(-0.3, 0.3))


@pytest.fixture(scope="module")
def returns():
    return bundled.stocks(750)[1].mean(axis=1)


@pytest.fixture(scope="module")
def benchmark_returns():
    return bundled.market(750)


@pytest.mark.parametrize("rate", [0.0, RATE])
def test_ratios_equal_empyrical(returns, rate):
    found = subject.performance(returns, rate=rate)
    assert found.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, rate), rel=1e-12)
    assert found.sortino == pytest.approx(empyrical.sortino_ratio(returns, rate), rel=1e-12)
    assert found.calmar == pytest.approx(empyrical.calmar_ratio(returns), rel=1e-12)
    assert found.annual_return == pytest.approx(empyrical.annual_return(returns), rel=1e-12)
    assert found.annual_volatility == pytest.approx(empyrical.annual_volatility(returns), rel=1e-12)
    assert found.total_return == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-12)
    assert found.drawdown.depth == pytest.approx(empyrical.max_drawdown(returns), rel=1e-12)
    assert subject.cumulative(returns) == pytest.approx(empyrical.cum_returns(returns), rel=1e-12)


@pytest.mark.parametrize("rate", [0.0, RATE])
def test_ratios_beside_a_benchmark_equal_empyrical(returns, benchmark_returns, rate):
    found = subject.relative_performance(returns, benchmark_returns, rate=rate)
    alpha, beta = empyrical.alpha_beta(returns, benchmark_returns, rate)
    assert found.beta == pytest.approx(beta, rel=1e-12)
    assert found.alpha == pytest.approx(alpha, rel=1e-10)
    ratio = empyrical.excess_sharpe(returns, benchmark_returns)
    assert found.information_ratio == pytest.approx(ratio * 252**0.5, rel=1e-12)
    up, down = (bench >= 0 for bench in (benchmark_returns, -benchmark_returns))
    assert up.any()
    assert down.any()
    for name, chosen in (("up_capture", benchmark_returns >= 0), ("down_capture", benchmark_returns < 0)):
        expected = empyrical.annual_return(returns[chosen]) / empyrical.annual_return(benchmark_returns[chosen])
        assert getattr(found, name) == pytest.approx(expected, rel=1e-12)


# --- time-weighted returns ---


def test_money_put_in_is_no_performance():
    # 100 grows by 10 %, 90 come in at the start of a day that gains 5 %, half is taken out before a day that loses 10 %
    found = subject.time_weighted_returns([100.0, 110.0, 210.0, 94.5], [100.0, 0.0, 90.0, -105.0])
    assert found == pytest.approx([0.10, 0.05, -0.10])


@given(series, st.integers(0, 1000))
def test_flows_do_not_change_time_weighted_returns(moves, seed):
    random = np.random.default_rng(seed)
    value, flows = [1000.0], [0.0]
    for move in moves:
        flows.append(random.uniform(-0.5, 2.0) * value[-1])
        value.append((value[-1] + flows[-1]) * (1.0 + move))
    assert subject.time_weighted_returns(value, flows) == pytest.approx(moves, abs=1e-9)


def test_what_cannot_earn_has_no_return():
    found = subject.time_weighted_returns([0.0, 10.0, 5.0, nan, 8.0], [0.0, 0.0, -10.0, 0.0, 0.0])
    assert np.isnan(found).all()
    assert subject.time_weighted_returns([1.0], [0.0]).size == 0


# --- drawdowns ---


def test_a_drawdown_by_hand():
    found = subject.deepest_drawdown([0.10, -0.20, -0.10, 0.30, 0.20, -0.05])
    assert found.depth == pytest.approx(-0.28)
    assert (found.peak, found.trough, found.recovery) == (1, 3, 5)


def test_a_fall_from_the_start_that_does_not_end():
    found = subject.deepest_drawdown([-0.10, 0.05])
    assert (found.peak, found.trough, found.recovery) == (0, 1, None)
    assert subject.deepest_drawdown([0.1]) == subject.Drawdown(0.0, 0, 0, 0)
    assert subject.drawdowns([-1.0, 0.5]).tolist() == [-1.0, -1.0]


@given(series)
def test_a_drawdown_is_never_above_0_nor_below_all(returns):
    below = subject.drawdowns(returns)
    assert np.all((below <= 0.0) & (below >= -1.0))
    assert subject.deepest_drawdown(returns).depth == min(0.0, below.min())


# --- what cannot be computed ---


def test_missing_returns_are_left_out(returns, benchmark_returns):
    holed = np.concatenate([[nan], returns, [nan]])
    padded = np.concatenate([[0.5], benchmark_returns, [0.5]])
    assert subject.performance(holed) == subject.performance(returns)
    assert subject.relative_performance(holed, padded) == subject.relative_performance(returns, benchmark_returns)


def test_nothing_to_measure_is_no_number():
    empty = subject.performance([])
    assert (empty.sessions, empty.total_return, empty.annual_return, empty.sharpe) == (0, 0.0, None, None)
    assert (empty.sortino, empty.calmar, empty.annual_volatility) == (None, None, None)
    one = subject.performance([0.01])
    assert (one.sharpe, one.sortino, one.calmar) == (None, None, None)
    still = subject.performance([0.0] * 5)
    assert (still.annual_volatility, still.sharpe, still.sortino, still.calmar) == (0.0, None, None, None)
    beside = subject.relative_performance([0.01, 0.02], [0.0, 0.0])
    assert (beside.beta, beside.alpha, beside.up_capture, beside.down_capture) == (None, None, None, None)
    nothing = subject.relative_performance([nan], [0.1])
    assert (nothing.sessions, nothing.beta, nothing.information_ratio) == (0, None, None)


def test_a_book_is_its_own_benchmark(returns):
    found = subject.relative_performance(returns, returns)
    assert found.beta == pytest.approx(1.0)
    assert found.alpha == pytest.approx(0.0, abs=1e-12)
    assert (found.up_capture, found.down_capture) == (1.0, 1.0)
    assert (found.tracking_error, found.information_ratio) == (0.0, None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: subject.performance([-1.5]), r"returns\[0\] is -1.5: must be at least -1"),
        (lambda: subject.performance([np.inf]), r"returns\[0\] is inf"),
        (lambda: subject.performance([0.1], rate=nan), r"rate\[0\] is nan"),
        (lambda: subject.performance([0.1], rate=np.inf), r"rate\[0\] is inf"),
        (lambda: subject.relative_performance([0.1], [0.1, 0.2]), "benchmark has 2 rows, returns has 1"),
        (lambda: subject.time_weighted_returns([1.0], [1.0, 2.0]), "flow has 2 rows, value has 1"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_year_that_is_beyond_all_numbers_is_none():
    soaring = [1e4, 1e4]
    assert subject.performance(soaring).annual_return is None
    assert subject.performance(soaring).calmar is None
    beside = subject.relative_performance(soaring, [0.5, 0.2])
    assert (beside.up_capture, beside.down_capture) == (None, None)
