"""The model of own proxies: statsmodels on the design as one would write it, real prices, and what cannot be fitted."""

import hypothesis.strategies as st
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings

from riskmath.returns import month_ends, simple_returns
from riskmath.stock_proxies import PROXIES, median_of_peers, proxy_fit
from tests.riskmath import bundled

nan = np.nan


def simulated(seed, months=60, gaps=0.0):
    """A stock and its proxies: the funds are mostly the market, the peers mostly their industry."""
    random = np.random.default_rng(seed)
    market = random.normal(0.007, 0.045, months)
    momentum, value = (0.95 * market + random.normal(0, 0.015, months) for _ in range(2))
    industry = 1.1 * market + random.normal(0, 0.03, months)
    peers = industry + random.normal(0, 0.02, months)
    stock = 0.5 * market + 0.3 * momentum - 0.2 * value + 0.6 * industry + random.normal(0, 0.05, months)
    proxies = np.column_stack([market, momentum, value, industry, peers])
    proxies[random.random(proxies.shape) < gaps] = nan
    stock[random.random(months) < gaps] = nan
    return stock, proxies


def by_statsmodels(stock, proxies):
    """The same in plain sight: residuals of industry and peers from regressions of their own, then all together."""
    months = ~np.isnan(stock + proxies.sum(axis=1))
    y, f = stock[months], proxies[months]
    market = sm.add_constant(f[:, 0])
    beside = [(sm.OLS(f[:, place], market).fit().resid) for place in (3, 4)]
    return sm.OLS(y, sm.add_constant(np.column_stack([f[:, :3], *beside]))).fit(), sm.OLS(y, market).fit()


@pytest.mark.parametrize("gaps", [0.0, 0.05])
@pytest.mark.parametrize("seed", range(4))
def test_equals_statsmodels(seed, gaps):
    stock, proxies = simulated(seed, gaps=gaps)
    fit = proxy_fit(stock, proxies)
    oracle, alone = by_statsmodels(stock, proxies)
    assert fit.left_out == ("",) * 5
    assert fit.observations == oracle.nobs
    assert fit.coefficients == pytest.approx(oracle.params[1:], rel=1e-9)
    assert fit.errors == pytest.approx(oracle.bse[1:], rel=1e-9)
    assert fit.t == pytest.approx(oracle.tvalues[1:], rel=1e-9)
    # the mean of a residual is 0, of f - delta m it is not: what differs is the constant alone
    mean_beside = _means_beside(stock, proxies)
    assert fit.alpha == pytest.approx(oracle.params[0] - mean_beside @ oracle.params[4:], rel=1e-9, abs=1e-14)
    assert fit.r2 == pytest.approx(oracle.rsquared, abs=1e-11)
    assert fit.residual_volatility == pytest.approx(oracle.mse_resid**0.5, rel=1e-9)
    assert fit.market_beta == pytest.approx(alone.params[1], rel=1e-9)
    assert fit.market_beta_error == pytest.approx(alone.bse[1], rel=1e-9)


def _means_beside(stock, proxies):
    known = proxies[~np.isnan(stock + proxies.sum(axis=1))]
    market = known[:, 0]
    deltas = [np.cov(known[:, place], market)[0, 1] / market.var(ddof=1) for place in (3, 4)]
    return np.array([(known[:, place] - delta * market).mean() for place, delta in zip((3, 4), deltas, strict=True)])


def test_real_prices_of_an_oil_company():
    days, closes = bundled.prices(bundled.STOCKS)
    _, funds = bundled.prices(bundled.FUNDS)
    since = len(days) - len(funds["MTUM"])
    ends = month_ends(days[since:])

    def monthly(series):
        return simple_returns(series[-len(funds["MTUM"]) :][ends][:, None])[:, 0]

    _, index = bundled.prices(bundled.INDEX)
    peers = np.column_stack([monthly(closes[symbol]) for symbol in ("CVX", "RRC")])
    own = [monthly(series) for series in (index["SP500"], funds["MTUM"], funds["VLUE"])]
    proxies = np.column_stack([*own, np.full(len(ends) - 1, nan), median_of_peers(peers)])
    fit = proxy_fit(monthly(closes["XOM"])[-60:], proxies[-60:])
    assert fit.left_out == ("", "", "", "no_history", "")
    assert fit.observations == 60
    assert fit.t[4] > 4.0  # what oil companies do beside the market
    assert 0.6 < fit.r2 < 0.95


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.1, 10.0), st.floats(-0.02, 0.02))
def test_scale_and_drift_go_where_they_belong(seed, scale, drift):
    stock, proxies = simulated(seed, gaps=0.03)
    fit, moved = proxy_fit(stock, proxies), proxy_fit(stock * scale + drift, proxies)
    assert moved.coefficients == pytest.approx(fit.coefficients * scale, rel=1e-7, abs=1e-9)
    assert moved.alpha == pytest.approx(fit.alpha * scale + drift, rel=1e-7, abs=1e-9)
    assert moved.t == pytest.approx(fit.t, rel=1e-6, abs=1e-9)
    assert moved.r2 == pytest.approx(fit.r2, abs=1e-9)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(-2.0, 2.0))
def test_the_market_inside_an_industry_fund_changes_nothing(seed, part):
    stock, proxies = simulated(seed)
    mixed = proxies.copy()
    mixed[:, 3] += part * proxies[:, 0]
    assert proxy_fit(stock, mixed).coefficients == pytest.approx(
        proxy_fit(stock, proxies).coefficients, rel=1e-7, abs=1e-9
    )


@settings(max_examples=40)
@given(st.lists(st.floats(-2.0, 2.0), min_size=5, max_size=5), st.integers(0, 10_000))
def test_a_mixture_of_its_proxies_has_their_parts(parts, seed):
    _, proxies = simulated(seed)
    beside = proxies.copy()
    market = proxies[:, 0]
    for place in (3, 4):
        beside[:, place] -= np.cov(proxies[:, place], market)[0, 1] / market.var(ddof=1) * market
    fit = proxy_fit(0.001 + beside @ np.array(parts), proxies)
    assert fit.coefficients == pytest.approx(parts, abs=1e-9)
    assert fit.alpha == pytest.approx(0.001, abs=1e-10)


# --- what is left out ---


def test_a_proxy_that_nobody_knows_leaves_the_others():
    stock, proxies = simulated(1)
    proxies[:, 1] = nan
    fit = proxy_fit(stock, proxies)
    assert fit.left_out == ("", "no_history", "", "", "")
    assert np.isnan(fit.coefficients).tolist() == [False, True, False, False, False]
    assert fit.observations == 60


def test_a_young_proxy_is_left_out_and_the_months_are_kept():
    stock, proxies = simulated(1)
    proxies[:-23, 2] = nan
    assert proxy_fit(stock, proxies).left_out[2] == "insufficient_history"
    assert proxy_fit(stock, proxies).observations == 60
    proxies[-24, 2] = 0.01
    fit = proxy_fit(stock, proxies)
    assert (fit.left_out[2], fit.observations) == ("", 24)


def test_one_that_is_another_gives_way_to_it():
    stock, proxies = simulated(2)
    proxies[:, 2] = proxies[:, 0]  # value by the market's own fund
    proxies[:, 4] = proxies[:, 3]  # the only peer is the industry
    fit = proxy_fit(stock, proxies)
    assert fit.left_out == ("", "", "depends_on_other_proxies", "", "depends_on_other_proxies")
    without = proxies.copy()
    without[:, [2, 4]] = nan
    assert fit.coefficients == pytest.approx(proxy_fit(stock, without).coefficients, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(("market", "reason"), [(nan, "no_history"), (0.01, "depends_on_other_proxies")])
def test_without_a_market_there_is_no_fit(market, reason):
    stock, proxies = simulated(3)
    proxies[:, 0] = market
    fit = proxy_fit(stock, proxies)
    assert fit.left_out[0] == reason
    assert np.isnan([fit.alpha, *fit.coefficients, *fit.errors, *fit.t, fit.market_beta, fit.r2]).all()


def test_too_few_months_are_no_fit_but_a_count():
    stock, proxies = simulated(3)
    stock[:40] = nan
    fit = proxy_fit(stock, proxies)
    assert fit.observations == 20
    assert fit.left_out == ("insufficient_history",) * 5
    assert np.isnan(fit.r2)
    assert proxy_fit(stock, proxies, minimum=20).observations == 20
    assert proxy_fit(stock[-7:], proxies[-7:], minimum=1).left_out[0] == "insufficient_history"


def test_a_price_that_never_moves_has_beta_0_and_no_r2():
    _, proxies = simulated(4)
    fit = proxy_fit(np.zeros(60), proxies)
    assert fit.coefficients.tolist() == [0.0] * 5
    assert np.isnan(fit.r2)
    assert np.isnan(fit.t).all()


def test_the_median_of_peers():
    peers = [[0.01, 0.03, 0.5], [0.01, nan, 0.03], [nan, nan, 0.03], [nan, nan, nan]]
    assert median_of_peers(peers) == pytest.approx([0.03, 0.02, nan, nan], nan_ok=True)
    assert np.isnan(median_of_peers(np.empty((3, 0)))).tolist() == [True] * 3


# --- months ---


def test_the_last_session_of_each_month_that_is_over():
    days = np.array(["2022-10-28", "2022-10-31", "2022-11-01", "2022-11-29", "2022-12-01"], dtype="datetime64[D]")
    assert month_ends(days).tolist() == [1, 3]
    assert month_ends(days[:2]).tolist() == [1]  # a Monday, and the last day of its month
    assert month_ends(["2022-12-30"]).tolist() == [0]  # a Friday; the weekend alone is left
    assert month_ends(["2022-12-29"]).tolist() == []
    assert month_ends(np.array([], dtype="datetime64[D]")).tolist() == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: proxy_fit([0.1], [[0.1] * 4]), "proxies has 4 columns: must be 5"),
        (lambda: proxy_fit([np.inf], [[0.1] * 5]), r"returns\[0\] is inf"),
        (lambda: proxy_fit([0.1, 0.2], [[0.1] * 5]), "must be as many"),
        (lambda: median_of_peers([[np.inf]]), r"returns\[0, 0\] is inf"),
        (lambda: month_ends(["2022-12-02", "2022-12-01"]), "days must ascend"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_names_are_those_of_the_portfolio_file():
    assert PROXIES == ("market", "momentum", "value", "industry", "subindustry")
