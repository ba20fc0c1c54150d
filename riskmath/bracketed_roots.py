"""Where many functions of one variable cross zero, each between two points that enclose it."""

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import FloatArray, columns

LEAST_PART: Final = 1e-6
MOST_STEPS: Final = 60

Rows: TypeAlias = NDArray[np.intp]


def bracketed_roots(
    miss: Callable[[Rows, FloatArray], FloatArray], low: ArrayLike, high: ArrayLike, tolerance: ArrayLike
) -> FloatArray:
    """Points at which functions that rise through zero are zero.

    Formula: Chandrupatla: the solution is kept between a point that is too low and one that is too high, and looked
        for by inverse quadratic interpolation where three points promise that, by halving elsewhere. Each row stops by
        itself, so that it does not matter which others there are.
    Shapes: low, high and tolerance (N,), result (N,). miss is called with the rows that are still open, (n,), and a
        point for each, and gives their values, (n,).
    Units: of the argument; tolerance of the value: how near to zero is zero.
    NaN: rows that are not below zero at `low` and above it at `high`.
    Errors: ValueError for infinity or different lengths; what `miss` raises.
    Source: Chandrupatla, A new hybrid quadratic/bisection algorithm, Advances in Engineering Software 28, 1997.
    """
    near, far, enough = columns(low=low, high=high, tolerance=tolerance)
    found = np.full(near.size, np.nan)
    every = np.arange(near.size)
    near_miss, far_miss = miss(every, near), miss(every, far)
    rows = np.flatnonzero((near_miss < 0.0) & (far_miss > 0.0))
    points = np.stack([near, near_miss, far, far_miss])[:, rows]
    part = np.full(rows.size, 0.5)
    for _ in range(MOST_STEPS):
        if not rows.size:
            break
        near, near_miss, far, far_miss = points
        tried = near + part * (far - near)
        value = miss(rows, tried)
        found[rows] = tried
        still_open = np.abs(value) > enough[rows]
        same_side = np.sign(value) == np.sign(near_miss)
        left = np.where(same_side, points[:2], points[2:])
        points = np.stack([tried, value, *np.where(same_side, points[2:], points[:2])])[:, still_open]
        part = _next_part(points, left[:, still_open])
        rows = rows[still_open]
    return found


def _next_part(points: FloatArray, left: FloatArray) -> FloatArray:
    """How far to go from the nearer point to the farther one, as a part of the way."""
    near, near_miss, far, far_miss = points
    other, other_miss = left
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (near - far) / (other - far)
        steepness = (near_miss - far_miss) / (other_miss - far_miss)
        smooth = (steepness**2 < distance) & ((1 - steepness) ** 2 < 1 - distance)
        part = near_miss / (far_miss - near_miss) * other_miss / (far_miss - other_miss) + (other - near) / (
            far - near
        ) * near_miss / (other_miss - near_miss) * far_miss / (other_miss - far_miss)
    return np.where(smooth, np.clip(part, LEAST_PART, 1 - LEAST_PART), 0.5)
