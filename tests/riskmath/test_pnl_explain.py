"""Explained profit and loss: by hand, always adding up, and small where the model is right."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from riskmath.black_scholes import european_one
from riskmath.options import CALL
from riskmath.pnl_explain import explain_linear, explain_options

nan = np.nan
amounts = st.floats(-1e6, 1e6)
rates = st.floats(-0.5, 0.5) | st.just(nan)


def test_a_share_by_hand():
    found = explain_linear([60.0], [1000.0], [0.05], [0.03])
    assert (found.factor[0], found.specific[0]) == (pytest.approx(30.0), pytest.approx(20.0))
    assert found.unexplained[0] == pytest.approx(10.0)  # a dividend
    assert found.delta.tolist() == found.theta.tolist() == [0.0]


def test_an_option_by_hand():
    found = explain_options([100.0], [[50.0, 2.0, 30.0, -5.0]], [3.0], [-0.02], 4.0)
    parts = [found.delta[0], found.gamma[0], found.vega[0], found.theta[0], found.unexplained[0]]
    assert parts == pytest.approx([150.0, 9.0, -60.0, -20.0, 21.0])
    assert found.factor.tolist() == [0.0]


@given(st.lists(st.tuples(amounts, amounts, rates, rates), max_size=8))
def test_linear_parts_add_to_the_profit_and_loss(book):
    pnl, exposure, returns, modelled = np.array(book).reshape(-1, 4).T
    found = explain_linear(pnl, exposure, returns, modelled)
    assert found.total == pytest.approx(pnl, abs=1e-6)


@given(st.lists(st.tuples(amounts, st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), rates, rates), max_size=8))
def test_option_parts_add_to_the_profit_and_loss(book):
    pnl, delta, gamma, moved, wider = np.array(book).reshape(-1, 5).T
    found = explain_options(pnl, np.column_stack([delta, gamma, delta, gamma]), moved, wider, 1.0)
    assert found.total == pytest.approx(pnl, abs=1e-6)


def test_greeks_explain_nearly_all_of_a_small_move():
    before = european_one(100.0, 100.0, 0.5, 0.25, 0.03, 0.0, CALL)
    after = european_one(101.0, 100.0, 0.5 - 1 / 365, 0.26, 0.03, 0.0, CALL)
    pnl = 100 * (after[0] - before[0])
    _, delta, gamma, theta, vega, _ = np.array(before) * 100
    found = explain_options([pnl], [[delta, gamma, vega, theta]], [1.0], [0.01], 1.0)
    assert abs(found.unexplained[0]) < 0.01 * abs(pnl)


def test_what_is_missing_is_unexplained_or_missing():
    found = explain_linear([10.0, nan, 10.0], [100.0, 100.0, nan], [nan, 0.1, 0.1], [0.02, 0.1, 0.1])
    assert (found.factor[0], found.specific[0], found.unexplained[0]) == (2.0, 0.0, 8.0)
    assert np.isnan(found.total).tolist() == [False, True, True]
    options = explain_options([10.0, 10.0], [[1.0, 1.0, 1.0, 1.0], [nan, 1.0, 1.0, 1.0]], [nan, 1.0], [0.0, 0.0], 0.0)
    assert options.unexplained[0] == 10.0
    assert np.isnan(options.theta[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: explain_options([1.0], [[1.0]], [1.0], [0.0], 1.0), "greeks has 1 columns"),
        (lambda: explain_options([1.0], [[1.0] * 4], [1.0], [0.0], -1.0), "days is -1.0"),
        (lambda: explain_linear([np.inf], [1.0], [1.0], [1.0]), r"pnl\[0\] is inf"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
