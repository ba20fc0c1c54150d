"""Sums that say what is in them."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from riskmath.sums import sum_known

amounts = st.lists(st.floats(-1e12, 1e12) | st.just(math.nan), max_size=30)


def test_the_missing_is_left_out_and_named():
    result = sum_known([1.0, np.nan, 2.5])
    assert result.total == 3.5
    assert result.covered.tolist() == [True, False, True]


def test_nothing_known_adds_to_nothing_and_says_so():
    result = sum_known([np.nan])
    assert (result.total, result.covered.tolist()) == (0.0, [False])


def test_small_amounts_beside_large_ones_are_kept():
    assert sum_known([1e16, 1.0, -1e16]).total == 1.0  # added one after the other in float64, this is 0


@given(amounts, st.randoms())
def test_order_changes_not_one_bit(values, random):
    shuffled = random.sample(values, len(values))
    assert sum_known(shuffled).total == sum_known(values).total


@given(amounts)
def test_every_row_is_either_covered_or_missing(values):
    assert sum_known(values).covered.tolist() == [not math.isnan(value) for value in values]


def test_infinity_is_refused():
    with pytest.raises(ValueError, match=r"values\[1\] is inf"):
        sum_known([1.0, np.inf])


def test_a_total_beyond_float64_is_an_error():
    with pytest.raises(OverflowError):
        sum_known([1.7e308, 1.7e308])
