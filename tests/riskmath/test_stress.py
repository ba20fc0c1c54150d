"""Scenarios and stress: the figures of the methodology on real prices, identities, and what must hold for any book."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from riskmath.factor_model import market_plus_styles
from riskmath.scenario import ScenarioModel, scenario_model, translate
from riskmath.stress import stress_pnl, stress_returns
from tests.riskmath import bundled

nan = np.nan
VALUE, MOMENTUM, QUALITY, SIZE, LOW_VOLATILITY = range(5)
moves = st.floats(-0.6, 0.6)
betas = st.floats(-3.0, 3.0)


def named(**shocks):
    places = {"value": VALUE, "momentum": MOMENTUM, "quality": QUALITY, "size": SIZE, "low_volatility": LOW_VOLATILITY}
    styles = np.full(5, nan)
    for name, shock in shocks.items():
        styles[places[name]] = shock
    return styles


@pytest.fixture(scope="module")
def model():
    return scenario_model(bundled.market(), bundled.funds(), value=VALUE)


@pytest.fixture(scope="module")
def fits():
    _, returns = bundled.stocks(252)
    return market_plus_styles(returns, bundled.market(252), bundled.funds(252), value=VALUE)


def book_return(fits, shocks):
    return stress_returns(fits.market_beta, fits.gamma, shocks).total.mean()


# --- the sanity figures of section 5 ---


@pytest.mark.parametrize(
    ("market", "styles", "expected", "tolerance"),
    [
        (-0.20, {}, -0.159, 0.003),
        (-0.20, {"low_volatility": -0.30, "quality": 0.15, "size": -0.10}, -0.24, 0.03),
        (-0.45, {"value": -0.30, "size": -0.25, "quality": 0.20, "low_volatility": -0.35}, -0.37, 0.03),
        (-0.35, {"value": -0.40, "size": -0.30, "quality": 0.10}, -0.35, 0.03),
        (-0.45, {"value": 0.20, "momentum": -0.50, "quality": 0.15}, -0.31, 0.03),
    ],
    ids=["market -20", "liquidity", "2008", "COVID", "dot-com"],
)
def test_the_twenty_stocks_at_the_end_of_2022(model, fits, market, styles, expected, tolerance):
    found = translate(model, market, named(**styles))
    assert book_return(fits, found.correlated) == pytest.approx(expected, abs=tolerance)


def test_impossible_shocks_are_cut_and_told(model):
    found = translate(model, -0.45, named(quality=0.20))
    assert found.clipped.tolist() == [False, False, True, False, False]
    assert found.implausible
    assert found.distance > 10.0
    expected = -0.45 * model.delta[QUALITY] + 3.0 * model.residual_volatility[QUALITY]
    assert found.applied[1 + QUALITY] == pytest.approx(expected)
    assert np.isnan(found.applied[1 + SIZE])
    stated = translate(model, -0.45, named(quality=0.20), as_stated=True)
    assert stated.applied[1 + QUALITY] == pytest.approx(0.20)
    assert not stated.clipped.any()


def test_residual_volatility_of_quality_is_three_per_cent(model):
    assert model.residual_volatility[QUALITY] == pytest.approx(0.03, abs=0.002)


# --- translation ---


@settings(max_examples=50)
@given(market=st.floats(-0.9, 0.9))
def test_a_market_shock_is_the_market_beta_times_the_shock(model, fits, market):
    # the joint model and the single-factor model agree where only the market is named
    found = translate(model, market, np.full(5, nan))
    assert found.correlated == pytest.approx(found.direct)
    assert found.correlated[1:].tolist() == [0.0] * 5
    assert found.distance is None
    assert not found.implausible
    parts = stress_returns(fits.market_beta, fits.gamma, found.correlated).by_factor
    assert parts.sum(axis=1) == pytest.approx(fits.market_beta * market, abs=1e-12)


@given(market=moves, style=moves)
def test_named_styles_are_the_same_in_both_and_unnamed_ones_follow(model, market, style):
    found = translate(model, market, named(momentum=style))
    assert found.direct[1 + MOMENTUM] == found.correlated[1 + MOMENTUM]
    others = [1 + place for place in range(5) if place != MOMENTUM]
    assert found.direct[others].tolist() == [0.0] * 4
    block = model.covariance[1:, 1:]
    slope = block[:, MOMENTUM] / block[MOMENTUM, MOMENTUM]
    expected = np.delete(slope, MOMENTUM) * found.direct[1 + MOMENTUM]
    assert found.correlated[others] == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_the_conditional_mean_is_kupiecs():
    among = np.array([[4e-4, 1e-4], [1e-4, 9e-4]])
    covariance = np.zeros((4, 4))
    covariance[0, 0] = 1e-4
    covariance[1:3, 1:3] = among
    covariance[3, 3] = 2e-4
    covariance[3, 1:3] = covariance[1:3, 3] = [5e-5, -8e-5]
    model = ScenarioModel(
        delta=np.zeros(3), legs=np.eye(3), residual_volatility=np.full(3, 9.0), covariance=covariance,
        raw_covariance=covariance,
    )  # fmt: skip
    found = translate(model, 0.0, [0.05, -0.02, nan])
    regular = 0.9 * among + 0.1 * np.diag(np.diag(among))
    assert found.correlated[3] == pytest.approx(np.array([5e-5, -8e-5]) @ np.linalg.inv(regular) @ [0.05, -0.02])
    distance = np.sqrt(np.array([0.05, -0.02]) @ np.linalg.inv(among) @ [0.05, -0.02] / 21)
    assert found.distance == pytest.approx(distance)


def test_an_unnamed_market_follows_raw_styles_unless_it_is_held(model):
    styles = named(value=0.20)
    found = translate(model, None, styles)
    raw = model.raw_covariance
    assert found.correlated[0] == pytest.approx(raw[0, 1] / raw[1, 1] * 0.20)
    assert found.correlated[0] > 0.1  # why value rotation holds it
    assert found.direct[0] == 0.0
    held = translate(model, None, styles, hold_market=True)
    assert held.correlated[0] == 0.0
    assert held.applied[1] == pytest.approx(min(0.20, 3 * model.residual_volatility[VALUE]))
    assert np.array_equal(translate(model, nan, styles).correlated, found.correlated)


def test_nothing_named_moves_nothing(model, fits):
    found = translate(model, None, np.full(5, nan))
    assert not found.direct.any()
    assert not found.correlated.any()
    assert not stress_returns(fits.market_beta, fits.gamma, found.correlated).total.any()


def test_value_and_growth_move_one_spread():
    market, funds = bundled.market(600), bundled.funds(600)
    model = scenario_model(market, funds, value=0, growth=1)
    rotation = translate(model, 0.0, [0.05, -0.04, nan, nan, nan], as_stated=True)
    assert rotation.direct[1] == pytest.approx(-0.09)
    one_leg = translate(model, 0.0, [nan, 0.04, nan, nan, nan], as_stated=True)
    assert one_leg.direct[1] == pytest.approx(0.04)


def test_a_fund_younger_than_the_window_is_measured_on_its_own_sessions():
    market, funds = bundled.market(600), bundled.funds(600).copy()
    funds[:400, SIZE] = nan
    model = scenario_model(market, funds)
    young = scenario_model(market[400:], funds[400:])
    assert model.residual_volatility[SIZE] == pytest.approx(young.residual_volatility[SIZE], rel=1e-12)
    assert np.isfinite(model.covariance).all()


# --- returns and their floor ---


def test_the_markets_fund_has_the_shock():
    assert stress_returns([1.0], [[0.0]], [-0.2, 0.1]).total.tolist() == [-0.2]


def test_parts_by_hand():
    found = stress_returns(
        [1.5, 1.0], [[0.5], [0.0]], [-0.10, 0.04], rate_beta=[2.0, nan], yield_change=0.01, own=[nan, -0.3], fx=[0.1, 0]
    )
    assert found.by_factor == pytest.approx(np.array([[-0.15, 0.02], [0.0, 0.0]]))
    assert found.by_rate == pytest.approx([0.02, 0.0])
    assert found.own.tolist() == [0.0, -0.3]
    assert found.by_currency == pytest.approx([0.1 * 0.89, 0.0])
    assert found.total == pytest.approx([-0.11 + 0.089, -0.3])


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), betas, betas, betas, st.sampled_from([nan, -1.0, 0.3])), min_size=1),
    moves, moves, st.floats(-0.03, 0.03), st.floats(-0.5, 0.5),
)  # fmt: skip
def test_parts_add_to_the_whole_and_no_instrument_loses_more_than_itself(book, market, style, dy, fx):
    exposure, beta, gamma, rate, own = (np.array(column) for column in zip(*book, strict=True))
    returns = stress_returns(
        beta, gamma[:, None], [market, style], rate_beta=rate, yield_change=dy, own=own, fx=np.full(beta.size, fx)
    )
    assert np.all(returns.total >= -1.0 - 1e-12)
    assert np.all(returns.floor_adjustment >= 0.0)
    result = stress_pnl(exposure, returns)
    parts = result.by_factor.sum(axis=1) + result.by_rate + result.own + result.by_currency + result.floor_adjustment
    assert parts == pytest.approx(result.pnl, abs=1e-9 * max(1.0, np.abs(exposure).max()))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-9, 9)), min_size=1), st.floats(-0.99, 3.0))
def test_an_unlevered_long_book_never_loses_over_100_per_cent(book, market):
    exposure, beta = (np.array(column) for column in zip(*book, strict=True))
    loss = -stress_pnl(exposure, stress_returns(beta, np.empty((beta.size, 0)), [market])).pnl.sum()
    assert loss <= exposure.sum() * (1 + 1e-12)


def test_an_unknown_beta_is_missing_only_where_it_matters():
    returns = stress_returns([nan, nan, 1.0], [[0.1], [0.1], [nan]], [-0.2, 0.0], own=[nan, -0.5, nan])
    assert np.isnan(returns.total).tolist() == [True, False, False]
    assert np.isnan(stress_returns([1.0], [[0.0]], [-0.2, 0.0], yield_change=0.01).total).all()
    assert np.isnan(stress_pnl([nan, 1.0, 1.0], returns).pnl).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stress_returns([1.0], [[1.0]], [-0.1]), r"shocks is \[-0.1\]: must be 1 \+ 1 known moves"),
        (lambda: stress_returns([1.0], [[1.0]], [-0.1, nan]), "known moves"),
        (lambda: stress_returns([1.0], [[1.0]], [0.1, 0.1], yield_change=nan), "known moves"),
        (lambda: stress_returns([1.0], [[1.0]], [0.1, 0.1], own=[-1.1]), r"own\[0\] is -1.1: must be at least -1"),
        (lambda: stress_returns([1.0], [[1.0]], [0.1, 0.1], fx=[-1.1]), r"fx\[0\] is -1.1"),
        (lambda: stress_returns([np.inf], [[1.0]], [0.1, 0.1]), r"market_beta\[0\] is inf"),
        (lambda: stress_pnl([1.0, 2.0], stress_returns([1.0], [[1.0]], [0.1, 0.1])), "exposure has 2 rows"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("market", "styles", "message"),
    [
        (-1.0, [nan] * 5, r"market\[0\] is -1.0: must be a return above -1"),
        (0.1, [nan, -2.0, nan, nan, nan], r"styles\[1\] is -2.0"),
        (0.1, [nan] * 4, "styles has 4 rows: must have 5"),
        (np.inf, [nan] * 5, r"market\[0\] is inf"),
    ],
)
def test_impossible_scenarios_are_named(model, market, styles, message):
    with pytest.raises(ValueError, match=message):
        translate(model, market, styles)


def test_a_fund_that_hardly_existed_is_no_factor():
    market, funds = bundled.market(600), bundled.funds(600).copy()
    funds[:-2, SIZE] = nan
    with pytest.raises(ValueError, match="known together on 2 sessions"):
        scenario_model(market, funds)
