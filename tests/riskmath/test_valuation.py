"""Market value, cost, and profit and loss: closed forms by hand, and what must hold for any book."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from riskmath.valuation import cost_basis, market_value, profit_and_loss

prices = st.floats(0.01, 1e4)
quantities = st.integers(-100_000, 100_000).map(float)
rates = st.floats(0.1, 10.0)
rows = st.lists(st.tuples(quantities, prices, prices, st.sampled_from([1.0, 100.0]), rates, rates), max_size=20)


def by_column(book):
    return [np.array(column, dtype=float) for column in zip(*book, strict=True)] or [np.empty(0)] * 6


def test_market_value_by_hand():
    # 100 shares at 12.50; 40 shares owed at 25; 3 contracts of 100 at 2.10; 10 shares at 80 euro, 1.1 dollars each
    value = market_value([100, -40, 3, 10], [12.5, 25, 2.1, 80], [1, 1, 100, 1], [1, 1, 1, 1.1])
    assert value == pytest.approx([1250.0, -1000.0, 630.0, 880.0], rel=1e-15)


def test_cost_basis_by_hand():
    assert cost_basis([100, -2], [10, 3.5], [1, 100], [1, 1]).tolist() == [1000.0, -700.0]


def test_profit_and_loss_splits_into_price_and_currency():
    # 10 shares bought at 80 euro and 1.10, now 90 euro and 1.20: 10 x (90 x 1.2 - 80 x 1.1) = 200
    result = profit_and_loss([10], [80], [90], [1], [1.1], [1.2])
    assert result.local == pytest.approx([110.0])  # 10 x (90 - 80) x 1.10
    assert result.currency == pytest.approx([90.0])  # 10 x 90 x (1.20 - 1.10)
    assert result.total == pytest.approx([200.0])


def test_a_short_that_fell_and_an_option_written_that_rose():
    total = profit_and_loss([-50, -4], [40, 1.5], [30, 2.0], [1, 100], [1, 1], [1, 1]).total
    assert total.tolist() == [500.0, -200.0]


def test_missing_goes_through_row_by_row():
    nan = np.nan
    assert np.isnan(market_value([1, 1, 1], [nan, 2, 3], [1, 1, 1], [1, nan, 1])).tolist() == [True, True, False]
    half_known = profit_and_loss([1, 1], [1, 1], [2, 2], [1, 1], [1, 1], [nan, 1])
    assert np.isnan(half_known.local).tolist() == [True, False]
    assert np.isnan(half_known.currency).tolist() == [True, False]


@given(rows)
def test_profit_and_loss_is_value_less_cost(book):
    quantity, opening, closing, multiplier, opening_fx, closing_fx = by_column(book)
    total = profit_and_loss(quantity, opening, closing, multiplier, opening_fx, closing_fx).total
    value = market_value(quantity, closing, multiplier, closing_fx)
    cost = cost_basis(quantity, opening, multiplier, opening_fx)
    assert np.all(np.abs(total - (value - cost)) <= 1e-12 * (np.abs(value) + np.abs(cost)))


@given(rows)
def test_without_a_move_of_the_rate_nothing_is_won_on_currency(book):
    quantity, opening, closing, multiplier, fx, _ = by_column(book)
    assert not profit_and_loss(quantity, opening, closing, multiplier, fx, fx).currency.any()


@given(rows)
def test_the_other_side_has_the_opposite_value_and_result(book):
    quantity, opening, closing, multiplier, opening_fx, closing_fx = by_column(book)
    value = market_value(quantity, closing, multiplier, closing_fx)
    assert np.array_equal(market_value(-quantity, closing, multiplier, closing_fx), -value)
    ours = profit_and_loss(quantity, opening, closing, multiplier, opening_fx, closing_fx)
    theirs = profit_and_loss(-quantity, opening, closing, multiplier, opening_fx, closing_fx)
    assert np.array_equal(theirs.total, -ours.total)


@given(rows, st.sampled_from([2.0, 3.0, 7.0, 0.1]))
def test_a_stock_split_changes_no_value_and_no_result(book, ratio):
    quantity, opening, closing, multiplier, opening_fx, closing_fx = by_column(book)
    before = market_value(quantity, closing, multiplier, closing_fx)
    after = market_value(quantity * ratio, closing / ratio, multiplier, closing_fx)
    assert after == pytest.approx(before, rel=1e-14)
    total = profit_and_loss(quantity, opening, closing, multiplier, opening_fx, closing_fx).total
    split = profit_and_loss(
        quantity * ratio, opening / ratio, closing / ratio, multiplier, opening_fx, closing_fx
    ).total
    scale = np.abs(quantity) * multiplier * (opening * opening_fx + closing * closing_fx)
    assert np.all(np.abs(split - total) <= 1e-13 * scale)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([np.inf], [1], [1], [1]), r"quantity\[0\] is inf: must be finite"),
        (([1, 1], [1, -np.inf], [1, 1], [1, 1]), r"price\[1\] is -inf: must be finite"),
        (([1, 2], [1], [1, 1], [1, 1]), "price has 1 rows, quantity has 2"),
        (([1], [1], [0], [1]), r"multiplier\[0\] is 0.0: must be above 0"),
        (([1, 1], [1, 1], [1, 1], [1, -0.5]), r"fx\[1\] is -0.5: must be above 0"),
        (([[1]], [[1]], [[1]], [[1]]), r"quantity has shape \(1, 1\)"),
        ((1, 1, 1, 1), r"quantity has shape \(\)"),
    ],
)
def test_impossible_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        market_value(*arguments)


def test_the_offending_argument_of_a_cost_or_a_result_is_named():
    with pytest.raises(ValueError, match=r"entry_price\[0\] is inf"):
        cost_basis([1], [np.inf], [1], [1])
    with pytest.raises(ValueError, match=r"opening_fx\[0\] is 0.0: must be above 0"):
        cost_basis([1], [1], [1], [0])
    with pytest.raises(ValueError, match=r"closing_fx\[0\] is -1.0: must be above 0"):
        profit_and_loss([1], [1], [1], [1], [1], [-1])
    with pytest.raises(ValueError, match="closing_price has 2 rows, quantity has 1"):
        profit_and_loss([1], [1], [1, 2], [1], [1], [1])


def test_a_value_beyond_float64_is_an_error_and_no_infinity():
    with pytest.raises(FloatingPointError):
        market_value([1e200], [1e200], [1], [1])
    with pytest.raises(FloatingPointError):
        profit_and_loss([1e200], [1], [1e200], [1], [1], [1])


def test_no_rows_have_no_values():
    assert market_value([], [], [], []).shape == (0,)
