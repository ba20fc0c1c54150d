"""The joint factor regression: statsmodels, an explicit ridge, the figures on real prices, and its identities."""

import hypothesis.strategies as st
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings

from riskmath.factor_basis import factor_basis
from riskmath.factor_model import BLOCK, FactorFits, market_plus_styles, residuals
from tests.riskmath import bundled

PER_INSTRUMENT = [name for name in FactorFits.__slots__ if name != "observations"]


def simulated(seed, sessions=150, instruments=4, styles=5, gaps=0.0):
    random = np.random.default_rng(seed)
    market = random.normal(0.0004, 0.01, sessions)
    funds = np.outer(market, random.uniform(0.7, 1.2, styles)) + random.normal(0, 0.003, (sessions, styles))
    returns = np.outer(market, random.uniform(0.5, 1.5, instruments)) + random.normal(0, 0.01, (sessions, instruments))
    returns += funds @ random.normal(0, 0.3, (styles, instruments))
    returns[random.random(returns.shape) < gaps] = np.nan
    return returns, market, funds


def ordinary(returns, market, funds):
    known = ~np.isnan(returns)
    return sm.OLS(returns[known], sm.add_constant(np.column_stack([market, funds]))[known]).fit()


# --- against statsmodels ---


@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_without_ridge_it_is_ordinary_least_squares(seed, gaps):
    returns, market, funds = simulated(seed, gaps=gaps)
    fits = market_plus_styles(returns, market, funds, ridge=0.0)
    for row in range(returns.shape[1]):
        oracle = ordinary(returns[:, row], market, funds)
        assert fits.observations[row] == oracle.nobs
        assert fits.coefficients[row] == pytest.approx(oracle.params[1:], rel=1e-10)
        assert fits.errors[row] == pytest.approx(oracle.bse[1:], rel=1e-10)
        assert fits.t[row] == pytest.approx(oracle.tvalues[1:], rel=1e-10)
        assert fits.alpha[row] == pytest.approx(oracle.params[0], rel=1e-10, abs=1e-14)
        assert fits.alpha_error[row] == pytest.approx(oracle.bse[0], rel=1e-10)
        assert fits.r2[row] == pytest.approx(oracle.rsquared, abs=1e-10)
        assert fits.residual_volatility[row] == pytest.approx(oracle.mse_resid**0.5, rel=1e-10)


def test_equals_statsmodels_on_real_prices():
    _, returns = bundled.stocks(252)
    market, funds = bundled.market(252), bundled.funds(252)
    fits = market_plus_styles(returns, market, funds, ridge=0.0)
    for row in range(20):
        oracle = ordinary(returns[:, row], market, funds)
        assert fits.coefficients[row] == pytest.approx(oracle.params[1:], rel=1e-10)
        assert fits.errors[row] == pytest.approx(oracle.bse[1:], rel=1e-10)
        assert fits.r2[row] == pytest.approx(oracle.rsquared, abs=1e-10)


def test_market_beta_alone_equals_statsmodels():
    returns, market, _ = simulated(5)
    fits = market_plus_styles(returns, market, np.empty((150, 0)))
    oracle = sm.OLS(returns[:, 0], sm.add_constant(market)).fit()
    assert fits.market_beta[0] == pytest.approx(oracle.params[1], rel=1e-12)
    assert fits.market_beta_error[0] == pytest.approx(oracle.bse[1], rel=1e-10)
    assert fits.market_beta_t[0] == pytest.approx(oracle.tvalues[1], rel=1e-10)
    assert fits.coefficients[:, 0] == pytest.approx(fits.market_beta, rel=1e-12)
    assert fits.style_r2 == pytest.approx(np.zeros(4), abs=1e-15)


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_ridge_equals_the_formula_as_one_would_write_it(gaps):
    returns, market, funds = simulated(7, gaps=gaps)
    fits = market_plus_styles(returns, market, funds, ridge=0.1)
    for row in range(returns.shape[1]):
        known = ~np.isnan(returns[:, row])
        y, m, f = returns[known, row], market[known], funds[known]
        m, f, n = m - m.mean(), f - f.mean(axis=0), known.sum()
        e = f - np.outer(m, m @ f / (m @ m))
        deviation = e.std(axis=0)
        z = np.column_stack([m / m.std(), e / deviation])
        penalty = np.diag([0.0, *[0.1 * n] * e.shape[1]])
        inverse = np.linalg.inv(z.T @ z + penalty)
        coefficients = inverse @ z.T @ (y - y.mean())
        left = y - y.mean() - z @ coefficients
        variance = left @ left / (n - 1 - np.trace(inverse @ z.T @ z))
        errors = np.sqrt(variance * np.diag(inverse @ z.T @ z @ inverse))
        assert fits.market_beta[row] == pytest.approx(coefficients[0] / m.std(), rel=1e-10)
        assert fits.gamma[row] == pytest.approx(coefficients[1:] / deviation, rel=1e-10)
        assert fits.coefficients[row, 1:] == pytest.approx(coefficients[1:] / deviation, rel=1e-10)
        assert fits.market_beta_error[row] == pytest.approx(errors[0] / m.std(), rel=1e-10)
        assert fits.errors[row, 1:] == pytest.approx(errors[1:] / deviation, rel=1e-10)
        assert fits.residual_volatility[row] == pytest.approx(variance**0.5, rel=1e-10)
        assert fits.r2[row] == pytest.approx(1.0 - left @ left / np.square(y - y.mean()).sum(), abs=1e-12)
        assert fits.t[row] == pytest.approx(ordinary(returns[:, row], market, funds).tvalues[1:], rel=1e-10)


# --- figures of the methodology on real prices ---


def test_the_twenty_stocks_to_the_end_of_2022():
    _, returns = bundled.stocks(252)
    book = returns.mean(axis=1)[:, None]
    fits = market_plus_styles(book, bundled.market(252), bundled.funds(252), value=bundled.VALUE)
    assert fits.market_beta[0] == pytest.approx(0.7960, abs=0.001)
    assert fits.r2[0] == pytest.approx(0.923, abs=0.001)


def test_a_short_history_has_the_market_beta_of_its_own_sessions():
    symbols, returns = bundled.stocks(252)
    young = np.full((252, 1), np.nan)
    young[-120:, 0] = returns[-120:, symbols.index("XOM")]
    fits = market_plus_styles(young, bundled.market(252), bundled.funds(252))
    assert fits.observations[0] == 120
    assert fits.market_beta[0] == pytest.approx(0.716, abs=5e-4)


# --- identities ---


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 1.0, 50.0]), st.sampled_from([0.0, 0.4]))
def test_market_beta_is_the_covariance_whatever_the_ridge(seed, ridge, gaps):
    returns, market, funds = simulated(seed, gaps=gaps)
    fits = market_plus_styles(returns, market, funds, ridge=ridge)
    for row in range(returns.shape[1]):
        known = ~np.isnan(returns[:, row])
        moments = np.cov(returns[known, row], market[known])
        assert fits.market_beta[row] == pytest.approx(moments[0, 1] / moments[1, 1], rel=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 1.0]))
def test_a_book_has_the_weighted_coefficients_of_its_instruments(seed, ridge):
    returns, market, funds = simulated(seed)
    weights = np.array([0.5, -0.2, 0.4, 0.3])
    fits = market_plus_styles(returns, market, funds, ridge=ridge)
    book = market_plus_styles((returns @ weights)[:, None], market, funds, ridge=ridge)
    assert weights @ fits.coefficients == pytest.approx(book.coefficients[0], rel=1e-8, abs=1e-10)
    assert weights @ fits.market_beta == pytest.approx(book.market_beta[0], rel=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1]), st.sampled_from([0.0, 0.3]))
def test_raw_coefficients_are_the_basis_put_back_together(seed, ridge, gaps):
    returns, market, funds = simulated(seed, gaps=gaps)
    fits = market_plus_styles(returns, market, funds, ridge=ridge)
    assert fits.coefficients[:, 0] == pytest.approx(fits.market_beta - (fits.gamma * fits.delta).sum(axis=1), rel=1e-9)
    assert fits.market_r2 + fits.style_r2 == pytest.approx(fits.r2, abs=1e-12)
    assert np.all((fits.r2 >= 0.0) & (fits.r2 <= 1.0))
    left = residuals(returns, market, funds, fits)
    assert np.nanmean(left, axis=0) == pytest.approx(np.zeros(4), abs=1e-12)
    assert np.array_equal(np.isnan(left), np.isnan(returns))


def test_value_and_growth_are_one_spread():
    returns, market, funds = simulated(9)
    fits = market_plus_styles(returns, market, funds, value=3, growth=1)
    assert fits.gamma.shape == (4, 4)
    assert fits.coefficients[:, 2] == pytest.approx(fits.gamma[:, 1])
    assert fits.coefficients[:, 4] == pytest.approx(-fits.gamma[:, 1])
    assert fits.t[:, 2] == pytest.approx(-fits.t[:, 4])
    assert np.array_equal(fits.errors[:, 2], fits.errors[:, 4])
    spread = np.column_stack([funds[:, 0], funds[:, 1] - funds[:, 3], funds[:, 2], funds[:, 4]])
    alone = market_plus_styles(returns, market, spread)
    assert fits.gamma == pytest.approx(alone.gamma, rel=1e-12)
    assert fits.coefficients[:, 0] == pytest.approx(alone.coefficients[:, 0], rel=1e-9)
    assert residuals(returns, market, funds, fits) == pytest.approx(
        residuals(returns, market, spread, alone), abs=1e-12
    )


def test_one_style_of_the_two_stays_alone():
    returns, market, funds = simulated(9)
    found = market_plus_styles(returns, market, funds, value=0)
    assert np.array_equal(found.gamma, market_plus_styles(returns, market, funds).gamma)


def test_neighbours_with_gaps_change_nothing():
    returns, market, funds = simulated(3, instruments=BLOCK + 40)
    whole = market_plus_styles(returns, market, funds)
    holed = returns.copy()
    holed[5, ::2] = np.nan
    mixed = market_plus_styles(holed, market, funds)
    for name in PER_INSTRUMENT:
        assert getattr(mixed, name)[1::2] == pytest.approx(getattr(whole, name)[1::2], rel=1e-9, abs=1e-12)
    alone = market_plus_styles(holed[:, [BLOCK]], market, funds)
    assert alone.coefficients[0] == pytest.approx(mixed.coefficients[BLOCK], rel=1e-9)
    assert mixed.observations[:2].tolist() == [149, 150]


# --- what cannot be fitted ---


def test_a_factor_that_is_missing_takes_the_session_from_all():
    returns, market, funds = simulated(4)
    holed = funds.copy()
    holed[:30, 2] = np.nan
    fits = market_plus_styles(returns, market, holed)
    cut = market_plus_styles(returns[30:], market[30:], funds[30:])
    assert fits.observations.tolist() == [120] * 4
    assert fits.coefficients == pytest.approx(cut.coefficients, rel=1e-9)
    assert np.isnan(residuals(returns, market, holed, fits)[:30]).all()


def test_too_short_a_history_has_no_fit_but_a_count():
    returns, market, funds = simulated(6)
    returns[:91, 1] = np.nan
    returns[:, 2] = np.nan
    fits = market_plus_styles(returns, market, funds)
    assert fits.observations.tolist() == [150, 59, 0, 150]
    for name in PER_INSTRUMENT:
        missing = np.isnan(getattr(fits, name).reshape(4, -1)).all(axis=1)
        assert missing.tolist() == [False, True, True, False], name


def test_fewer_observations_than_parameters_are_never_enough():
    returns, market, funds = simulated(6)
    returns[:143, 1] = np.nan
    fits = market_plus_styles(returns, market, funds, minimum=1)
    assert np.isnan(fits.market_beta).tolist() == [False, True, False, False]


def test_a_price_that_never_moves_has_beta_0_and_no_r2():
    returns, market, funds = simulated(6)
    returns[:, 0] = 0.0
    fits = market_plus_styles(returns, market, funds)
    assert fits.coefficients[0].tolist() == [0.0] * 6
    assert np.isnan(fits.r2[0])
    assert np.isnan(fits.t[0]).all()
    assert fits.residual_volatility[0] == 0.0


def test_a_fund_regressed_on_itself_has_its_own_return():
    _, market, funds = simulated(8)
    fits = market_plus_styles(np.column_stack([funds[:, 2], market]), market, funds, ridge=0.0)
    assert fits.coefficients[0] == pytest.approx([0, 0, 0, 1, 0, 0], abs=1e-10)
    assert fits.coefficients[1] == pytest.approx([1, 0, 0, 0, 0, 0], abs=1e-10)
    assert fits.r2 == pytest.approx([1.0, 1.0])
    assert np.isfinite(fits.errors).all()


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_infinity_is_refused(bad):
    returns, market, funds = simulated(2)
    returns[7, 1] = bad
    with pytest.raises(ValueError, match=r"returns\[7, .*inf: must be finite"):
        market_plus_styles(returns, market, funds)
    with pytest.raises(ValueError, match=r"styles\[0, 1\] is inf"):
        market_plus_styles(np.zeros((150, 1)), market, np.where(np.arange(5) == 1, np.inf, funds))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ridge": -1.0}, "ridge is -1.0: must be at least 0"),
        ({"ridge": np.nan}, "ridge is nan"),
        ({"returns": np.zeros((3, 2))}, r"returns has shape \(3, 2\): must have 150 rows"),
        ({"value": 5}, "value is 5: must be one of 5 styles"),
        ({"value": 2, "growth": 2}, "growth is 2, the same as value"),
        ({"market": np.full(150, 0.01)}, "market is the same on every session"),
        ({"market": np.full(150, np.nan)}, "known together on 0 sessions"),
    ],
)
def test_impossible_input_is_named(change, message):
    returns, market, funds = simulated(2)
    arguments = {"returns": returns, "market": market, "styles": funds, **change}
    with pytest.raises(ValueError, match=message):
        market_plus_styles(**arguments)


def test_a_style_that_is_the_market_is_refused():
    returns, market, funds = simulated(2)
    funds[:, 3] = 2.0 * market
    with pytest.raises(ValueError, match="regressor 3 of the styles is a multiple of the market"):
        market_plus_styles(returns, market, funds)


def test_residual_styles_are_orthogonal_to_the_market():
    basis = factor_basis(bundled.market(252), bundled.funds(252))
    centred = basis.returns - basis.returns.mean(axis=0)
    assert centred[:, 0] @ centred[:, 1:] == pytest.approx(np.zeros(5), abs=1e-16)
