"""Sums that say what is in them.

`numpy.nansum` drops the missing rows and does not tell. Here a sum comes with the mask of the rows it covers. Sums are
rounded once (Shewchuk 1997, as in `math.fsum`): the same book in another order, or on another processor, has the same
total to the last bit.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import BoolArray, FloatArray, columns


@dataclass(frozen=True, slots=True, eq=False)
class KnownSum:
    """A sum over the rows that are known.

    total: sum of the known rows, in their unit; 0 when none is known.
    covered: (N,), true where a row is known and so part of the total.
    """

    total: float
    covered: BoolArray


def sum_known(values: ArrayLike) -> KnownSum:
    """Sum of the values that are not missing.

    Formula: total = sum of values[i] over all i where values[i] is known.
    Shapes: values (N,). Unit: that of the values.
    NaN: missing; left out of the total and false in `covered`.
    Errors: ValueError for infinity; OverflowError when the total is beyond float64.
    Source: Shewchuk, Adaptive precision floating-point arithmetic, 1997.
    """
    (array,) = columns(values=values)
    covered = ~np.isnan(array)
    return KnownSum(total=exact_sum(array[covered]), covered=covered)


def exact_sum(values: FloatArray) -> float:
    """Sum of finite values, rounded once.

    Shapes: values (N,). Unit: that of the values. NaN: not expected; it would make the sum NaN.
    Errors: OverflowError when the sum is beyond float64.
    """
    return math.fsum(values.tolist())
