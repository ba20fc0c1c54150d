"""Roots of many functions, against scipy's solver, and where there is none."""

import numpy as np
import pytest
from scipy.optimize import brentq

from riskmath.bracketed_roots import bracketed_roots

TARGETS = np.array([0.5, 2.0, 30.0, 9.9])
POWERS = np.array([1.0, 3.0, 5.0, 0.5])


def miss(rows, tried):
    return np.exp(tried) * tried ** POWERS[rows] - TARGETS[rows]


def solve(rows=slice(None)):
    low, high = np.full(4, 1e-3), np.full(4, 5.0)
    chosen = np.arange(4)[rows]
    return bracketed_roots(
        lambda open_rows, tried: miss(chosen[open_rows], tried), low[rows], high[rows], np.full(4, 1e-12)[rows]
    )


def test_roots_are_those_of_another_solver():
    expected = [brentq(lambda x, n=n: miss(n, x), 1e-3, 5.0, xtol=1e-14) for n in range(4)]
    assert solve() == pytest.approx(expected, rel=1e-10)


def test_a_row_does_not_depend_on_the_others():
    assert [solve(slice(row, row + 1))[0] for row in range(4)] == solve().tolist()


def test_what_does_not_cross_zero_has_no_root():
    found = bracketed_roots(lambda rows, x: x + np.array([1.0, -9.0, np.nan])[rows], [0.0] * 3, [1.0] * 3, [1e-9] * 3)
    assert np.isnan(found).all()
    assert bracketed_roots(lambda rows, x: x, [], [], []).size == 0


def test_infinity_is_refused():
    with pytest.raises(ValueError, match="high"):
        bracketed_roots(lambda rows, x: x, [0.0], [np.inf], [1e-9])
