"""The cumulative normal distribution against two independent implementations, and what holds for any of them."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.special import ndtr

from riskmath import normal


def cumulative(x):
    x = np.array(x, dtype=np.float64)
    with np.errstate(over="ignore"):
        half_density = np.exp(-0.5 * x * x) / math.sqrt(8.0 * math.pi)
    normal.cumulative(x, half_density, np.empty((normal.SCRATCH_ROWS, x.size)))
    return x


@pytest.mark.parametrize(
    ("lowest", "highest", "relative"),
    [(-20.0, -8.0, 2e-10), (-8.0, -5.0, 2e-12), (-5.0, -3.0, 2e-13), (-3.0, 0.0, 1e-14), (0.0, 9.0, 5e-16)],
)
def test_equals_scipy_in_both_tails(lowest, highest, relative):
    x = np.random.default_rng(1).uniform(lowest, highest, 100_000)
    assert np.abs(cumulative(x) / ndtr(x) - 1.0).max() < relative


def test_equals_the_error_function_of_the_standard_library():
    x = np.linspace(-6.0, 6.0, 4_001)
    assert cumulative(x) == pytest.approx([0.5 * math.erfc(-y / math.sqrt(2.0)) for y in x], rel=1e-12)


def test_published_values():
    # Abramowitz and Stegun 1964, table 26.1
    expected = [0.5, 0.84134_47460_68543, 0.97724_98680_51821, 0.99865_01019_68370]
    assert cumulative([0.0, 1.0, 2.0, 3.0]) == pytest.approx(expected, abs=1e-15)


def test_far_out_it_is_0_and_1():
    assert cumulative([-1e13, -1e9, -60.0, -39.0, 39.0, 60.0, 1e9, 1e13]).tolist() == [0.0] * 4 + [1.0] * 4


def test_missing_stays_missing():
    assert np.isnan(cumulative([math.nan, 0.0])).tolist() == [True, False]


@given(st.floats(-12.0, 12.0))
def test_the_tails_add_to_1(x):
    left, right = cumulative([x, -x])
    assert left + right == pytest.approx(1.0, abs=4e-16)


@given(st.floats(-37.0, 9.0), st.floats(1e-6, 2.0))
def test_rises_from_0_to_1(x, step):
    lower, upper = cumulative([x, x + step])
    assert 0.0 <= lower <= upper <= 1.0
