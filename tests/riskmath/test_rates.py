"""Least squares with robust errors, and rate betas: statsmodels, and real yields where they are to be had."""

import csv
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm

from riskmath.rates import rate_betas, rate_pnl, yield_changes
from riskmath.regression import least_squares
from tests.riskmath import bundled
from tests.riskmath.test_factor_model import simulated

nan = np.nan
YIELDS = Path("/work/shared/data/treasury_par_yields_daily.csv")


def oracle(returns, regressors, lags):
    known = ~np.isnan(returns + regressors.sum(axis=1))
    fit = sm.OLS(returns[known], sm.add_constant(regressors[known]))
    return fit.fit() if lags is None else fit.fit(cov_type="HAC", cov_kwds={"maxlags": lags})


@pytest.mark.parametrize("lags", [None, 0, 1, 7])
@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_coefficients_and_errors_equal_statsmodels(lags, gaps):
    returns, market, funds = simulated(3, gaps=gaps)
    regressors = np.column_stack([market, funds])
    found = least_squares(returns, regressors, hac_lags=lags)
    for row in range(4):
        expected = oracle(returns[:, row], regressors, lags)
        assert found.observations[row] == expected.nobs
        assert found.alpha[row] == pytest.approx(expected.params[0], rel=1e-9, abs=1e-15)
        assert found.coefficients[row] == pytest.approx(expected.params[1:], rel=1e-10)
        assert found.errors[row] == pytest.approx(expected.bse[1:], rel=1e-9)
        assert found.t[row] == pytest.approx(expected.tvalues[1:], rel=1e-9)
        assert found.r2[row] == pytest.approx(expected.rsquared, abs=1e-10)
        assert found.residual_volatility[row] == pytest.approx(expected.mse_resid**0.5, rel=1e-10)


def test_what_cannot_be_fitted_is_missing():
    returns, market, funds = simulated(3)
    returns[:100, 1] = nan
    returns[:, 2] = 0.0
    found = least_squares(returns, market[:, None], minimum=60)
    assert found.observations.tolist() == [150, 50, 150, 150]
    assert np.isnan(found.coefficients[:, 0]).tolist() == [False, True, False, False]
    assert np.isnan(found.r2).tolist() == [False, True, True, False]
    assert np.isnan(found.t[2, 0])
    assert np.isnan(least_squares(returns, np.column_stack([market, 2 * market])).coefficients).all()
    assert np.isnan(least_squares(returns, np.ones((150, 1))).alpha).all()
    with pytest.raises(ValueError, match="hac_lags is -1"):
        least_squares(returns, funds, hac_lags=-1)


def test_rate_betas_are_the_coefficient_on_the_yield_beside_the_market():
    returns, market, funds = simulated(4)
    change = funds[:, 0] / 10
    found = rate_betas(returns, change, market)
    expected = oracle(returns[:, 0], np.column_stack([change, market]), 7)
    assert found.rate_beta[0] == pytest.approx(expected.params[1], rel=1e-9)
    assert found.error[0] == pytest.approx(expected.bse[1], rel=1e-9)
    assert found.significant.tolist() == (np.abs(found.t) >= 2.0).tolist()


def test_a_bond_of_known_duration_has_minus_its_duration():
    random = np.random.default_rng(1)
    change, market = random.normal(0, 0.0006, 756), random.normal(0, 0.01, 756)
    bond = -6.0 * change + random.normal(0, 0.0004, 756)
    found = rate_betas(bond[:, None], change, market)
    assert found.rate_beta[0] == pytest.approx(-6.0, abs=0.1)
    assert found.significant[0]
    assert rate_pnl([100_000.0], found.rate_beta, [0.01])[0] == pytest.approx(-6_000, abs=100)


def test_pnl_by_hand_is_linear_and_never_more_than_it_says():
    assert rate_pnl([108_025.0, -5_000.0], [7.1, 7.1], [0.01, 0.01]) == pytest.approx([7669.775, -355.0])
    assert np.isnan(rate_pnl([1.0], [nan], [0.01])).all()


def test_changes_of_yields_are_differences_in_decimals():
    assert yield_changes([[0.040], [0.041], [nan], [0.040]])[:, 0] == pytest.approx([0.001, nan, nan], nan_ok=True)
    with pytest.raises(ValueError, match=r"yields\[0, 0\] is 4.0: must be a decimal below 1, not per cent"):
        yield_changes([[4.0], [4.1]])


@pytest.mark.skipif(not YIELDS.exists(), reason=f"{YIELDS} is not here: real yields are not part of the project")
def test_banks_gain_and_staples_lose_when_yields_rise():
    with YIELDS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ten_year = {np.datetime64(datetime.strptime(row["Date"], "%m/%d/%y").date()): row["10 Yr"] for row in rows}  # noqa: DTZ007
    days = bundled.days(len(bundled.funds()) + 1)
    level = np.array([float(ten_year.get(day) or "nan") / 100 for day in days])
    symbols, returns = bundled.stocks()
    found = rate_betas(returns, yield_changes(level[:, None])[:, 0], bundled.market())
    beta = dict(zip(symbols, found.rate_beta, strict=True))
    t = dict(zip(symbols, found.t, strict=True))
    for symbol in ("JPM", "BAC"):
        assert beta[symbol] > 5.0
        assert t[symbol] > 6.0
    for symbol in ("KO", "PG"):
        assert beta[symbol] < -1.0
        assert t[symbol] < -2.0
