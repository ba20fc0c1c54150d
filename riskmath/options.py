"""What all option models share: the sides of the contract, the values they answer with, and the units of these."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import FloatArray, columns

CALL: Final = 1.0
"""The right to buy, as models take it."""
PUT: Final = -1.0
"""The right to sell."""

DAYS_A_YEAR: Final = 365.0
"""Calendar days, by which theta is quoted."""
POINTS: Final = 100.0
"""Volatility points, or percentage points of a rate, in 1.00: what vega and rho are quoted by."""


@dataclass(frozen=True, slots=True, eq=False)
class OptionValues:
    """Prices of options and their Greeks per unit of the underlying, in the units that traders quote.

    All (N,); a row is NaN in every column where the option cannot be valued.
    price: in the currency of spot. delta: per 1.00 of spot. gamma: of delta, per 1.00 of spot.
    theta: per calendar day, usually negative. vega: per volatility point (0.01). rho: per percentage point (0.01).
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    theta: FloatArray
    vega: FloatArray
    rho: FloatArray


def option_columns(right: ArrayLike, **terms: ArrayLike) -> Mapping[str, FloatArray]:
    """The terms of options as float64 columns by name, `right` among them.

    Shapes: all (N,), the same N.
    NaN: allowed, it stands for a missing value.
    Errors: as `columns`; ValueError naming the row and the value of a `right` that is neither CALL nor PUT.
    """
    arrays = dict(zip((*terms, "right"), columns(**terms, right=right), strict=True))
    sides = arrays["right"]
    proper = np.abs(sides) == 1.0
    if not proper.all() and not (proper | np.isnan(sides)).all():
        row = int(np.argmin(proper | np.isnan(sides)))
        raise ValueError(f"right[{row}] is {sides[row]}: must be 1 for a call or -1 for a put")
    return arrays


def aligned(rows: int, size: int) -> FloatArray:
    """Room for intermediate results, (rows, size), uninitialised, each row at a multiple of 64 bytes.

    A row that straddles cache lines costs a vector processor up to twice the time.
    """
    per_line = 8
    width = -(-size // per_line) * per_line
    room = np.empty(rows * width + per_line)
    start = (-room.ctypes.data % 64) // 8
    return room[start : start + rows * width].reshape(rows, width)[:, :size]
