"""Sums over sessions that regressions on the same factors need, for many instruments at once.

Instruments with every session share the sums of the factors. For the others these are sums over a mask: one matrix
product of the pairwise products of factors and the masks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import FloatArray, refuse_infinity


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over the observations of each of N instruments, of P factors.

    observations: (N,), or (1,) where no instrument has a gap.
    factors: (1 + P, 1 + P, N), sums of products of [1, factors]; (1 + P, 1 + P, 1) where no instrument has a gap.
    returns: (1 + P, N), sums of [1, factors] times the returns. squares: (N,), sums of squared returns.
    """

    observations: NDArray[np.int64]
    factors: FloatArray
    returns: FloatArray
    squares: FloatArray


def complete_moments(factors: FloatArray, returns: FloatArray) -> Moments:
    """Sums of products of factors and returns, where nothing is missing.

    Shapes: factors (T, P), returns (T, N).
    NaN and infinity: the sum of squares of a column that has any of them is not finite, and this costs nothing to see.
    """
    design = _with_ones(factors)
    with np.errstate(invalid="ignore", over="ignore"):
        return Moments(
            observations=np.array([len(design)]),
            factors=(design.T @ design)[:, :, None],
            returns=design.T @ returns,
            squares=np.einsum("tn,tn->n", returns, returns),
        )


def masked_moments(factors: FloatArray, returns: FloatArray) -> Moments:
    """Sums of products of factors and returns on each instrument's own observations.

    Shapes: factors (T, P), without gaps; returns (T, N). NaN: missing in `returns`, left out.
    Errors: ValueError for infinity in `returns`.
    """
    design = _with_ones(factors)
    known = ~np.isnan(returns)
    filled = np.where(known, returns, 0.0)
    refuse_infinity("returns", filled)
    rows, columns = np.triu_indices(design.shape[1])
    products = (design[:, rows] * design[:, columns]).T @ known.astype(np.float64)
    shared = np.empty((design.shape[1], design.shape[1], returns.shape[1]))
    shared[rows, columns] = products
    shared[columns, rows] = products
    return Moments(
        observations=np.rint(products[0]).astype(np.int64),
        factors=shared,
        returns=design.T @ filled,
        squares=np.einsum("tn,tn->n", filled, filled),
    )


def _with_ones(factors: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(factors)), factors])
