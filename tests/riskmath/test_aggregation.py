"""Sums by group: pandas, by hand, and invariants."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from riskmath.aggregation import aggregate, groups, one_group_each

nan = np.nan


def test_sums_by_sector_equal_pandas():
    random = np.random.default_rng(1)
    measures, sector = random.normal(0, 1e6, (500, 5)), random.integers(0, 11, 500)
    found = aggregate(measures, one_group_each(sector, size=12))
    assert found.total[:11] == pytest.approx(pd.DataFrame(measures).groupby(sector).sum().to_numpy(), rel=1e-9)
    assert found.total[11].tolist() == [0.0] * 5
    assert found.covered.tolist() == [1.0] * 11 + [0.0]


def test_a_position_in_two_strategies_counts_in_each_with_its_part():
    membership = groups([0, 0, 1], [0, 1, 1], [0.6, 0.4, 1.0], rows=3, size=2)
    found = aggregate([[100.0], [50.0], [999.0]], membership)
    assert found.total[:, 0].tolist() == [60.0, 90.0]


def test_the_missing_is_left_out_and_told():
    found = aggregate([[100.0, 1.0], [nan, 2.0]], groups([0, 1], [0, 0], [1.0, 3.0], rows=2, size=1))
    assert found.total.tolist() == [[100.0, 7.0]]
    assert found.covered.tolist() == [0.25]


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(-1, 4)), max_size=40))
def test_groups_that_share_no_position_add_to_the_whole(book):
    measure = np.array([row[0] for row in book])[:, None].reshape(-1, 1)
    label = np.array([row[1] for row in book])
    found = aggregate(measure, one_group_each(label, size=5))
    assert found.total.sum() == pytest.approx(measure[label >= 0].sum(), abs=1e-5)


@given(st.floats(0.0, 1.0), st.floats(-1e6, 1e6))
def test_a_position_split_in_two_changes_no_sum(part, amount):
    whole = aggregate([[amount], [5.0]], one_group_each([1, 0], size=2)).total
    split = aggregate([[amount * part], [amount * (1 - part)], [5.0]], one_group_each([1, 1, 0], size=2)).total
    assert split == pytest.approx(whole, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: groups([2], [0], [1.0], rows=2, size=1), r"position\[0\] is 2.0: must be a whole number from 0 to 1"),
        (lambda: groups([0], [-1], [1.0], rows=2, size=1), r"group\[0\] is -1.0"),
        (lambda: groups([nan], [0], [1.0], rows=2, size=1), r"position\[0\] is nan"),
        (lambda: groups([0], [0], [nan], rows=2, size=1), r"weight\[0\] is nan: must be known"),
        (lambda: one_group_each([0.5], size=1), r"group\[0\] is 0.5"),
        (lambda: aggregate([[1.0]], one_group_each([0, 0], size=1)), r"measures has shape \(1, 1\): must have 2 rows"),
        (lambda: aggregate([[np.inf]], one_group_each([0], size=1)), r"measures\[0, 0\] is inf"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_sum_beyond_float64_is_an_error():
    with pytest.raises(FloatingPointError):
        aggregate([[1.7e308], [1.7e308]], one_group_each([0, 0], size=1))
