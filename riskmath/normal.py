"""The cumulative normal distribution, for callers who have the density already.

`scipy.special.ndtr` decides per element which of three series to use, and on unsorted arguments a processor guesses
wrong: inside Black-Scholes it took half of the time. Here the arguments go through a dozen passes without a branch,
twice as fast, and the far left tail keeps its relative accuracy.
"""

import math
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray

SCRATCH_ROWS: Final = 4

_PER_UNIT = 256
_STEP = 1.0 / _PER_UNIT
_END = 39  # N(-39) is below the smallest float64, N(39) is 1
# Adding this number to x leaves in its last bits the number of steps nearest to x: the last bit of 1.5 x 2^52 is 1.
_ROUNDING = np.array(1.5 * 2.0**52 * _STEP)
_FIRST = int(_ROUNDING.view(np.int64)) - _END * _PER_UNIT
_POINTS = np.arange(-_END * _PER_UNIT, _END * _PER_UNIT + 1) * _STEP
_CUMULATIVE = np.array([0.5 * math.erfc(-point / math.sqrt(2.0)) for point in _POINTS.tolist()])
_HALF_DENSITY = np.exp(-0.5 * _POINTS * _POINTS) / math.sqrt(8.0 * math.pi)


def cumulative(x: FloatArray, half_density: FloatArray, scratch: FloatArray) -> None:
    """Replaces x by N(x), the probability that a standard normal variable is below it.

    Formula: with x0 the point of the table nearest to x, h = x - x0 and n the density,
        N(x) = N(x0) + integral of n from x0 to x = N(x0) + h/2 [n(x) + n(x0) + h/6 (x n(x) - x0 n(x0))],
        the trapezoid with its end correction; it misses h^5/720 n'''', less than 1e-17.
    Shapes: x (N,), overwritten; half_density (N,), n(x)/2; scratch (4, N), overwritten.
    Accuracy: 3e-16 absolute; relative to N(x) 2e-13 down to x = -5, 2e-12 to -8, 2e-10 to -20.
    Domain: |x| up to 1e13, beyond which its steps cannot be counted so. NaN: stays NaN.
    Source: Euler-Maclaurin, Abramowitz and Stegun 1964, 25.4.7; the table by `math.erfc`.
    """
    nearest, nearest_half_density, nearest_cumulative, step = scratch
    np.add(x, _ROUNDING, out=nearest)
    index = step.view(np.int64)
    np.subtract(nearest.view(np.int64), _FIRST, out=index)
    np.subtract(nearest, _ROUNDING, out=nearest)
    np.take(_HALF_DENSITY, index, out=nearest_half_density, mode="clip")
    np.take(_CUMULATIVE, index, out=nearest_cumulative, mode="clip")
    np.subtract(x, nearest, out=step)
    nearest *= nearest_half_density
    x *= half_density
    x -= nearest
    x *= step
    x *= 1.0 / 6.0
    x += half_density
    x += nearest_half_density
    x *= step
    x += nearest_cumulative
