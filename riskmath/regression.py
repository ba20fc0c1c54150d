"""Least squares of many series on the same few, with errors that bear autocorrelation (sections 3 and 6).

The general tool, for factors as they are; `factor_model` is the one for stocks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import BoolArray, FloatArray, matrices

LAGS: Final = 7
"""Lags of the autocorrelation that standard errors allow for."""


@dataclass(frozen=True, slots=True, eq=False)
class LeastSquares:
    """One regression for each of N series on K columns, on its own observations.

    observations: (N,). alpha: (N,). coefficients, errors, t: (N, K). r2: (N,). residual_volatility: (N,), with n - K -
        1.
    """

    observations: NDArray[np.int64]
    alpha: FloatArray
    coefficients: FloatArray
    errors: FloatArray
    t: FloatArray
    r2: FloatArray
    residual_volatility: FloatArray


def least_squares(
    returns: ArrayLike, regressors: ArrayLike, *, hac_lags: int | None = None, minimum: int = 2
) -> LeastSquares:
    """Ordinary least squares with a constant.

    Formula: b = (X'X)^-1 X'y; errors from s2 (X'X)^-1, s2 = SSR / (n - K - 1), or with `hac_lags` L by Newey and West:
        (X'X)^-1 [G_0 + sum_{l=1}^{L} (1 - l / (L + 1)) (G_l + G_l')] (X'X)^-1, G_l = sum_t u_t u_{t-l} x_t x_{t-l}',
        with lags counted in observations, and no correction for the size of the sample.
    Shapes: returns (T, N), regressors (T, K), K at least 1. Units: those of y per unit of x.
    NaN: a session with the series or any regressor missing is left out. All is NaN but `observations` where these are
        fewer than `minimum`, or not more than K + 1, or the regressors depend on each other there; R2 and t where
        nothing moves or nothing is left.
    Errors: ValueError for infinity, different lengths, lags below 0.
    Source: Newey and West, A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent
        covariance matrix, 1987.
    """
    if hac_lags is not None and hac_lags < 0:
        raise ValueError(f"hac_lags is {hac_lags}: must be at least 0")
    y, x = matrices(returns=returns, regressors=regressors)
    known = ~np.isnan(y) & ~np.isnan(x.sum(axis=1))[:, None]
    count = known.sum(axis=0)
    number, size = y.shape[1], x.shape[1]
    result = np.full((number, 3 * size + 3), np.nan)
    for chosen in _alike(known):  # series with the same gaps share one inverse
        mask = known[:, chosen[0]]
        if mask.sum() >= max(minimum, size + 2):
            result[chosen] = _solved(y[np.ix_(mask, chosen)], x[mask], hac_lags)
    coefficients, errors = result[:, 1 : size + 1], result[:, size + 1 : 2 * size + 1]
    return LeastSquares(
        observations=count,
        alpha=result[:, 0],
        coefficients=coefficients,
        errors=errors,
        t=result[:, 2 * size + 1 : 3 * size + 1],
        r2=result[:, -2],
        residual_volatility=result[:, -1],
    )


def _alike(known: BoolArray) -> Iterable[list[int]]:
    """The columns of a mask in groups that are equal."""
    groups: dict[bytes, list[int]] = {}
    for column, bits in enumerate(np.packbits(known, axis=0).T):
        groups.setdefault(bits.tobytes(), []).append(column)
    return groups.values()


def _solved(y: FloatArray, x: FloatArray, lags: int | None) -> FloatArray:
    """Rows of alpha, coefficients, errors, t, R2 and residual volatility; (N, 3 K + 3)."""
    mean, scale = x.mean(axis=0), x.std(axis=0)
    size = x.shape[1]
    nothing = np.full((y.shape[1], 3 * size + 3), np.nan)
    if (scale <= 1e-14 * np.abs(x).max(axis=0)).any():
        return nothing
    z = (x - mean) / scale
    left, singular, right = np.linalg.svd(z, full_matrices=False)
    if singular[-1] <= 1e-12 * singular[0]:
        return nothing
    pseudo = (right.T / singular) @ left.T  # of the centred columns; the constant is orthogonal to them
    centred = y - y.mean(axis=0)
    b = pseudo @ centred
    residual = centred - z @ b
    total, rest = np.square(centred).sum(axis=0), np.square(residual).sum(axis=0)
    rest = np.where(rest > 1e-28 * len(y) * np.square(y).max(axis=0), rest, 0.0)
    variance = rest / (len(y) - size - 1.0)
    spread = _variances(pseudo, residual, variance, lags)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(spread > 0.0, b / np.sqrt(spread), np.nan)
        r2 = np.where(total > 0.0, 1.0 - rest / total, np.nan)
    slope = b / scale[:, None]
    alpha = y.mean(axis=0) - mean @ slope
    return np.vstack([alpha, slope, np.sqrt(spread) / scale[:, None], t, r2, np.sqrt(variance)]).T


def _variances(pseudo: FloatArray, residual: FloatArray, variance: FloatArray, lags: int | None) -> FloatArray:
    """Variances of the coefficients, (K, N): those of sums over sessions of residual x row of the pseudo-inverse."""
    if lags is None:
        return np.asarray(np.square(pseudo).sum(axis=1)[:, None] * variance)
    spread = np.empty((len(pseudo), residual.shape[1]))
    for row, weight in enumerate(pseudo):
        score = weight[:, None] * residual
        spread[row] = np.square(score).sum(axis=0)
        for lag in range(1, min(lags, len(score) - 1) + 1):
            spread[row] += 2.0 * (1.0 - lag / (lags + 1.0)) * (score[lag:] * score[:-lag]).sum(axis=0)
    return np.maximum(spread, 0.0)
