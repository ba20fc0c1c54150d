"""Which columns the factor model regresses on: the market, and what the styles do beside it (methodology, section 3).

Funds that follow styles are nearly the same fund: all of them are mostly the market. What is left of each when the
market is taken out is a factor that a person can read, and a regression can tell from the others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import FloatArray, columns, matrices, refuse_missing

NO_MOVE = 1e-12
"""A residual below this part of the style's own deviation is rounding: the style is a multiple of the market."""


@dataclass(frozen=True, slots=True, eq=False)
class FactorBasis:
    """Factors of a model and the returns that they are made of, over one window.

    legs: (K, J), how K styles make J regressors; Value and Growth make one, the spread, with -1 and 1.
    delta: (K,), each style's own market beta. spread_delta: (J,), the same of the regressors.
    returns: (T, 1 + J), the market and each e = regressor - delta x market; NaN on a session with a factor missing.
    """

    legs: FloatArray
    delta: FloatArray
    returns: FloatArray

    @property
    def spread_delta(self) -> FloatArray:
        """(J,): the market beta of each regressor."""
        return self.delta @ self.legs


@dataclass(frozen=True, slots=True, eq=False)
class Collinearity:
    """How nearly the columns of a regression are one.

    condition_number: largest by smallest eigenvalue of their correlations: 1 for independent columns.
    inflation: (K,), how many times the variance of each coefficient is what it would be for independent columns (VIF).
    """

    condition_number: float
    inflation: FloatArray


def style_legs(styles: int, *, value: int | None = None, growth: int | None = None) -> FloatArray:
    """How styles make regressors: each alone, but Value and Growth together as Growth less Value.

    Shapes: result (K, J): J is K, or K - 1 where both are there; the spread then stands in the place of the earlier.
    Errors: ValueError for an index outside the styles, or the same for both.
    Source: methodology, section 3: the two are near mirror images, and a fund of either gives the spread's sign.
    """
    for name, index in (("value", value), ("growth", growth)):
        if index is not None and not 0 <= index < styles:
            raise ValueError(f"{name} is {index}: must be one of {styles} styles")
    legs = np.eye(styles)
    if value is None or growth is None:
        return legs
    if value == growth:
        raise ValueError(f"growth is {growth}, the same as value: must be two styles")
    legs[:, min(value, growth)] = 0.0
    legs[growth, min(value, growth)], legs[value, min(value, growth)] = 1.0, -1.0
    return np.delete(legs, max(value, growth), axis=1)


def factor_basis(
    market: ArrayLike, styles: ArrayLike, *, value: int | None = None, growth: int | None = None
) -> FactorBasis:
    """The market and the residual styles of a window.

    Formula: delta_k = cov(f_k, m) / var(m) over the sessions on which all factors are known; e = g - delta m, with g
        the styles, or Growth less Value.
    Shapes: market (T,), styles (T, K); K may be 0. Units: simple returns, decimals.
    value, growth: which columns of `styles` they are, None where there is none.
    NaN: a session with any factor missing is left out of delta, and NaN in the result.
    Errors: ValueError for infinity, different lengths, fewer than 3 complete sessions, a market that does not move, or
        a regressor that is a multiple of the market.
    Source: methodology, section 3, step 1.
    """
    (m,) = columns(market=market)
    moves, f = matrices(market=m[:, None], styles=styles)
    legs = style_legs(f.shape[1], value=value, growth=growth)
    complete = ~np.isnan(np.hstack([moves, f])).any(axis=1)
    if complete.sum() < 3:
        raise ValueError(f"market and styles are known together on {complete.sum()} sessions: must be at least 3")
    centred = m[complete] - m[complete].mean()
    if np.ptp(m[complete]) == 0.0:
        raise ValueError("market is the same on every session: must move")
    delta = centred @ (f[complete] - f[complete].mean(axis=0)) / (centred @ centred)
    returns = np.column_stack([m, f @ legs - np.multiply.outer(m, delta @ legs)])
    returns[~complete] = np.nan
    _refuse_multiples(returns[complete, 1:], f[complete] @ legs)
    return FactorBasis(legs=legs, delta=delta, returns=returns)


def collinearity(factors: ArrayLike) -> Collinearity:
    """How nearly factors are one, over the sessions on which all are known.

    Formula: with R their correlations, condition number = largest / smallest eigenvalue of R, VIF = diag(R^-1).
    Shapes: factors (T, K), K at least 1; the raw returns of funds, or a basis.
    NaN: a session with any factor missing is left out.
    Errors: ValueError for infinity, too few sessions, a factor that does not move, or one that depends on the others.
    Source: Belsley, Kuh and Welsch, Regression Diagnostics, 1980.
    """
    (f,) = matrices(factors=factors)
    known = f[~np.isnan(f).any(axis=1)]
    if len(known) <= f.shape[1]:
        raise ValueError(f"factors are known together on {len(known)} sessions: must be more than {f.shape[1]}")
    centred = known - known.mean(axis=0)
    deviation = np.sqrt(np.square(centred).sum(axis=0))
    if (deviation == 0.0).any():
        raise ValueError(f"factors[:, {int(np.argmin(deviation))}] is the same on every session: must move")
    # through singular values of the columns themselves: their squares would lose half of the digits
    _, singular, right = np.linalg.svd(centred / deviation, full_matrices=False)
    if singular[-1] <= NO_MOVE * singular[0]:
        raise ValueError("factors depend on each other: must be independent columns")
    inflation = np.square(right / singular[:, None]).sum(axis=0)
    return Collinearity(condition_number=float((singular[0] / singular[-1]) ** 2), inflation=inflation)


def complete_basis(basis: FactorBasis) -> FloatArray:
    """The returns of a basis on the sessions that have all of them, (T', 1 + J)."""
    known: FloatArray = basis.returns[~np.isnan(basis.returns[:, 0])]
    refuse_missing(basis=known)
    return known


def _refuse_multiples(residual: FloatArray, regressor: FloatArray) -> None:
    flat = residual.std(axis=0) <= NO_MOVE * np.abs(regressor).max(axis=0, initial=0.0)
    if flat.any():
        raise ValueError(f"regressor {int(np.argmax(flat))} of the styles is a multiple of the market: must be more")
