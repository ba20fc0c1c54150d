"""Backtests of forecasts: published values, scipy's distributions, and their error rates on samples."""

import numpy as np
import pytest
from scipy import stats

from riskmath.var_backtest import backtest_shortfall, backtest_var

nan = np.nan


def outcomes(breaches, sessions=250, spread=False):
    pnl = np.zeros(sessions)
    places = np.linspace(0, sessions - 1, breaches).astype(int) if spread else np.arange(breaches)
    pnl[places] = -2.0
    return pnl, np.ones(sessions)


@pytest.mark.parametrize(
    ("breaches", "zone"), [(0, "green"), (4, "green"), (5, "yellow"), (9, "yellow"), (10, "red"), (30, "red")]
)
def test_the_basel_zones_of_250_sessions_at_99_per_cent(breaches, zone):
    assert backtest_var(*outcomes(breaches), 0.99).zone == zone


@pytest.mark.parametrize("breaches", [0, 1, 7, 12, 20, 250])
def test_kupiec_by_scipys_binomial(breaches):
    found = backtest_var(*outcomes(breaches), 0.95)
    own = stats.binom.logpmf(breaches, 250, breaches / 250)
    ratio = -2.0 * (stats.binom.logpmf(breaches, 250, 0.05) - own)
    assert found.coverage.statistic == pytest.approx(ratio, abs=1e-9)
    assert found.coverage.p_value == pytest.approx(stats.chi2.sf(ratio, 1), abs=1e-9)
    assert (found.breaches, found.expected) == (breaches, pytest.approx(12.5))


def test_kupiecs_region_of_acceptance():
    # Kupiec 1995, table: 255 sessions at 95 %, not rejected at 5 % for 7 to 20 breaches (6 < N < 21)
    accepted = [n for n in range(40) if backtest_var(*outcomes(n, 255), 0.95).coverage.p_value > 0.05]
    assert (accepted[0], accepted[-1]) == (7, 20)


def test_christoffersen_by_hand():
    breach = np.array([0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    found = backtest_var(np.where(breach, -2.0, 1.0), np.ones(20), 0.9)
    before, after = breach[:-1], breach[1:]
    n00, n01 = (~before & ~after).sum(), (~before & after).sum()
    n10, n11 = (before & ~after).sum(), (before & after).sum()
    p01, p11, p = n01 / (n00 + n01), n11 / (n10 + n11), (n01 + n11) / 19
    free = n00 * np.log(1 - p01) + n01 * np.log(p01) + n10 * np.log(1 - p11) + n11 * np.log(p11)
    restricted = (n00 + n10) * np.log(1 - p) + (n01 + n11) * np.log(p)
    assert found.independence.statistic == pytest.approx(2 * (free - restricted))
    both = found.coverage.statistic + found.independence.statistic
    assert found.conditional_coverage.statistic == pytest.approx(both)
    assert found.conditional_coverage.p_value == pytest.approx(stats.chi2.sf(both, 2))


def test_breaches_in_a_row_are_told_from_scattered_ones():
    clustered = backtest_var(*outcomes(12), 0.95)
    scattered = backtest_var(*outcomes(12, spread=True), 0.95)
    assert clustered.independence.p_value < 1e-6
    assert scattered.independence.p_value > 0.1
    assert clustered.coverage == scattered.coverage
    assert backtest_var(*outcomes(0), 0.95).independence is None
    assert backtest_var([1.0], [1.0], 0.95).conditional_coverage is None


def test_missing_sessions_are_left_out():
    pnl, limit = outcomes(5)
    expected = backtest_var(pnl, limit, 0.95)
    found = backtest_var(np.append(pnl, [nan, -9.0]), np.append(limit, [1.0, nan]), 0.95)
    assert found == expected


def normal_forecasts(seed, sessions=250, scale=1.0):
    pnl = np.random.default_rng(seed).normal(0, scale, sessions)
    z = stats.norm.ppf(0.05)
    return pnl, np.full(sessions, -z), np.full(sessions, stats.norm.pdf(z) / 0.05)


def test_acerbi_and_szekely_by_hand():
    found = backtest_shortfall([-3.0, 1.0, -1.0, 2.0], [1.5] * 4, [2.0] * 4, 0.75)
    assert found.statistic == pytest.approx(-3.0 / (4 * 0.25 * 2.0) + 1.0)


def test_right_forecasts_are_rejected_as_often_as_they_should_be():
    rejected = [backtest_shortfall(*normal_forecasts(seed), 0.95).p_value < 0.05 for seed in range(300)]
    assert 0.01 <= np.mean(rejected) <= 0.10


def test_too_low_a_shortfall_is_found():
    found = backtest_shortfall(*normal_forecasts(1, scale=1.6), 0.95)
    assert found.statistic < -0.7
    assert found.p_value < 0.01
    assert backtest_shortfall(*normal_forecasts(1, scale=1.6), 0.95) == found  # seeded


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: backtest_var([nan], [1.0], 0.95), "on 0 sessions"),
        (lambda: backtest_var([1.0], [1.0], 0.0), "confidence is 0.0"),
        (lambda: backtest_var([np.inf], [1.0], 0.5), r"pnl\[0\] is inf"),
        (lambda: backtest_shortfall([1.0], [1.0], [0.0], 0.95), r"expected_shortfall\[0\] is 0.0: must be above 0"),
        (lambda: backtest_shortfall([nan], [1.0], [1.0], 0.95), "0 sessions at a confidence of 0.95"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
