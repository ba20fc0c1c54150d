"""The factor model `market_plus_styles`: market beta and style tilts of many instruments (methodology, section 3).

Regressions on each fund alone, added up, count the market as often as there are funds. Here all coefficients come from
one regression: on the market, and on what each style does beside it, with a ridge on the styles.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import FloatArray, matrices
from riskmath.factor_basis import FactorBasis, complete_basis, factor_basis
from riskmath.factor_moments import Moments, complete_moments, masked_moments
from riskmath.factor_solution import ratio, solve

RIDGE: Final = 0.1
"""Penalty on a standardised style, as a part of the number of observations."""
MINIMUM: Final = 60
"""Observations below which an instrument has no fit of its own."""
BLOCK: Final = 1024
"""Instruments with gaps at a time: few enough for the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class FactorFits:
    """One regression for each of N instruments, on its own observations, on the market and K styles in J regressors.

    observations: (N,). The rest is NaN where these are too few.
    alpha, alpha_error: (N,), return a session beyond the factors'.
    market_beta, market_beta_error, market_beta_t: (N,), cov(r, m) / var(m): the beta that one means.
    gamma: (N, J), coefficients on the residual styles, the ones that variance and stress use beside `market_beta`.
    delta: (N, J), market beta of each regressor on the instrument's observations.
    coefficients, errors, t: (N, 1 + K), on the raw returns of the market and the style funds. The first is what the
        fit adds to the funds; it is not the market beta. Value and Growth mirror each other.
    r2, market_r2, style_r2: (N,), explained part of the variance, and its two parts, which add to it.
    residual_volatility: (N,), of one session, with n less the parameters spent.
    """

    observations: NDArray[np.int64]
    alpha: FloatArray
    alpha_error: FloatArray
    market_beta: FloatArray
    market_beta_error: FloatArray
    market_beta_t: FloatArray
    gamma: FloatArray
    delta: FloatArray
    coefficients: FloatArray
    errors: FloatArray
    t: FloatArray
    r2: FloatArray
    market_r2: FloatArray
    style_r2: FloatArray
    residual_volatility: FloatArray


def market_plus_styles(
    returns: ArrayLike,
    market: ArrayLike,
    styles: ArrayLike,
    *,
    value: int | None = None,
    growth: int | None = None,
    ridge: float = RIDGE,
    minimum: int = MINIMUM,
) -> FactorFits:
    """Joint regression of each instrument on the market and the residual styles.

    Formula: r = alpha + beta m + sum gamma_j e_j + eps on the sessions where the instrument and all factors are known,
        with m and e centred and e orthogonal to m on those sessions, so that beta = cov(r, m) / var(m).
        gamma = (E'E + L)^-1 E'r, L = ridge diag(E'E): ridge x n on styles of variance 1. With H = (Z'Z + L)^-1 Z'Z:
        errors from V = s2 (Z'Z + L)^-1 Z'Z (Z'Z + L)^-1, s2 = SSR / (n - 1 - tr H); t from the fit without ridge;
        R2 = 1 - SSR / SST. On raw returns: b_j = gamma_j, b_market = beta - sum gamma_j delta_j.
    Shapes: returns (T, N), market (T,), styles (T, K); K may be 0.
    Units: simple returns of sessions, decimals. ridge at least 0; 0 is ordinary least squares.
    value, growth: which columns of `styles` they are; where both are given they enter as Growth less Value.
    minimum: observations below which an instrument has no fit; always more than the parameters.
    NaN: missing in `returns` is left out for that instrument alone, in a factor for all. In the result: everything
        but `observations` below the minimum; t and R2 of an instrument that never moves; t and errors where nothing is
        left to explain, or where the styles depend on each other on the instrument's sessions.
    Errors: ValueError for infinity, different lengths, a ridge below 0, and what `factor_basis` refuses.
    Source: methodology, section 3; Hoerl and Kennard, Ridge regression, 1970; Ruppert, Wand and Carroll,
        Semiparametric Regression, 2003, for its errors.
    """
    if not 0.0 <= ridge < np.inf:
        raise ValueError(f"ridge is {ridge}: must be at least 0")
    basis = factor_basis(market, styles, value=value, growth=growth)
    known = ~np.isnan(basis.returns[:, 0])
    r = np.asarray(returns, dtype=np.float64)
    if r.ndim != 2 or len(r) != known.size:
        raise ValueError(f"returns has shape {r.shape}: must have {known.size} rows, as market has")
    factors = complete_basis(basis)
    minimum = max(minimum, factors.shape[1] + 2)
    return _fitted(_Factors.scaled(basis, factors), r if known.all() else r[known], ridge, minimum)


def residuals(returns: ArrayLike, market: ArrayLike, styles: ArrayLike, fits: FactorFits) -> FloatArray:
    """What the factors leave of each return.

    Formula: r - alpha - b_market m - sum b_k f_k. Shapes: as `market_plus_styles`, result (T, N).
    NaN: where the return or a factor is missing, or the instrument has no fit.
    Errors: ValueError for infinity or different lengths.
    """
    r, m, f = matrices(returns=returns, market=np.asarray(market, dtype=np.float64)[:, None], styles=styles)
    return np.asarray(r - fits.alpha - np.hstack([m, f]) @ fits.coefficients.T)


@dataclass(frozen=True, slots=True, eq=False)
class _Factors:
    """A basis with its factors at mean 0 and deviation 1 over the window, for the sake of rounding."""

    basis: FactorBasis
    values: FloatArray
    mean: FloatArray
    scale: FloatArray

    @classmethod
    def scaled(cls, basis: FactorBasis, factors: FloatArray) -> "_Factors":
        mean, scale = factors.mean(axis=0), factors.std(axis=0)
        return cls(basis, (factors - mean) / scale, mean, scale)


def _fitted(factors: _Factors, returns: FloatArray, ridge: float, minimum: int) -> FactorFits:
    """Complete histories together, those with gaps block by block."""
    whole = complete_moments(factors.values, returns)
    gaps = np.flatnonzero(~np.isfinite(whole.squares))
    if gaps.size == 0:
        return _fits(factors, whole, ridge, minimum)
    complete = np.flatnonzero(np.isfinite(whole.squares))
    shared = Moments(whole.observations, whole.factors, whole.returns[:, complete], whole.squares[complete])
    parts = [(complete, shared)] if complete.size else []
    chosen = [gaps[start : start + BLOCK] for start in range(0, gaps.size, BLOCK)]
    fits = [(rows, _fits(factors, sums, ridge, minimum)) for rows, sums in parts]
    fits += [
        (rows, _fits(factors, masked_moments(factors.values, np.take(returns, rows, axis=1)), ridge, minimum))
        for rows in chosen
    ]
    order = np.argsort(np.concatenate([rows for rows, _ in fits]), kind="stable")
    return FactorFits(
        **{
            field.name: np.concatenate([getattr(part, field.name) for _, part in fits])[order]
            for field in fields(FactorFits)
        }
    )


def _fits(factors: _Factors, sums: Moments, ridge: float, minimum: int) -> FactorFits:
    """The solution in the units of the returns, and for the funds that the regressors are made of."""
    solved = solve(sums, ridge)
    styles, free, legs = solved.styles, solved.free, factors.basis.legs
    market_scale, style_scale = factors.scale[0], factors.scale[1:, None]
    own_delta = solved.slope * style_scale / market_scale
    delta = factors.basis.spread_delta[:, None] + own_delta
    market_mean = factors.mean[0] + market_scale * solved.means[0]
    style_mean = factors.mean[1:, None] + style_scale * solved.means[1:] - own_delta * market_mean
    beta, gamma = solved.market_beta / market_scale, styles.gamma / style_scale
    root, free_root = np.sqrt(styles.residual_variance), np.sqrt(free.residual_variance)
    of_market = 1.0 / solved.market_square  # its variance per unit of residual variance
    in_market = delta * market_scale / style_scale
    raw, free_raw = np.sqrt(of_market + styles.form(in_market)), np.sqrt(of_market + free.form(in_market))
    of_mean = (market_mean / market_scale) ** 2 * of_market + styles.form(style_mean / style_scale)
    enough = np.broadcast_to(solved.observations >= minimum, beta.shape)

    def known(values: FloatArray) -> FloatArray:
        result = np.broadcast_to(values, (*values.shape[:-1], beta.size)).T
        if enough.all():
            return result
        return np.where(enough if result.ndim == 1 else enough[:, None], result, np.nan)

    def per_fund(of_the_market: FloatArray, of_styles: FloatArray, signed: FloatArray) -> FloatArray:
        return known(np.vstack([of_the_market, signed @ of_styles]))

    return FactorFits(
        observations=np.broadcast_to(sums.observations, beta.shape),
        alpha=known(solved.mean - beta * market_mean - (gamma * style_mean).sum(axis=0)),
        alpha_error=known(root * np.sqrt(1.0 / np.maximum(solved.observations, 1.0) + of_mean)),
        market_beta=known(beta),
        market_beta_error=known(root * np.sqrt(of_market) / market_scale),
        market_beta_t=known(ratio(solved.market_beta, free_root * np.sqrt(of_market))),
        gamma=known(gamma),
        delta=known(delta),
        coefficients=per_fund(beta - (gamma * delta).sum(axis=0), gamma, legs),
        errors=per_fund(root * raw / market_scale, root * np.sqrt(styles.variances()) / style_scale, np.abs(legs)),
        t=per_fund(
            ratio(solved.market_beta - (free.gamma * in_market).sum(axis=0), free_root * free_raw),
            ratio(free.gamma, free_root * np.sqrt(free.variances())),
            legs,
        ),
        r2=known(solved.market_r2 + solved.style_r2),
        market_r2=known(solved.market_r2),
        style_r2=known(solved.style_r2),
        residual_volatility=known(root),
    )
