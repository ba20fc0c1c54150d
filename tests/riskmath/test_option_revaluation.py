"""Options valued again: differences of models, a crash, interpolation against the lattice; volatility response."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from riskmath import option_revaluation as subject
from riskmath.american import american, american_price
from riskmath.black_scholes import european, european_one
from riskmath.option_revaluation import OptionTerms
from riskmath.options import CALL, PUT
from riskmath.volatility_response import shocked_volatility, volatility_move
from tests.riskmath.option_books import random_book

nan = np.nan


def option(**terms):
    given = {"spot": 100.0, "strike": 100.0, "years_to_expiry": 0.5, "volatility": 0.3, "rate": 0.04}
    given |= {"dividend_yield": 0.01, "right": PUT, "american": True, **terms}
    return OptionTerms.of(**{name: [value] for name, value in given.items()})


def book(size, seed, american=None):
    terms = random_book(size, seed)
    early = np.arange(size) % 2 == 0 if american is None else np.full(size, american)
    return OptionTerms.of(**terms, american=early)


def test_each_right_has_its_model():
    terms = random_book(6, 1)
    found = subject.model_price(OptionTerms.of(**terms, american=[True, False] * 3))
    assert found[::2] == pytest.approx(american_price(**terms).price[::2], rel=1e-14)
    assert found[1::2] == pytest.approx(european(**terms).price[1::2], rel=1e-12)


def test_revaluation_is_the_difference_of_two_prices():
    call = option(right=CALL, american=False)
    after = european_one(90.0, 100.0, 0.5, 0.4, 0.05, 0.01, CALL)[0]
    before = european_one(100.0, 100.0, 0.5, 0.3, 0.04, 0.01, CALL)[0]
    found = subject.revaluation_pnl(call, [-500.0], [-0.1], volatility=[0.4], rate_change=0.01)
    assert found == pytest.approx([-500.0 * (after - before)])


@settings(max_examples=30)
@given(st.floats(60, 140), st.floats(-0.9, -0.05), st.booleans())
def test_a_written_put_loses_in_a_crash(strike, crash, early):
    put = option(strike=strike, american=early)
    worse = shocked_volatility(put.volatility, volatility_move(crash, 0.2), [180.0], [False], [False])
    assert subject.revaluation_pnl(put, [-100.0], [crash], volatility=worse)[0] < 0.0


@pytest.mark.parametrize("early", [True, False])
def test_no_shock_no_profit(early):
    options = book(20, 3, early)
    assert not subject.revaluation_pnl(options, np.full(20, 100.0), np.zeros(20)).any()


def test_an_underlying_that_loses_everything():
    options = OptionTerms.of(
        **{
            name: [value] * 3
            for name, value in {
                "spot": 100.0,
                "strike": 80.0,
                "years_to_expiry": 1.0,
                "volatility": 0.3,
                "rate": 0.04,
                "dividend_yield": 0.0,
            }.items()
        },
        right=[CALL, PUT, PUT],
        american=[False, False, True],
    )
    after = subject.model_price(options.shocked([-1.0] * 3))
    assert after == pytest.approx([0.0, 80.0 * math.exp(-0.04), 80.0], abs=1e-5)


def test_delta_and_gamma_agree_for_a_small_move():
    terms = random_book(40, 5)
    greeks = american(**terms)
    options = OptionTerms.of(**terms, american=[True] * 40)
    small = np.full(40, 0.002)
    size = np.full(40, 100.0)
    full = subject.revaluation_pnl(options, size, small)
    quick = subject.delta_gamma_pnl(size, terms["spot"], greeks.delta, greeks.gamma, small)
    assert np.abs(full - quick).max() <= 2e-5 * (size * terms["spot"]).max()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: option(right=0.5), r"right\[0\] is 0.5"),
        (lambda: option(spot=np.inf), r"spot\[0\] is inf"),
        (lambda: option().shocked([-1.2]), "a spot return is -1.2: must be at least -1"),
        (lambda: option().shocked([0.1, 0.2]), "spot has 1 rows, spot_return has 2"),
        (lambda: subject.prices_at(option(), np.zeros((2, 3))), "has 3 columns: must have 1"),
        (lambda: OptionTerms.of(**random_book(2, 1), american=[True]), r"american has shape \(1,\)"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- volatility ---


def test_volatility_rises_when_the_market_falls():
    assert volatility_move(-0.10, 0.20) == pytest.approx(-3.3 * math.log(0.9))
    assert volatility_move(0.10, 0.20) == pytest.approx(-2.3 * math.log(1.1))
    assert volatility_move(0.0, 0.20) == 0.0
    assert volatility_move(-0.15, 0.20, stated=1.5) == pytest.approx(math.log(2.5))


def test_the_index_goes_no_higher_than_85_per_cent():
    assert 0.2 * math.exp(volatility_move(-0.6, 0.2)) == pytest.approx(0.85)
    assert volatility_move(-0.6, 1.2) == 0.0  # it is above already: a crash does not lower it


def test_shocked_volatilities_by_hand():
    found = shocked_volatility(
        [0.2] * 4, 0.5, [30.0, 120.0, 30.0, 7.0], [True, True, False, True], [False] * 3 + [True]
    )
    expected = 0.2 * np.exp([0.5, 0.25, 0.3, 0.5 / 3])
    assert found == pytest.approx(expected)


def test_volatilities_stay_within_reason_and_nothing_changes_without_a_move():
    assert shocked_volatility([0.2, 0.2], 9.0, [10.0] * 2, [True, False], [False] * 2).tolist() == [3.0, 3.0]
    assert shocked_volatility([0.2], -9.0, [10.0], [True], [False]).tolist() == [0.05]
    assert shocked_volatility([0.02, 4.0, 0.3], 0.0, [9.0] * 3, [True] * 3, [True] * 3).tolist() == [0.02, 4.0, 0.3]
    assert np.isnan(shocked_volatility([nan], 0.5, [9.0], [True], [True])).all()


@given(st.floats(0.01, 4.0), st.floats(-0.99, 2.0), st.floats(1.0, 900.0), st.booleans(), st.booleans())
def test_a_shocked_volatility_is_always_a_volatility(sigma, market, days, on_index, own):
    found = shocked_volatility([sigma], volatility_move(market, 0.2), [days], [on_index], [own])[0]
    assert min(sigma, 0.05) <= found <= max(sigma, 3.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: volatility_move(-1.0, 0.2), "market is -1.0"),
        (lambda: volatility_move(nan, 0.2), "market is nan"),
        (lambda: volatility_move(0.1, 0.0), "index_volatility is 0.0"),
        (lambda: volatility_move(0.1, 0.2, stated=-1.5), "stated is -1.5"),
        (lambda: shocked_volatility([0.0], 0.1, [1.0], [True], [True]), r"volatility\[0\] is 0.0"),
        (lambda: shocked_volatility([0.1], 0.1, [0.0], [True], [True]), r"days\[0\] is 0.0"),
        (lambda: shocked_volatility([0.1], nan, [1.0], [True], [True]), "move is nan"),
        (lambda: shocked_volatility([0.1], 0.1, [1.0], [True, True], [True]), r"on_index has shape \(2,\)"),
    ],
)
def test_impossible_volatilities_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_cases_that_move_spot_volatility_and_rate_are_those_one_by_one():
    terms = OptionTerms.of(
        spot=[100.0, 50.0],
        strike=[95.0, 55.0],
        years_to_expiry=[0.25, 1.0],
        volatility=[0.2, 0.4],
        rate=[0.04, 0.03],
        dividend_yield=[0.0, 0.02],
        right=[-1.0, 1.0],
        american=[True, False],
    )
    moves, sigma, change = [[0.0, 0.0], [-0.2, 0.1]], [[0.2, 0.4], [0.5, 0.3]], [0.0, 0.01]
    found = subject.prices_at(terms, moves, volatility=sigma, rate_change=change)
    for row in range(2):
        alone = terms.shocked(moves[row], volatility=sigma[row], rate_change=change[row])
        assert found[row] == pytest.approx(subject.model_price(alone), rel=1e-12)
    assert subject.prices_at(terms, moves)[0] == pytest.approx(subject.model_price(terms), rel=1e-12)
    with pytest.raises(ValueError, match="rate_change"):
        subject.prices_at(terms, moves, rate_change=[0.0])
    with pytest.raises(ValueError, match="volatility"):
        subject.prices_at(terms, moves, volatility=[0.2, 0.4, 0.3])
