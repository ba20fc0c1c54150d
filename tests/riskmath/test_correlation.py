"""Correlations, clusters and diversification: pandas, scipy and scikit-learn, cases by hand, and invariants."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from scipy.sparse.csgraph import connected_components

from riskmath import correlation as subject
from riskmath.clusters import average_linkage, components, concentration
from riskmath.correlation import correlations
from riskmath.diversification import diversification_ratio, diversification_score, effective_bets
from tests.riskmath import bundled

nan = np.nan


def sample(seed, sessions=90, columns=6, gaps=0.0):
    random = np.random.default_rng(seed)
    returns = random.normal(0, 0.01, (sessions, columns)) + random.normal(0, 0.01, (sessions, 1))
    returns[random.random(returns.shape) < gaps] = nan
    return returns


# --- correlations ---


def test_complete_histories_equal_pandas():
    _, returns = bundled.stocks(90)
    found = correlations(np.log1p(returns))
    assert found.matrix == pytest.approx(pd.DataFrame(np.log1p(returns)).corr().to_numpy(), abs=1e-13)
    assert (found.window, found.distance) == ("common", 0.0)
    assert (found.observations == 90).all()
    assert found.covered.all()


def test_a_common_window_is_preferred():
    returns = sample(1)
    returns[:40, 2] = nan
    found = correlations(returns)
    assert found.window == "common"
    assert found.matrix == pytest.approx(pd.DataFrame(returns[40:]).corr().to_numpy(), abs=1e-13)
    assert (found.observations == 50).all()


def test_histories_that_share_too_little_are_compared_in_pairs():
    returns = sample(2, gaps=0.25)
    found = correlations(returns)
    expected = pd.DataFrame(returns).corr(min_periods=30).to_numpy()
    assert found.window == "pairwise"
    assert found.matrix == pytest.approx(expected, abs=1e-12)
    there = (~np.isnan(returns)).astype(int)
    assert np.array_equal(found.observations, there.T @ there)


def test_more_columns_than_a_panel_equal_pandas():
    returns = sample(8, columns=subject.PANEL * 2 + 5, gaps=0.1)
    found = correlations(returns, repair=False)
    assert found.matrix == pytest.approx(pd.DataFrame(returns).corr(min_periods=30).to_numpy(), abs=1e-12)
    assert np.array_equal(found.matrix, found.matrix.T)
    there = (~np.isnan(returns)).astype(int)
    assert np.array_equal(found.observations, there.T @ there)


def test_what_contradicts_itself_is_repaired_and_the_distance_told():
    random = np.random.default_rng(0)
    returns = np.full((90, 3), nan)
    move = random.normal(0, 0.01, 30)
    returns[:30, 0], returns[:30, 1] = move, move
    returns[30:60, 1], returns[30:60, 2] = move, move
    returns[60:, 0], returns[60:, 2] = move, -move
    found = correlations(returns, min_overlap=20)
    pairs = np.array([[1.0, 1.0, -1.0], [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])
    assert found.distance == pytest.approx(np.linalg.norm(found.matrix - pairs))
    assert found.distance > 0.5
    assert correlations(returns, min_overlap=20, repair=False).matrix == pytest.approx(pairs)
    assert np.linalg.eigvalsh(found.matrix)[0] >= -1e-12


def test_what_is_too_short_or_stands_still_is_left_out():
    returns = sample(3)
    returns[10:, 1] = nan
    returns[:, 4] = 0.0
    returns[:, 5] = 0.0123  # the same return every day
    found = correlations(returns)
    assert found.covered.tolist() == [True, False, True, True, False, False]
    assert np.isnan(found.matrix[1]).all()
    assert np.isnan(found.matrix[:, 4]).all()
    kept = np.ix_([0, 2, 3], [0, 2, 3])
    assert found.matrix[kept] == pytest.approx(pd.DataFrame(returns[:, [0, 2, 3]]).corr().to_numpy(), abs=1e-12)
    assert found.observations[1].tolist() == [0] * 6


def test_one_of_two_that_never_meet_is_left_out():
    returns = sample(4, columns=4)
    returns[:45, 1] = nan
    returns[45:, 3] = nan
    found = correlations(returns)
    assert found.covered.tolist() == [True, True, True, False]
    assert not np.isnan(found.matrix[:3, :3]).any()


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.sampled_from([0.0, 0.05, 0.3, 0.6]))
def test_a_correlation_matrix_is_one(seed, gaps):
    found = correlations(sample(seed, gaps=gaps), min_overlap=20)
    kept = found.matrix[np.ix_(found.covered, found.covered)]
    assert np.array_equal(kept, kept.T)
    assert np.diag(kept) == pytest.approx(np.ones(len(kept)), abs=1e-12)
    assert np.abs(kept).max() <= 1.0 + 1e-12
    assert np.linalg.eigvalsh(kept)[0] >= -1e-9
    assert np.isnan(found.matrix[~found.covered]).all()


@given(st.integers(0, 1000), st.floats(0.01, 100.0), st.floats(-0.01, 0.01))
def test_scale_and_drift_do_not_matter(seed, scale, drift):
    returns = sample(seed, gaps=0.2)
    found = correlations(returns, min_overlap=20).matrix
    assert correlations(returns * scale + drift, min_overlap=20).matrix == pytest.approx(found, abs=1e-8, nan_ok=True)


def test_nothing_to_correlate():
    assert correlations(np.empty((90, 0))).matrix.shape == (0, 0)
    assert not correlations(sample(1, sessions=10)).covered.any()


def test_a_short_position_is_minus_its_instrument():
    rho = correlations(sample(5)).matrix
    found = subject.with_sides(rho, [10.0, -5.0, 1.0, 1.0, 0.0, nan])
    assert found[0, 1] == -rho[0, 1]
    assert found[1, 1] == 1.0
    assert found[0, 2] == rho[0, 2]
    assert np.isnan(found[5]).all()


def test_average_correlation():
    assert subject.average_correlation([[1.0, 0.2, nan], [0.2, 1.0, 0.4], [nan, 0.4, 1.0]]) == pytest.approx(0.3)
    assert subject.average_correlation([[1.0]]) is None


def test_market_residuals_equal_statsmodels():
    returns, market = sample(6, gaps=0.2), np.random.default_rng(1).normal(0, 0.01, 90)
    market[3] = nan
    found = subject.market_residuals(returns, market)
    for column in range(6):
        known = ~np.isnan(returns[:, column] + market)
        expected = sm.OLS(returns[known, column], sm.add_constant(market[known])).fit().resid
        assert found[known, column] == pytest.approx(expected, abs=1e-14)
        assert np.isnan(found[~known, column]).all()
    assert np.isnan(subject.market_residuals(returns, np.zeros(90))).all()


# --- clusters ---


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.sampled_from([0.3, 0.5, 0.7, 0.9]))
def test_components_equal_scipy(seed, threshold):
    random = np.random.default_rng(seed)
    rho = np.triu(random.uniform(-1, 1, (12, 12)) ** 3, 1)
    rho = rho + rho.T + np.eye(12)
    found = components(rho, threshold=threshold, smallest=1)
    _, expected = connected_components(np.abs(rho) >= threshold)
    same = found[:, None] == found
    assert np.array_equal(same, expected[:, None] == expected)
    sizes = np.bincount(found)
    assert np.all(np.diff(sizes) <= 0)


def test_components_by_hand():
    rho = np.eye(6)
    for i, j, value in ((0, 3, 0.7), (3, 5, -0.9), (1, 2, 0.8), (1, 4, 0.69)):
        rho[i, j] = rho[j, i] = value
    rho[0, 1] = rho[1, 0] = nan
    assert components(rho).tolist() == [0, 1, 1, 0, -1, 0]
    assert components(np.empty((0, 0))).tolist() == []


def test_average_linkage_joins_what_belongs_together():
    random = np.random.default_rng(7)
    groups = np.repeat(random.normal(0, 0.01, (252, 3)), [4, 3, 3], axis=1)
    rho = correlations(groups + random.normal(0, 0.008, (252, 10))).matrix
    assert average_linkage(rho).tolist() == [0] * 4 + [1] * 3 + [2] * 3
    assert average_linkage(np.eye(3)).tolist() == [-1, -1, -1]
    assert average_linkage([[1.0]]).tolist() == [-1]
    pair = [[1.0, 0.25, nan], [0.25, 1.0, nan], [nan, nan, nan]]
    assert average_linkage(pair).tolist() == [0, 0, -1]  # at the cut itself they are joined


def test_oil_and_pharmacy_are_found_by_their_residuals():
    symbols, returns = bundled.stocks(252)
    left = subject.market_residuals(np.log1p(returns), np.log1p(bundled.market(252)))
    found = dict(zip(symbols, average_linkage(correlations(left).matrix), strict=True))
    assert found["XOM"] == found["CVX"] == found["RRC"]
    assert found["JPM"] == found["BAC"]
    assert len({found["XOM"], found["JPM"], found["AMD"]}) == 3


def test_concentration_is_the_gross_share_in_clusters():
    assert concentration([0, 0, -1, 1, -1], [50.0, -30.0, 15.0, 5.0, nan]) == pytest.approx(0.85)
    assert concentration([0], [0.0]) is None


# --- diversification ---


def test_equal_independent_bets_count_as_many():
    assert effective_bets(np.full(8, 0.125), np.eye(8) * 0.04) == pytest.approx(8.0)
    assert effective_bets([1.0, 0.0], np.diag([0.04, 0.01])) == pytest.approx(1.0)
    assert effective_bets([0.5, 0.5], np.full((2, 2), 0.04)) == pytest.approx(1.0)
    assert effective_bets([0.0], [[1.0]]) is None


def test_the_ratio_is_choueifatys():
    assert diversification_ratio([0.5, 0.5], np.eye(2)) == pytest.approx(2**0.5)
    assert diversification_ratio([1.0, 1.0], np.full((2, 2), 0.04)) == pytest.approx(1.0)
    assert diversification_ratio([1.0, -1.0], np.full((2, 2), 0.04)) is None  # a perfect hedge has no volatility


def test_the_documented_score_calls_a_hedge_a_concentration():
    rho = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]])
    expected = (0.25 * 0.9 + 0.125 * 0.1 + 0.125 * 0.2) / 0.5
    assert diversification_score([0.5, 0.5, 0.25], rho) == pytest.approx(expected)
    assert diversification_score([0.5, -0.5, 0.25], rho) == pytest.approx(expected)
    rho[0, 2] = rho[2, 0] = nan
    assert diversification_score([0.5, 0.5, 0.25], rho) == pytest.approx((0.25 * 0.9 + 0.125 * 0.2) / 0.375)
    assert diversification_score([1.0], [[1.0]]) is None


@settings(max_examples=50)
@given(st.integers(0, 100_000))
def test_diversification_stays_in_its_bounds(seed):
    random = np.random.default_rng(seed)
    returns = sample(seed)
    weights = random.normal(0, 1, 6)
    covariance = np.cov(returns.T)
    assert 1.0 <= effective_bets(weights, covariance) <= 6.0 + 1e-9
    assert effective_bets(weights * 7.0, covariance) == pytest.approx(effective_bets(weights, covariance))
    assert diversification_ratio(weights, covariance) >= 1.0 - 1e-12
    assert 0.0 <= diversification_score(weights, np.corrcoef(returns.T)) <= 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: correlations([[0.1]], min_overlap=1), "min_overlap is 1"),
        (lambda: correlations([[np.inf]]), r"returns\[0, 0\] is inf"),
        (lambda: components([[1.0, 0.5]]), "must be square"),
        (lambda: components([[1.0]], threshold=0.0), "threshold is 0.0"),
        (lambda: average_linkage([[1.0]], cut=2.0), "cut is 2.0"),
        (lambda: effective_bets([nan], [[1.0]]), r"weights\[0\] is nan: must be known"),
        (lambda: effective_bets([1.0], [[1.0, 0.0]]), "must be square"),
        (lambda: effective_bets([1.0, 1.0], [[1.0, 2.0], [2.0, 1.0]]), "has the eigenvalue -1.0"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
