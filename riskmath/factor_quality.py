"""How far a factor fit can be believed, and what stands in where it cannot (methodology, section 3)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import BoolArray, FloatArray, columns, matrices
from riskmath.factor_model import MINIMUM, RIDGE, market_plus_styles


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkBetas:
    """Betas in which short histories lean on their sector.

    betas: (N, K); NaN where neither the instrument nor its sector has any. leaning: (N,), true where the sector is in.
    """

    betas: FloatArray
    leaning: BoolArray


def out_of_sample_r2(
    returns: ArrayLike,
    market: ArrayLike,
    styles: ArrayLike,
    *,
    value: int | None = None,
    growth: int | None = None,
    ridge: float = RIDGE,
    folds: int = 4,
) -> FloatArray:
    """Part of the variance that is explained on sessions that the fit has not seen.

    Formula: the window is cut into `folds` stretches; each is forecast from the fit on the others.
        1 - sum (r - forecast)^2 / sum (r - mean of the others)^2. Below 0: the mean alone forecasts better.
    Shapes: as `market_plus_styles`, result (N,). folds at least 2.
    NaN: missing in `returns` is left out; the result is NaN where any fit has too few observations (each needs two more
        than its parameters), or the returns never move.
    Errors: as `market_plus_styles`; ValueError for fewer than two folds.
    """
    r, m, f = matrices(returns=returns, market=np.asarray(market, dtype=np.float64)[:, None], styles=styles)
    if folds < 2:
        raise ValueError(f"folds is {folds}: must be at least 2")
    sessions, number = r.shape
    fold = np.repeat(np.arange(folds), [len(part) for part in np.array_split(np.arange(sessions), folds)])
    unseen = (fold[:, None] == np.arange(folds))[:, :, None]
    seen = np.where(unseen, np.nan, r[:, None, :])  # every fold's instruments side by side: one fit of all
    fits = market_plus_styles(
        seen.reshape(sessions, -1), m[:, 0], f, value=value, growth=growth, ridge=ridge, minimum=0
    )
    factors = np.hstack([m, f])
    alpha, coefficients = fits.alpha.reshape(folds, number), fits.coefficients.reshape(folds, number, -1)
    forecast = alpha[fold] + np.einsum("tk,tnk->tn", factors, coefficients[fold])
    known = ~np.isnan(r + factors.sum(axis=1)[:, None])
    missed = np.where(known, np.square(r - forecast), 0.0).sum(axis=0)
    total = np.where(known, np.square(r - _mean(seen)[fold]), 0.0).sum(axis=0)
    moves = total > 0.0
    return np.where(moves, 1.0 - missed / np.where(moves, total, 1.0), np.nan)


def shrunk_to_sector(
    betas: ArrayLike, observations: ArrayLike, sector: ArrayLike, *, full: int = MINIMUM
) -> ShrunkBetas:
    """Betas of young instruments, drawn towards the mean of their sector.

    Formula: with n observations below `full`, (n / full) own + (1 - n / full) mean of the sector's instruments with
        `full` observations or more.
    Shapes: betas (N, K) of fits with a low `minimum`, observations and sector (N,); sector a number for each sector.
    NaN: a sector that is not known, and own betas that are missing, which count as n = 0. The result is NaN where an
        instrument is young and its sector has nothing to lean on.
    Errors: ValueError for infinity or different lengths.
    Source: methodology, section 3; Vasicek, A note on using cross-sectional information in Bayesian estimation of
        security betas, 1973.
    """
    n, group = columns(observations=observations, sector=sector)
    own, _ = matrices(betas=betas, observations=n[:, None])
    missing: BoolArray = np.asarray(np.isnan(own).any(axis=1))
    young = (n < full) | missing
    weight = np.where(young, np.where(missing, 0.0, n / full), 1.0)[:, None]
    result = np.where(young[:, None], np.nan, own)
    for number in np.unique(group[~np.isnan(group)]):
        members = group == number
        grown = members & ~young
        if grown.any():
            leaning = members & young
            mean = own[grown].mean(axis=0)
            result[leaning] = np.where(missing[leaning, None], 0.0, own[leaning]) * weight[leaning]
            result[leaning] += mean * (1.0 - weight[leaning])
    return ShrunkBetas(betas=result, leaning=young & ~np.isnan(result).any(axis=1))


def _mean(values: FloatArray) -> FloatArray:
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
