"""Covariances of returns: weighted towards today, shrunk, and repaired where they contradict themselves (section 4).

Returns of sessions are taken around 0, not around their mean: over weeks the mean is noise, and taking it out hides the
very drift that a fall is made of. Results are of one session; times 252 they are of a year.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import BoolArray, FloatArray, matrices, refuse_missing

DECAY: Final = 0.94
"""What RiskMetrics gives yesterday beside today: 32 sessions in effect."""
CORRELATION_HALF_LIFE: Final = 60.0
VOLATILITY_HALF_LIFE: Final = 20.0
TOLERANCE: Final = 1e-10
"""Eigenvalues above minus this part of the largest count as not negative."""
ITERATIONS: Final = 500
DIAGONAL: Final = 1e-4
"""How far the diagonal of a repaired matrix may be from 1 before it is scaled to it."""


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkCovariance:
    """A sample covariance drawn towards its diagonal.

    covariance: (N, N), of one session. shrinkage: how far, from 0 to 1.
    """

    covariance: FloatArray
    shrinkage: float


@dataclass(frozen=True, slots=True, eq=False)
class Repaired:
    """The nearest matrix that some returns could have. matrix: (N, N). distance: Frobenius norm of the change."""

    matrix: FloatArray
    distance: float


def decay_of(half_life: float) -> float:
    """The weight of a session beside the next, so that a session `half_life` ago counts half.

    Formula: 2^(-1 / half_life). Units: sessions. Errors: ValueError where half_life is not above 0.
    """
    if not half_life > 0.0:
        raise ValueError(f"half_life is {half_life}: must be above 0")
    return float(2.0 ** (-1.0 / half_life))


def ewma_covariance(returns: ArrayLike, decay: float = DECAY) -> FloatArray:
    """Covariance with exponentially falling weights.

    Formula: sum_t d^(age t) r_t r_t' / sum_t d^(age t) over the sessions on which all columns are known; the last row
        has age 0, and a session that is left out ages the ones before it all the same.
    Shapes: returns (T, N), result (N, N). Units: decimals; the result is of one session.
    NaN: a session with any return missing is left out.
    Errors: ValueError for infinity, no complete session, a decay outside (0, 1].
    Source: RiskMetrics Technical Document, 4th edition, 1996, section 5.
    """
    scaled = ewma_weighted(returns, decay)
    return np.asarray(scaled.T @ scaled)


def ewma_weighted(returns: ArrayLike, decay: float = DECAY) -> FloatArray:
    """Returns times the root of their weights, whose product with themselves is the `ewma_covariance`.

    Formula: sqrt(d^(age t) / sum_t d^(age t)) r_t, over the sessions on which all columns are known.
    Shapes: returns (T, N), result (sessions, N). Units, NaN, errors and source: as `ewma_covariance`.
    """
    if not 0.0 < decay <= 1.0:
        raise ValueError(f"decay is {decay}: must be above 0 and at most 1")
    (r,) = matrices(returns=returns)
    weight = decay ** np.arange(len(r) - 1.0, -1.0, -1.0)
    missing = np.isnan(r).any(axis=1)
    if missing.any():
        r, weight = r[~missing], weight[~missing]
    if not len(r) or weight[-1] == 0.0:
        raise ValueError("returns has no session young enough on which all columns are known")
    return np.asarray(np.sqrt(weight / weight.sum())[:, None] * r)


def two_speed_covariance(
    returns: ArrayLike,
    *,
    correlation_half_life: float = CORRELATION_HALF_LIFE,
    volatility_half_life: float = VOLATILITY_HALF_LIFE,
) -> FloatArray:
    """Covariance whose volatilities forget faster than its correlations.

    Formula: D R D, R the correlations of `ewma_covariance` at the one half-life, D the volatilities at the other.
    Shapes, units, NaN and errors: as `ewma_covariance`. A column that never moves has 0 everywhere.
    Source: methodology, section 4; Menchero, Orr and Wang, The Barra US equity model (USE4), 2011.
    """
    slow = ewma_covariance(returns, decay_of(correlation_half_life))
    fast = np.sqrt(np.diag(ewma_covariance(returns, decay_of(volatility_half_life))))
    deviation = np.sqrt(np.diag(slow))
    scale = np.divide(fast, deviation, out=np.zeros_like(fast), where=deviation > 0.0)
    return np.asarray(scale[:, None] * slow * scale)


def ewma_volatility(returns: ArrayLike, decay: float = DECAY) -> FloatArray:
    """What the volatility of the next session is, seen from each session, with the one before the first unknown.

    Formula: s2(t + 1) = d s2(t) + (1 - d) r(t)^2, started at the mean square of all.
    Shapes: returns (T, N), result (T + 1, N): row t is known before session t, the last one after all.
    NaN: a missing return leaves the volatility as it was; a column without any return is NaN.
    Errors: ValueError for infinity, a decay outside (0, 1).
    Source: as `ewma_covariance`.
    """
    if not 0.0 < decay < 1.0:
        raise ValueError(f"decay is {decay}: must be between 0 and 1")
    (r,) = matrices(returns=returns)
    known = ~np.isnan(r)
    squares = np.where(known, np.square(r), 0.0)
    count = known.sum(axis=0)
    variance = np.empty((len(r) + 1, r.shape[1]))
    variance[0] = np.where(count > 0, squares.sum(axis=0) / np.maximum(count, 1), np.nan)
    weight = np.where(known, 1.0 - decay, 0.0)
    for now, later, square, share in zip(variance[:-1], variance[1:], squares, weight, strict=True):
        np.add(now, share * (square - now), out=later)
    return np.sqrt(variance)


def ledoit_wolf(returns: ArrayLike) -> ShrunkCovariance:
    """Sample covariance, drawn towards its own diagonal as far as the sample is noise.

    Formula: on columns divided by their deviation, S = R'R / T around their means; with mu the mean of its diagonal
        (1), d2 = |S - I|^2, b2 = min(d2, sum_t |r_t r_t' - S|^2 / T^2), the correlations are S + (b2 / d2)(I - S).
    Shapes: returns (T, N), result (N, N), of one session; on the diagonal the sample variance, divided by T.
    NaN: a session with any return missing is left out.
    Errors: ValueError for infinity, fewer than two complete sessions. A column that never moves keeps 0.
    Source: Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, 2004, on
        standardised columns, so that its target is the diagonal.
    """
    (r,) = matrices(returns=returns)
    known = r[~np.isnan(r).any(axis=1)]
    if len(known) < 2:
        raise ValueError(f"returns has {len(known)} complete sessions: must be at least 2")
    centred = known - known.mean(axis=0)
    deviation = np.sqrt(np.square(centred).mean(axis=0))
    moves = deviation > 0.0
    z = centred[:, moves] / deviation[moves]
    sample = z.T @ z / len(z)
    distance = float(np.square(sample).sum()) - len(sample)
    noise = (float(np.square(np.square(z).sum(axis=1)).sum()) / len(z) - float(np.square(sample).sum())) / len(z)
    shrinkage = min(max(noise, 0.0) / distance, 1.0) if distance > 0.0 else 1.0
    correlation = np.eye(len(deviation))
    correlation[np.ix_(moves, moves)] = (1.0 - shrinkage) * sample + shrinkage * np.eye(len(sample))
    return ShrunkCovariance(covariance=deviation[:, None] * correlation * deviation, shrinkage=shrinkage)


def is_psd(matrix: ArrayLike) -> bool:
    """Whether a symmetric matrix is positive semidefinite, but for rounding. Errors: as `nearest_correlation`."""
    values = np.linalg.eigvalsh(_symmetric(matrix))
    return bool(values.size == 0 or values[0] >= -TOLERANCE * max(1.0, values[-1]))


def nearest_correlation(matrix: ArrayLike) -> Repaired:
    """The correlation matrix that is nearest to one pieced together from pairs.

    Formula: min |X - A| in the Frobenius norm over X positive semidefinite with 1 on the diagonal. X is the positive
        part of A + diag(y), with y the minimum of |(A + diag y)_+|^2 / 2 - sum y, found by a quasi-Newton method.
    Shapes: matrix (N, N), result the same. A matrix that is one already comes back as it is, with distance 0.
    NaN: not accepted. Errors: ValueError for NaN, infinity, a matrix that is not square and symmetric;
        ArithmeticError when 500 rounds do not settle it.
    Source: Higham, Computing the nearest correlation matrix, 2002, for the problem; Malick, A dual approach to
        semidefinite least-squares problems, 2004, for the way: tens of eigenvalue problems, not hundreds.
    """
    given = _symmetric(matrix)
    if is_psd(given) and np.allclose(np.diag(given), 1.0, rtol=0.0, atol=TOLERANCE):
        return Repaired(matrix=given.copy(), distance=0.0)
    from scipy.optimize import minimize  # type: ignore[import-untyped]  # scipy has no types; slow to import

    def dual(y: FloatArray) -> tuple[float, FloatArray]:
        part = _psd_part(given + np.diag(y))
        return 0.5 * float(np.square(part).sum()) - float(y.sum()), np.diag(part) - 1.0

    limits = {"maxiter": ITERATIONS, "maxfun": 2 * ITERATIONS, "gtol": 1e-9, "ftol": 0.0}
    found = minimize(dual, np.zeros(len(given)), jac=True, method="L-BFGS-B", options=limits)
    part = _psd_part(given + np.diag(found.x))
    deviation = np.sqrt(np.diag(part))
    if np.abs(deviation - 1.0).max() > DIAGONAL:
        raise ArithmeticError(f"the nearest correlation matrix is not found in {ITERATIONS} rounds")
    repaired = part / deviation[:, None] / deviation
    np.fill_diagonal(repaired, 1.0)
    return Repaired(matrix=repaired, distance=float(np.linalg.norm(repaired - given)))


def nearest_covariance(matrix: ArrayLike) -> Repaired:
    """The covariance with the same variances whose correlations are nearest.

    Formula: D X D, X the `nearest_correlation` of D^-1 A D^-1 and D the deviations; the distance is that of X.
    Shapes, NaN and errors: as `nearest_correlation`; ValueError for a variance that is not above 0.
    """
    given = _symmetric(matrix)
    variance = np.diag(given)
    if (variance <= 0.0).any():
        row = int(np.argmin(variance))
        raise ValueError(f"matrix[{row}, {row}] is {variance[row]}: must be above 0")
    deviation = np.sqrt(variance)
    repaired = nearest_correlation(given / deviation[:, None] / deviation)
    return Repaired(matrix=repaired.matrix * deviation[:, None] * deviation, distance=repaired.distance)


def _psd_part(matrix: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def _symmetric(matrix: ArrayLike) -> FloatArray:
    (given,) = matrices(matrix=matrix)
    if given.shape[0] != given.shape[1]:
        raise ValueError(f"matrix has shape {given.shape}: must be square")
    refuse_missing(matrix=given)
    uneven: BoolArray = np.abs(given - given.T) > TOLERANCE * np.abs(given).max(initial=1.0)
    if uneven.any():
        row, column = np.argwhere(uneven)[0]
        raise ValueError(f"matrix[{row}, {column}] is {given[row, column]}, mirrored {given[column, row]}")
    return np.asarray((given + given.T) / 2.0)
