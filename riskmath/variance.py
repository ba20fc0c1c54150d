"""Where the variance of a book comes from: factors, industries, single issuers (methodology, section 4).

Contributions are Euler's: what the volatility grows by when a position grows. They add up exactly, and may be negative,
which is what a hedge is. Squared betas times variances do not add up to anything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import FloatArray, columns, matrices, refuse_missing
from riskmath.covariance import ledoit_wolf

MINIMUM = 60
"""Sessions that the issuers of a sector must share before their residuals are said to move together."""


@dataclass(frozen=True, slots=True, eq=False)
class VarianceDecomposition:
    """Variance of one book, of one session, in parts that add.

    variance: all of it; systematic + specific + industry. volatility: its root.
    exposures, by_factor: (1 + J,), x, and x_k (Fx)_k; they add to `systematic`.
    specific: from the variances of single issuers. industry: from the covariances among them; may be negative.
    contributions: (N,), of positions to the volatility; add to it. percent: (N,), the same as parts of 1.
    marginal: (N,), change of volatility per unit of weight.
    Without variance contributions, percent and marginal are 0.
    """

    variance: float
    volatility: float
    exposures: FloatArray
    by_factor: FloatArray
    systematic: float
    specific: float
    industry: float
    contributions: FloatArray
    percent: FloatArray
    marginal: FloatArray


def specific_covariance(
    residuals: ArrayLike, volatility: ArrayLike, sector: ArrayLike, *, minimum: int = MINIMUM
) -> FloatArray:
    """Covariance of what the factors leave of G issuers: within a sector shrunk, across sectors 0.

    Formula: D R D, D the residual volatilities; R the correlations of `ledoit_wolf` on the sessions that the issuers
        of a sector share, 0 between sectors, and where these are fewer than `minimum`.
    Shapes: residuals (T, G), volatility and sector (G,), result (G, G), of one session.
    Units: residuals of the fits, decimals; volatility with n less parameters, as `FactorFits.residual_volatility`;
        sector a number for each sector.
    NaN: a missing residual is left out; a missing sector is a sector of its own; a missing volatility is a missing row
        and column.
    Errors: ValueError for infinity, different lengths, a volatility below 0.
    Source: methodology, section 4: long one oil company and short another is not two independent bets.
    """
    deviation, group = columns(volatility=volatility, sector=sector)
    (left,) = matrices(residuals=residuals)
    if left.shape[1] != deviation.size:
        raise ValueError(f"residuals has {left.shape[1]} columns, volatility has {deviation.size} rows")
    if (deviation < 0.0).any():
        row = int(np.argmax(deviation < 0.0))
        raise ValueError(f"volatility[{row}] is {deviation[row]}: must be at least 0")
    correlation = np.eye(deviation.size)
    for number in np.unique(group[~np.isnan(group)]):
        members = np.flatnonzero((group == number) & ~np.isnan(deviation))
        together = left[:, members]
        known = ~np.isnan(together).any(axis=1)
        if members.size > 1 and known.sum() >= minimum:
            correlation[np.ix_(members, members)] = _correlation(ledoit_wolf(together[known]).covariance)
    correlation *= deviation[:, None]  # in place: of 5,000 issuers each copy would take 200 MB
    correlation *= deviation
    return correlation


def decompose(
    weights: ArrayLike, betas: ArrayLike, factors: ArrayLike, issuer: ArrayLike, specific: ArrayLike
) -> VarianceDecomposition:
    """Variance of a book, and the part of each factor and position.

    Formula: x = B'w, g_k = sum of w over the positions of issuer k; variance = x'Fx + g'Og, specific = sum O_kk g_k^2,
        industry the rest of g'Og; contribution of position i: w_i [(B F x)_i + (O g)_k(i)] / volatility.
    Shapes: weights (N,), betas (N, 1 + J), factors F (1 + J, 1 + J), issuer (N,), specific O (G, G).
    Units: weights of any kind, signed, delta-adjusted (money gives variance of money); betas as `market_beta` and
        `gamma` of the fits; covariances of one session (x 252: a year). issuer: a row of O from 0 to G - 1, -1 for
        none, such as cash or a benchmark that is the market itself.
    NaN: not accepted; what is not modelled is left out before, and told. Errors: ValueError for NaN, infinity,
        different lengths, an issuer outside the rows of O.
    Source: Euler; Tasche 1999; methodology, section 4. Active risk is this of weights less the benchmark's.
    """
    w, owner = columns(weights=weights, issuer=issuer)
    b, _ = matrices(betas=betas, weights=w[:, None])
    f, o = _square("factors", factors, b.shape[1]), _square("specific", specific, None)
    refuse_missing(weights=w, betas=b, issuer=owner)
    place = _places(owner, len(o))
    x = w @ b
    own = place >= 0
    g = np.bincount(place[own], weights=w[own], minlength=len(o)) if own.any() else np.zeros(len(o))
    by_factor = x * (f @ x)
    image = o @ g
    single = float(np.diag(o) @ np.square(g))
    industry = float(g @ image) - single
    systematic = float(by_factor.sum())
    variance = systematic + single + industry
    volatility = float(np.sqrt(max(variance, 0.0)))
    slope = b @ (f @ x)
    slope[own] += image[place[own]]
    marginal = slope / volatility if volatility > 0.0 else np.zeros(w.size)
    return VarianceDecomposition(
        variance=variance,
        volatility=volatility,
        exposures=x,
        by_factor=by_factor,
        systematic=systematic,
        specific=single,
        industry=industry,
        contributions=w * marginal,
        percent=w * marginal / volatility if volatility > 0.0 else np.zeros(w.size),
        marginal=marginal,
    )


def _correlation(covariance: FloatArray) -> FloatArray:
    deviation = np.sqrt(np.diag(covariance))
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0.0)
    correlation: FloatArray = scale[:, None] * covariance
    correlation *= scale
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _square(name: str, matrix: ArrayLike, size: int | None) -> FloatArray:
    (given,) = matrices(**{name: matrix})
    expected = len(given) if size is None else size
    if given.shape != (expected, expected):
        raise ValueError(f"{name} has shape {given.shape}: must be {expected} by {expected}")
    refuse_missing(**{name: given})
    return given


def _places(issuer: FloatArray, issuers: int) -> NDArray[np.int64]:
    bad = (issuer < -1.0) | (issuer >= issuers) | (issuer != np.floor(issuer))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"issuer[{row}] is {issuer[row]}: must be a row of {issuers}, or -1")
    return issuer.astype(np.int64)
