"""Correlations of returns, from what histories share (methodology, section 7)."""

from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import BoolArray, FloatArray, columns, matrices
from riskmath.covariance import Repaired, nearest_correlation

Number = TypeVar("Number", np.float64, np.int32)

MIN_OVERLAP: Final = 30
"""Sessions that a pair must share."""
MOVES: Final = 1e-12
"""A deviation below this part of the largest return is rounding: the price does not move."""
PANEL: Final = 64
"""Columns whose pairs are computed at a time: few enough for the cache."""


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
    observations: NDArray[np.int32]
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
    if known.all() and len(r) >= min_overlap and (covered := _moving(r, known)).all():
        return _common(r, covered)
    covered = (known.sum(axis=0) >= min_overlap) & _moving(r, known)
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
    z = chosen - np.full(len(r), 1.0 / len(r)) @ chosen
    z /= np.sqrt(np.einsum("tn,tn->n", z, z))
    rho = z.T @ z
    np.clip(rho, -1.0, 1.0, out=rho)
    np.fill_diagonal(rho, 1.0)
    count = np.broadcast_to(np.int32(len(r)), rho.shape)
    return Correlations(
        matrix=_placed(rho, covered, np.nan),
        covered=covered,
        observations=_placed(count, covered, 0),
        window="common",
        distance=0.0,
    )


def _pairwise(filled: FloatArray, known: BoolArray, covered: BoolArray, min_overlap: int, repair: bool) -> Correlations:
    rho, count = _pairs(filled, known.astype(np.float64))
    rho[count < min_overlap] = np.nan
    covered = _without_gaps(rho, covered)
    if not covered.all():
        rho, count = rho[np.ix_(covered, covered)], count[np.ix_(covered, covered)]
    repaired = nearest_correlation(rho) if repair else Repaired(matrix=rho, distance=0.0)
    return Correlations(
        matrix=_placed(repaired.matrix, covered, np.nan),
        covered=covered,
        observations=_placed(count, covered, 0),
        window="pairwise",
        distance=repaired.distance,
    )


def _pairs(filled: FloatArray, there: FloatArray) -> tuple[FloatArray, NDArray[np.int32]]:
    """Correlation of each pair on its own sessions, and how many these are; (N, N).

    Each is computed once, below the diagonal, a panel of rows at a time, and so is the same both ways to the last bit.
    """
    size, squares = filled.shape[1], np.square(filled)
    rho, count = np.empty((size, size)), np.empty((size, size), dtype=np.int32)
    for start in range(0, size, PANEL):
        rows = slice(start, min(start + PANEL, size))
        rho[rows, : rows.stop], count[rows, : rows.stop] = _panel(rows, filled, squares, there)
    np.fill_diagonal(rho, np.where(np.isnan(np.diag(rho)), np.nan, 1.0))
    return _mirrored(rho), _mirrored(count)


def _panel(panel: slice, filled: FloatArray, squares: FloatArray, there: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Correlations of the columns of a panel with all up to its last: all sums are products of returns and masks.

    Formula: (n xy - x y) / sqrt((n xx - x x) (n yy - y y)), each a sum over the n sessions that the two share. The
        returns come with their own mean taken out, so that little is lost in the differences.
    """
    own, own_squares, own_there = (part[:, panel].T for part in (filled, squares, there))
    others, other_squares, others_there = (part[:, : panel.stop] for part in (filled, squares, there))
    count, total, other_total = own_there @ others_there, own @ others_there, own_there @ others
    deviation = _deviation(own_squares @ others_there, total, count)
    deviation *= _deviation(own_there @ other_squares, other_total, count)
    cross = own @ others
    cross *= count
    total *= other_total
    cross -= total
    with np.errstate(divide="ignore", invalid="ignore"):
        cross /= deviation
    return np.clip(cross, -1.0, 1.0, out=cross), count


def _deviation(square: FloatArray, total: FloatArray, count: FloatArray) -> FloatArray:
    """sqrt(n xx - x x); NaN where it is rounding. The sum of squares is overwritten."""
    square *= count
    noise = MOVES * square
    square -= total * total
    square[square <= noise] = np.nan
    return np.sqrt(square, out=square)


def _mirrored(lower: NDArray[Number]) -> NDArray[Number]:
    """The matrix with what is below its diagonal also above it, in place."""
    for start in range(0, len(lower), PANEL):
        stop = start + PANEL
        lower[:start, start:stop] = lower[start:stop, :start].T
        corner = lower[start:stop, start:stop]
        corner[:] = np.tril(corner) + np.tril(corner, -1).T
    return lower


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
