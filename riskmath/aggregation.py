"""Sums of measures by what positions have in common: a tag, an underlying, a sector, a strategy, a currency (section
1).

A position may be in many groups, in each with a part: one of two strategies owns 60 % of it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import BoolArray, FloatArray, columns, refuse_infinity, refuse_missing


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which positions belong to which groups, and with how much of themselves; made once, used for many measures.

    size: number of groups. rows: number of positions. by_group: a sparse matrix, groups by positions. whole: (G,),
    what the sizes of the weights of each group add to.
    """

    size: int
    rows: int
    by_group: Any  # scipy comes without types
    whole: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """Sums of M measures by G groups.

    total: (G, M), over the rows that are known. covered: (G,), share of each group's rows with all measures known, by
    weight; 0 for a group without rows.
    """

    total: FloatArray
    covered: FloatArray


def groups(position: ArrayLike, group: ArrayLike, weight: ArrayLike, *, rows: int, size: int) -> Groups:
    """Memberships as they come: one line for each position in each of its groups.

    Shapes: position, group and weight (L,). Units: position from 0 to rows - 1, group from 0 to size - 1, weight a
        part of the position, 1 for all of it; the same line twice counts twice.
    NaN: not accepted. Errors: ValueError for NaN, infinity, different lengths, a number outside its range.
    """
    from scipy.sparse import csc_array  # type: ignore[import-untyped]  # a tenth of a second: for who aggregates

    place, label, part = columns(position=position, group=group, weight=weight)
    refuse_missing(weight=part)
    where, what = _numbers("position", place, rows), _numbers("group", label, size)
    # by columns: positions are then read in the order in which they lie in memory
    by_group = csc_array((part, (what, where)), shape=(size, rows))
    return Groups(size=size, rows=rows, by_group=by_group, whole=abs(by_group) @ np.ones(rows))


def one_group_each(group: ArrayLike, *, size: int) -> Groups:
    """Every position in one group, or with -1 in none: sectors, currencies, underlyings.

    Shapes: group (N,), from -1 to size - 1. NaN: not accepted. Errors: as `groups`.
    """
    (label,) = columns(group=group)
    inside = np.flatnonzero(label != -1.0)
    return groups(inside, label[inside], np.ones(inside.size), rows=label.size, size=size)


def aggregate(measures: ArrayLike, membership: Groups) -> Aggregate:
    """Sums of measures by group.

    Formula: sum over positions of weight x measure.
    Shapes: measures (N, M), result (G, M). Units: those of the measures; all in one currency.
    NaN: a missing measure is left out of its sum and told in `covered`.
    Errors: ValueError for infinity or a wrong number of rows; FloatingPointError when a sum is beyond float64.
    Source: methodology, section 1. Sums are in the order of the positions, not rounded once as in `sums`.
    """
    values = np.asarray(measures, dtype=np.float64)
    if values.ndim != 2 or len(values) != membership.rows:
        raise ValueError(f"measures has shape {values.shape}: must have {membership.rows} rows")
    matrix = membership.by_group
    with np.errstate(over="ignore", invalid="ignore"):
        total: FloatArray = matrix @ values
    part = membership.whole
    if not np.isfinite(total).all():  # which costs nothing to see, where looking at every measure first would
        refuse_infinity("measures", values)
        missing: BoolArray = np.isnan(values)
        total = matrix @ np.where(missing, 0.0, values)
        part = abs(matrix) @ np.where(missing.any(axis=1), 0.0, 1.0)
    if not np.isfinite(total).all():
        raise FloatingPointError("a sum of measures is beyond float64")
    whole = membership.whole
    return Aggregate(total=total, covered=np.divide(part, whole, out=np.zeros(whole.size), where=whole > 0.0))


def _numbers(name: str, values: FloatArray, size: int) -> NDArray[np.int64]:
    bad = ~((values >= 0.0) & (values < size) & (values == np.floor(values)))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"{name}[{row}] is {values[row]}: must be a whole number from 0 to {size - 1}")
    return values.astype(np.int64)
