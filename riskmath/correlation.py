"""Correlations of returns, from what histories share (methodology, section 7)."""

from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import BoolArray, FloatArray, columns, matrices
from riskmath.covariance import Repaired, nearest_correlation

Number = TypeVar("Number", np.float64, np.int64)

MIN_OVERLAP: Final = 30
"""Sessions that a pair must share."""
MOVES: Final = 1e-12
"""A deviation below this part of the largest return is rounding: the price does not move."""


@dataclass(frozen=True, slots=True, eq=False)
class Correlations:
    """Correlations of N columns.

    matrix: (N, N), positive semidefinite among the covered; NaN in the rows and columns of the others.
    covered: (N,), true where a column is in. observations: (N, N), sessions behind each pair.
    window: "common" where all pairs come from the same sessions, "pairwise" where each comes from its own.
    distance: Frobenius norm of the repair that made it positive semidefinite; 0 where none was needed.
    """

    matrix: FloatArray
    covered: BoolArray
    observations: NDArray[np.int64]
    window: Literal["common", "pairwise"]
    distance: float


def correlations(returns: ArrayLike, *, min_overlap: int = MIN_OVERLAP, repair: bool = True) -> Correlations:
    """Correlation matrix of log returns.

    Formula: the correlation of two columns on the sessions that all columns share, where these are `min_overlap` or
        more, else on those that the two share; then the nearest positive semidefinite matrix. A column is left out that
        is known on fewer sessions, or never moves, and then, one by one, the column with the most pairs too short.
    Shapes: returns (T, N). Units: log returns; simple ones of sessions differ little.
    NaN: missing; see above. repair: False leaves pairs as they are, for those who look at them one by one.
    Errors: ValueError for infinity, a `min_overlap` below 2.
    Source: methodology, section 7.
    """
    if min_overlap < 2:
        raise ValueError(f"min_overlap is {min_overlap}: must be at least 2")
    (r,) = matrices(returns=returns)
    known = ~np.isnan(r)
    covered = (known.sum(axis=0) >= min_overlap) & _moving(r, known)
    if covered.all() and known.all():
        return _common(r, covered)
    shared = known[:, covered].all(axis=1)
    if shared.sum() >= min_overlap and _moving(r[shared], known[shared])[covered].all():
        return _common(r[shared], covered)
    mean = np.where(known, r, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return _pairwise(np.where(known, r - mean, 0.0), known, covered, min_overlap, repair)


def with_sides(matrix: ArrayLike, exposure: ArrayLike) -> FloatArray:
    """Correlations as a portfolio has them: a short position is minus its instrument.

    Formula: sign(e_i) sign(e_j) rho_ij. Shapes: matrix (N, N), exposure (N,), result (N, N).
    NaN: stays missing; a missing exposure too. Errors: ValueError for infinity or different lengths.
    """
    (side,) = columns(exposure=exposure)
    rho, _ = matrices(matrix=matrix, exposure=side[:, None])
    sign = np.where(np.isnan(side), np.nan, np.where(side < 0.0, -1.0, 1.0))
    return np.asarray(sign[:, None] * rho * sign)


def average_correlation(matrix: ArrayLike) -> float | None:
    """Mean of the correlations of all pairs that have one; None where none has.

    Shapes: matrix (N, N). NaN: left out. Errors: ValueError for infinity.
    """
    (rho,) = matrices(matrix=matrix)
    pairs = rho[np.triu_indices(len(rho), 1)]
    known = pairs[~np.isnan(pairs)]
    return float(known.mean()) if known.size else None


def market_residuals(returns: ArrayLike, market: ArrayLike) -> FloatArray:
    """What is left of returns when the market is taken out of each on its own sessions.

    Formula: r - mean r - beta (m - mean m), beta = cov(r, m) / var(m).
    Shapes: returns (T, N), market (T,), result (T, N).
    NaN: where either is missing. A column that shares fewer than two moving sessions with the market is NaN.
    Errors: ValueError for infinity or different lengths.
    Source: methodology, section 7, clusters by residual.
    """
    (m,) = columns(market=market)
    r, _ = matrices(returns=returns, market=m[:, None])
    known = ~np.isnan(r) & ~np.isnan(m)[:, None]
    count = np.maximum(known.sum(axis=0), 1)
    moves = np.where(known, m[:, None], 0.0)
    filled = np.where(known, r, 0.0)
    centred = np.where(known, moves - moves.sum(axis=0) / count, 0.0)
    square = np.square(centred).sum(axis=0)
    enough = square > MOVES**2 * np.square(moves).sum(axis=0)
    beta = np.divide((centred * filled).sum(axis=0), square, out=np.full(len(square), np.nan), where=enough)
    left = filled - filled.sum(axis=0) / count - beta * centred
    return np.asarray(np.where(known, left, np.nan))


def _common(r: FloatArray, covered: BoolArray) -> Correlations:
    chosen = r if covered.all() else r[:, covered]
    z = chosen - chosen.mean(axis=0)
    z /= np.sqrt(np.square(z).sum(axis=0))
    rho = z.T @ z
    np.clip(rho, -1.0, 1.0, out=rho)
    np.fill_diagonal(rho, 1.0)
    count = np.broadcast_to(np.int64(len(r)), rho.shape)
    return Correlations(
        matrix=_placed(rho, covered, np.nan),
        covered=covered,
        observations=_placed(count, covered, 0),
        window="common",
        distance=0.0,
    )


def _pairwise(filled: FloatArray, known: BoolArray, covered: BoolArray, min_overlap: int, repair: bool) -> Correlations:
    there = known.astype(np.float64)
    count = there.T @ there
    rho = _pair_correlations(filled, there, count)
    rho[count < min_overlap] = np.nan
    covered = _without_gaps(rho, covered)
    if not covered.all():
        rho, count = rho[np.ix_(covered, covered)], count[np.ix_(covered, covered)]
    repaired = nearest_correlation(rho) if repair else Repaired(matrix=rho, distance=0.0)
    return Correlations(
        matrix=_placed(repaired.matrix, covered, np.nan),
        covered=covered,
        observations=_placed(count.astype(np.int64), covered, 0),
        window="pairwise",
        distance=repaired.distance,
    )


def _pair_correlations(filled: FloatArray, there: FloatArray, count: FloatArray) -> FloatArray:
    """Correlation of each pair on its own sessions: all sums are products of returns, squares and masks.

    The returns come with their own mean taken out, so that little is lost in the differences of sums.
    """
    total = filled.T @ there
    square = np.square(filled).T @ there
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        cross = filled.T @ filled - mean * total.T
        spread = square - mean * total
        spread[spread <= MOVES * square] = np.nan
        np.sqrt(spread, out=spread)
        cross /= spread
        cross /= spread.T
    np.clip(cross, -1.0, 1.0, out=cross)
    np.fill_diagonal(cross, np.where(np.isnan(np.diag(cross)), np.nan, 1.0))
    return np.asarray(np.tril(cross) + np.tril(cross, -1).T)  # the same both ways to the last bit


def _placed(values: NDArray[Number], covered: BoolArray, absent: float) -> NDArray[Number]:
    """The matrix of the covered columns within that of all."""
    if covered.all():
        return values
    whole = np.full((covered.size, covered.size), absent, dtype=values.dtype)
    whole[np.ix_(covered, covered)] = values
    return whole


def _without_gaps(rho: FloatArray, covered: BoolArray) -> BoolArray:
    """The columns that are left when those with the most missing pairs are taken out, the last of equals first."""
    left = covered.copy()
    missing = np.isnan(rho)
    while True:
        gaps = np.where(left, (missing & left).sum(axis=1), 0)
        if not gaps.any():
            return left
        left[len(gaps) - 1 - int(np.argmax(gaps[::-1]))] = False


def _moving(r: FloatArray, known: BoolArray) -> BoolArray:
    """Columns with more than one value: a price that stands still correlates with nothing."""
    if known.all():
        highest, lowest = r.max(axis=0, initial=-np.inf), r.min(axis=0, initial=np.inf)
    else:
        highest = np.where(known, r, -np.inf).max(axis=0, initial=-np.inf)
        lowest = np.where(known, r, np.inf).min(axis=0, initial=np.inf)
    with np.errstate(invalid="ignore"):
        return np.asarray(highest - lowest > MOVES * np.maximum(np.abs(highest), np.abs(lowest)))
