"""Where variance comes from: the whole matrix, finite differences, real pairs, and the figures of the methodology."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from riskmath.covariance import ledoit_wolf
from riskmath.factor_model import market_plus_styles, residuals
from riskmath.scenario import scenario_model
from riskmath.variance import decompose, specific_covariance
from tests.riskmath import bundled

nan = np.nan
SECTORS = {
    "XOM": 0, "CVX": 0, "RRC": 0, "JPM": 1, "BAC": 1, "AAPL": 2, "AMD": 2, "MSFT": 2, "BBY": 3, "HD": 3, "GE": 4,
    "JNJ": 5, "LLY": 5, "MRK": 5, "PFE": 5, "UNH": 5, "KO": 6, "PEP": 6, "PG": 6, "WMT": 6,
}  # fmt: skip


def random_book(seed, positions=7, issuers=5, factors=3):
    random = np.random.default_rng(seed)
    root = random.normal(0, 0.01, (factors, factors))
    block = random.normal(0, 0.02, (issuers, issuers))
    weights = random.normal(0, 0.5, positions)
    betas = random.normal(1, 0.5, (positions, factors))
    issuer = random.integers(-1, issuers, positions)
    return weights, betas, root @ root.T, issuer, block @ block.T


def whole_matrix(betas, factors, issuer, specific):
    own = np.array([np.eye(len(specific))[row] if row >= 0 else np.zeros(len(specific)) for row in issuer])
    return betas @ factors @ betas.T + own @ specific @ own.T


@given(st.integers(0, 100_000))
def test_parts_and_contributions_add_exactly(seed):
    weights, betas, factors, issuer, specific = random_book(seed)
    found = decompose(weights, betas, factors, issuer, specific)
    covariance = whole_matrix(betas, factors, issuer, specific)
    variance = weights @ covariance @ weights
    assert found.variance == pytest.approx(variance, rel=1e-9)
    assert found.systematic + found.specific + found.industry == pytest.approx(found.variance, rel=1e-9)
    assert found.by_factor.sum() == pytest.approx(found.systematic, rel=1e-9)
    assert found.contributions.sum() == pytest.approx(found.volatility, rel=1e-9)
    assert found.percent.sum() == pytest.approx(1.0, rel=1e-9)
    assert found.marginal == pytest.approx(covariance @ weights / np.sqrt(variance), rel=1e-7, abs=1e-12)


@settings(max_examples=30)
@given(st.integers(0, 100_000), st.integers(0, 6))
def test_marginal_contributions_are_derivatives(seed, position):
    weights, *rest = random_book(seed)
    bump = np.zeros(7)
    bump[position] = 1e-6
    slope = (decompose(weights + bump, *rest).volatility - decompose(weights - bump, *rest).volatility) / 2e-6
    assert decompose(weights, *rest).marginal[position] == pytest.approx(slope, rel=1e-4, abs=1e-9)


@given(st.integers(0, 100_000))
def test_a_position_split_in_two_changes_nothing(seed):
    weights, betas, factors, issuer, specific = random_book(seed)
    whole = decompose(weights, betas, factors, issuer, specific)
    halves = decompose(
        np.append(weights * [0.3, *[1.0] * 6], 0.7 * weights[0]),
        np.vstack([betas, betas[0]]),
        factors,
        np.append(issuer, issuer[0]),
        specific,
    )
    assert halves.variance == pytest.approx(whole.variance, rel=1e-9)
    assert halves.specific == pytest.approx(whole.specific, rel=1e-9, abs=1e-18)


def test_positions_of_one_issuer_share_its_residual():
    hedged = decompose([1.0, -1.0], [[1.0], [1.0]], [[1e-4]], [0, 0], [[4e-4]])
    apart = decompose([1.0, -1.0], [[1.0], [1.0]], [[1e-4]], [0, 1], np.eye(2) * 4e-4)
    assert (hedged.specific, hedged.volatility) == (0.0, 0.0)
    assert hedged.percent.tolist() == [0.0, 0.0]
    assert apart.specific == pytest.approx(8e-4)


def test_a_benchmark_that_is_the_market_leaves_active_risk():
    # the book less the benchmark, which has beta 1 and no residual of its own
    found = decompose([0.5, 0.5, -1.0], [[1.2], [0.6], [1.0]], [[1e-4]], [0, 1, -1], np.eye(2) * 4e-4)
    assert found.exposures == pytest.approx([-0.1])
    assert found.variance == pytest.approx(0.01 * 1e-4 + 0.5 * 4e-4)
    same = decompose([1.0, -1.0], [[1.0], [1.0]], [[1e-4]], [-1, -1], np.empty((0, 0)))
    assert same.volatility == 0.0


# --- residuals of issuers ---


def test_residuals_move_together_within_a_sector_only():
    random = np.random.default_rng(1)
    common = random.normal(0, 0.01, (252, 2))
    left = np.repeat(common, 2, axis=1) + random.normal(0, 0.005, (252, 4))
    left = left[:, [0, 2, 1, 3]]
    volatility = np.array([0.011, 0.012, 0.013, 0.014])
    found = specific_covariance(left, volatility, [5, 9, 5, 9])
    assert np.diag(found) == pytest.approx(volatility**2)
    assert found[0, 1] == found[0, 3] == found[1, 2] == 0.0
    shrunk = ledoit_wolf(left[:, [0, 2]]).covariance
    rho = shrunk[0, 1] / np.sqrt(shrunk[0, 0] * shrunk[1, 1])
    assert found[0, 2] == pytest.approx(rho * 0.011 * 0.013)
    assert np.linalg.eigvalsh(found)[0] > 0.0


def test_too_little_in_common_and_no_sector_stand_alone():
    left = np.random.default_rng(1).normal(0, 0.01, (100, 4)) + np.random.default_rng(2).normal(0, 0.02, (100, 1))
    left[:60, 1] = nan
    found = specific_covariance(left, [0.02, 0.02, 0.02, nan], [0, 0, nan, 0])
    assert found[0, 1] == found[0, 2] == 0.0
    assert np.isnan(found[3]).all()
    enough = specific_covariance(left, [0.02] * 4, [0, 0, nan, 0], minimum=40)
    assert enough[0, 1] > 0.0


# --- on real prices ---


@pytest.fixture(scope="module")
def model():
    symbols, returns = bundled.stocks(252)
    market, funds = bundled.market(252), bundled.funds(252)
    fits = market_plus_styles(returns, market, funds, value=bundled.VALUE)
    left = residuals(returns, market, funds, fits)
    specific = specific_covariance(left, fits.residual_volatility, [SECTORS[symbol] for symbol in symbols])
    factors = scenario_model(bundled.market(), bundled.funds(), value=bundled.VALUE).covariance
    return symbols, np.column_stack([fits.market_beta, fits.gamma]), factors, specific


def test_systematic_share_of_the_twenty_stocks(model):
    _, betas, factors, specific = model
    equal = np.full(20, 0.05)
    found = decompose(equal, betas, factors, np.arange(20), specific)
    share = found.systematic / found.variance
    assert 0.86 <= share <= 0.93
    diagonal = decompose(equal, betas, factors, np.arange(20), np.diag(np.diag(specific)))
    assert diagonal.systematic / diagonal.variance > share
    assert found.industry > 0.0


def test_long_one_oil_company_and_short_another_is_nearly_hedged(model):
    symbols, betas, factors, specific = model
    pair = np.zeros(20)
    pair[symbols.index("XOM")], pair[symbols.index("CVX")] = 1.0, -1.0
    found = decompose(pair, betas, factors, np.arange(20), specific)
    diagonal = decompose(pair, betas, factors, np.arange(20), np.diag(np.diag(specific)))
    assert found.industry < 0.0
    assert found.volatility < 0.75 * diagonal.volatility


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: decompose([1.0], [[1.0]], [[1.0]], [1], [[1.0]]), r"issuer\[0\] is 1.0: must be a row of 1, or -1"),
        (lambda: decompose([1.0], [[1.0]], [[1.0]], [0.5], [[1.0]]), r"issuer\[0\] is 0.5"),
        (lambda: decompose([nan], [[1.0]], [[1.0]], [0], [[1.0]]), r"weights\[0\] is nan: must be known"),
        (lambda: decompose([1.0], [[1.0]], np.eye(2), [0], [[1.0]]), r"factors has shape \(2, 2\): must be 1 by 1"),
        (lambda: decompose([1.0], [[1.0]], [[1.0]], [0], [[1.0, 0.0]]), r"specific has shape \(1, 2\)"),
        (lambda: specific_covariance(np.zeros((9, 2)), [0.1], [0]), "residuals has 2 columns, volatility has 1 rows"),
        (lambda: specific_covariance(np.zeros((9, 1)), [-0.1], [0]), r"volatility\[0\] is -0.1"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
