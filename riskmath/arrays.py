"""What the functions of this package accept as an array, in one place, so that all refuse the same things."""

from collections.abc import Mapping
from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]


def columns(**arguments: ArrayLike) -> tuple[FloatArray, ...]:
    """The arguments as float64 columns, one row per position.

    Shapes: every argument (N,), the same N; N may be 0. Nothing is broadcast: a single price for many positions is
    more often a mistake than a wish.
    NaN: allowed, it stands for a missing value. Infinity never is.
    Errors: ValueError naming the argument, the row and the value, or the two lengths that differ.
    """
    arrays: list[FloatArray] = []
    first, length = "", 0
    for name, value in arguments.items():
        array = np.asarray(value, dtype=np.float64)
        if array.ndim != 1:
            raise ValueError(f"{name} has shape {array.shape}: must have one dimension")
        if not arrays:
            first, length = name, array.size
        if array.size != length:
            raise ValueError(f"{name} has {array.size} rows, {first} has {length}: must be as many")
        _refuse(name, array, np.isinf(array), "must be finite, or NaN where it is missing")
        arrays.append(array)
    return tuple(arrays)


def require_positive(**arguments: FloatArray) -> None:
    """Refuses columns with a row at or below zero; NaN passes, as missing.

    Errors: ValueError naming the argument, the row and the value.
    """
    for name, array in arguments.items():
        _refuse(name, array, array <= 0.0, "must be above 0")


def product(factors: Mapping[str, ArrayLike], positive: Mapping[str, ArrayLike] | None = None) -> FloatArray:
    """Row-by-row product of named columns, the `positive` ones (multipliers, rates of exchange) checked as such.

    Shapes: all (N,), result (N,). NaN: a row with any factor missing is NaN.
    Errors: as `columns` and `require_positive`; FloatingPointError when a product is beyond float64.
    """
    positive = positive or {}
    arrays = columns(**factors, **positive)
    require_positive(**dict(zip(positive, arrays[len(factors) :], strict=True)))
    with np.errstate(over="raise"):
        return reduce(np.multiply, arrays)


def _refuse(name: str, array: FloatArray, bad: BoolArray, rule: str) -> None:
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        raise ValueError(f"{name}[{', '.join(map(str, place))}] is {array[place]}: {rule}")


def matrices(**arguments: ArrayLike) -> tuple[FloatArray, ...]:
    """The arguments as float64 matrices, one row per session and one column per instrument or factor.

    Shapes: every argument (T, any number), the same T.
    NaN: allowed, it stands for a missing value. Infinity never is.
    Errors: ValueError naming the argument, its row and column and the value, or the two lengths that differ.
    """
    arrays: list[FloatArray] = []
    first, length = "", 0
    for name, value in arguments.items():
        array = np.asarray(value, dtype=np.float64)
        if array.ndim != 2:
            raise ValueError(f"{name} has shape {array.shape}: must have two dimensions")
        if not arrays:
            first, length = name, len(array)
        if len(array) != length:
            raise ValueError(f"{name} has {len(array)} rows, {first} has {length}: must be as many")
        refuse_infinity(name, array)
        arrays.append(array)
    return tuple(arrays)


def refuse_infinity(name: str, array: FloatArray) -> None:
    """Refuses infinity in an array of any shape; NaN passes, as missing.

    Errors: ValueError naming the argument, the place and the value.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(array.sum()):  # then nothing in it is infinite; one pass, where a mask would need two
            return
    _refuse(name, array, np.isinf(array), "must be finite, or NaN where it is missing")


def refuse_missing(**arguments: FloatArray) -> None:
    """Refuses NaN, where a function has no use for a missing value.

    Errors: ValueError naming the argument and the place.
    """
    for name, array in arguments.items():
        _refuse(name, array, np.isnan(array), "must be known")
