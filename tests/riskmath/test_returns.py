"""Returns: closed forms by hand, and what must hold for any prices."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from riskmath import returns as subject
from riskmath.returns import simple_returns

nan = np.nan
histories = arrays(float, (7, 3), elements=st.floats(0.5, 500.0))


def test_simple_and_log_returns_by_hand():
    prices = [[100.0, 10.0], [110.0, nan], [99.0, 12.0], [99.0, 6.0]]
    assert simple_returns(prices) == pytest.approx(np.array([[0.1, nan], [-0.1, nan], [0.0, -0.5]]), nan_ok=True)
    assert subject.log_returns(prices)[0, 0] == pytest.approx(np.log(1.1))


def test_a_missing_price_takes_two_returns_with_it_and_nothing_is_carried_forward():
    assert np.isnan(simple_returns([[1.0], [nan], [2.0], [3.0]])[:, 0]).tolist() == [True, True, False]


@given(histories)
def test_log_returns_add_to_the_total_and_simple_ones_multiply(prices):
    total = prices[-1] / prices[0] - 1.0
    assert subject.total_returns(simple_returns(prices)) == pytest.approx(total, rel=1e-9, abs=1e-12)
    assert np.expm1(subject.log_returns(prices).sum(axis=0)) == pytest.approx(total, rel=1e-9, abs=1e-12)


@given(histories, st.floats(0.01, 100.0))
def test_the_unit_of_a_price_does_not_matter(prices, unit):
    assert simple_returns(prices * unit) == pytest.approx(simple_returns(prices), rel=1e-9, abs=1e-12)


@given(histories, histories)
def test_base_returns_are_returns_of_prices_in_base_currency(prices, rates):
    expected = simple_returns(prices * rates)
    assert subject.base_returns(simple_returns(prices), simple_returns(rates)) == pytest.approx(expected, abs=1e-9)


@given(histories, st.integers(1, 6))
def test_returns_of_stretches_are_those_of_their_ends(prices, sessions):
    expected = prices[sessions:] / prices[:-sessions] - 1.0
    assert subject.window_returns(simple_returns(prices), sessions) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_stretch_longer_than_the_history_has_no_returns():
    assert subject.window_returns(np.zeros((3, 2)), 4).shape == (0, 2)


def test_sessions_that_all_columns_share():
    assert subject.common_sessions([[1.0, nan], [1.0, 2.0]]).tolist() == [False, True]
    assert subject.common_sessions(np.empty((2, 0))).tolist() == [True, True]


def test_age_of_the_last_price():
    prices = [[1.0, 1.0, nan, 1.0], *[[nan, nan, nan, 1.0]] * 3, [2.0, nan, nan, 1.0]]
    assert subject.price_age(prices).tolist() == [0, 4, 5, 0]
    assert subject.stale(prices).tolist() == [False, True, True, False]
    assert subject.stale(prices, sessions=4).tolist() == [False, False, True, False]
    assert subject.price_age(np.empty((0, 2))).tolist() == [0, 0]


def test_a_model_stands_in_for_returns_that_are_missing():
    filled, mask = subject.proxied([[0.1, nan, nan]], [[0.5, 0.2, nan]])
    assert filled.tolist()[0][:2] == [0.1, 0.2]
    assert np.isnan(filled[0, 2])
    assert mask.tolist() == [[False, True, False]]


def test_a_year_has_252_sessions():
    assert subject.annualised([0.01]) == pytest.approx([0.01 * 252**0.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simple_returns([[1.0], [0.0]]), r"prices\[1, 0\] is 0.0: must be above 0"),
        (lambda: simple_returns([[1.0], [-2.0]]), r"prices\[1, 0\] is -2.0: must be above 0"),
        (lambda: simple_returns([[1.0], [np.inf]]), r"prices\[1, 0\] is inf: must be finite"),
        (lambda: simple_returns([1.0, 2.0]), r"prices has shape \(2,\): must have two dimensions"),
        (lambda: subject.base_returns([[0.1]], [[0.1, 0.2]]), r"fx has shape \(1, 2\)"),
        (lambda: subject.base_returns([[0.1]], [[0.1], [0.2]]), "fx has 2 rows, local has 1"),
        (lambda: subject.proxied([[0.1]], [[0.1, 0.2]]), r"model has shape \(1, 2\)"),
        (lambda: subject.window_returns([[0.1]], 0), "sessions is 0: must be at least 1"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_ratio_beyond_float64_is_an_error():
    with pytest.raises(FloatingPointError):
        simple_returns([[1e-300], [1e300]])
    with pytest.raises(FloatingPointError):
        subject.total_returns(np.full((400, 1), 10.0))
