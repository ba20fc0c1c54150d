"""How far a book is more than one bet (methodology, section 7)."""

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import FloatArray, columns, matrices, refuse_missing
from riskmath.covariance import TOLERANCE


def effective_bets(weights: ArrayLike, covariance: ArrayLike) -> float | None:
    """Number of independent bets that a book amounts to.

    Formula: exp(-sum p_k ln p_k), p_k = (v_k' w)^2 lambda_k / w'Cw the share of the variance of principal portfolio k.
    Shapes: weights (N,), covariance (N, N). Units: of weights any, signed. Result from 1 to N; None without variance.
    NaN: not accepted. Errors: ValueError for NaN, infinity, different lengths, a covariance with a negative eigenvalue.
    Source: Meucci, Managing diversification, 2009.
    """
    w, c = _book(weights, covariance)
    values, vectors = np.linalg.eigh(c)
    if values.size and values[0] < -TOLERANCE * max(values[-1], 0.0):
        raise ValueError(f"covariance has the eigenvalue {values[0]}: must be positive semidefinite")
    part = np.square(vectors.T @ w) * np.maximum(values, 0.0)
    total = part.sum()
    if not total > 0.0:
        return None
    share = part[part > 0.0] / total
    return float(np.exp(-(share * np.log(share)).sum()))


def diversification_ratio(weights: ArrayLike, covariance: ArrayLike) -> float | None:
    """Volatility that a book would have if everything in it moved as one, by the one it has.

    Formula: sum |w_i| sigma_i / sqrt(w'Cw). At least 1; a hedge raises it, and where it is perfect there is none.
    Shapes, units, NaN and errors: as `effective_bets`. None without variance.
    Source: Choueifaty and Coignard, Toward maximum diversification, 2008; |w| for short positions.
    """
    w, c = _book(weights, covariance)
    alone = float(np.abs(w) @ np.sqrt(np.maximum(np.diag(c), 0.0)))
    variance = float(w @ c @ w)
    return alone / variance**0.5 if variance > TOLERANCE**2 * alone**2 else None


def diversification_score(weights: ArrayLike, correlation: ArrayLike) -> float | None:
    """Average size of the correlations of a book, by weight: the documented score. 0 diversified, 1 not.

    Formula: sum_{i<j} |w_i w_j rho_ij| / sum_{i<j} |w_i w_j|. It calls a hedge a concentration, which is why the
        `diversification_ratio` stands beside it.
    Shapes: weights (N,), correlation (N, N). NaN: a pair without a correlation is left out of both sums.
    Errors: ValueError for infinity, different lengths, a missing weight. None with fewer than two weights that count.
    Source: methodology, section 7.
    """
    (w,) = columns(weights=weights)
    refuse_missing(weights=w)
    rho, _ = matrices(correlation=correlation, weights=w[:, None])
    known = ~np.isnan(rho) & ~np.eye(len(w), dtype=bool)
    pairs = np.abs(np.multiply.outer(w, w)) * known
    total = float(pairs.sum())
    return float((pairs * np.abs(np.nan_to_num(rho))).sum()) / total if total > 0.0 else None


def _book(weights: ArrayLike, covariance: ArrayLike) -> tuple[FloatArray, FloatArray]:
    (w,) = columns(weights=weights)
    c, _ = matrices(covariance=covariance, weights=w[:, None])
    refuse_missing(weights=w, covariance=c)
    if c.shape[0] != c.shape[1]:
        raise ValueError(f"covariance has shape {c.shape}: must be square")
    return w, c
