"""Ridge regressions from their sums, for many instruments at once; the algebra of `factor_model`."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.factor_moments import Moments
from riskmath.small_matrices import diagonals, images, inverses

EXPLAINED: Final = 1e-14
"""A sum of squared residuals below this part of the total is rounding: nothing is left to explain."""


@dataclass(frozen=True, slots=True, eq=False)
class StyleFit:
    """Coefficients on styles, with some ridge; (J, N), or (J, 1) where it is the same for all.

    gamma: (J, N). inverse: (J, J, N), of E'E + penalty. penalty: (J, N), diagonal. spent: (N,), tr H.
    residual_variance: (N,), with n less the parameters spent.
    """

    gamma: FloatArray
    inverse: FloatArray
    penalty: FloatArray
    explained: FloatArray
    spent: FloatArray
    residual_variance: FloatArray

    def form(self, vector: FloatArray) -> FloatArray:
        """v'Vv, (N,), with V = G E'E G = G - G penalty G the covariance of gamma per unit of residual variance."""
        image = images(self.inverse, vector)
        return np.asarray((vector * image - self.penalty * image**2).sum(axis=0))

    def variances(self) -> FloatArray:
        """Diagonal of the same, (J, N)."""
        shrunk = (self.inverse**2 * self.penalty[None]).sum(axis=1)
        return np.asarray(diagonals(self.inverse) - shrunk)


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Joint regressions on the market and the styles; (N,) or (J, N), N 1 where all instruments share it.

    mean: of the returns. means: (1 + J, N), of the factors on the instrument's observations.
    slope: (J, N), of each style on the market, there. market_square: sum of squares of the centred market.
    market_beta: its coefficient. styles: the fit that is used. free: the fit without ridge, for t.
    market_r2, style_r2: parts of the variance explained.
    """

    observations: FloatArray
    mean: FloatArray
    means: FloatArray
    slope: FloatArray
    market_square: FloatArray
    market_beta: FloatArray
    styles: StyleFit
    free: StyleFit
    market_r2: FloatArray
    style_r2: FloatArray


def solve(sums: Moments, ridge: float) -> Solution:
    """Coefficients, fit and variances of all instruments.

    Formula: see `market_plus_styles`. Factors are centred, and styles made orthogonal to the market, in the sums:
        C = X'X - n mean mean', then E'E = C - slope slope' m'm.
    NaN: R2 where the returns do not move; coefficients where the market does not move on the observations, or the
        styles are singular there.
    """
    n = sums.observations.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums.factors[0, 1:] / n
        cross = sums.factors[1:, 1:] - n * means[:, None] * means[None]
        with_returns = sums.returns[1:] - means * sums.returns[0]
        mean = sums.returns[0] / n
        total = sums.squares - n * mean**2
        total = np.where(total > EXPLAINED * sums.squares, total, 0.0)
        market_square = np.where(cross[0, 0] > EXPLAINED * sums.factors[1, 1], cross[0, 0], np.nan)
        slope = cross[1:, 0] / market_square
        squares = cross[1:, 1:] - slope[:, None] * slope[None] * market_square
        products = with_returns[1:] - slope * with_returns[0]
        market_beta = with_returns[0] / market_square
    by_market = market_beta * with_returns[0]
    styles = _fit(squares, products, ridge, total, by_market, n)
    return Solution(
        observations=n,
        mean=mean,
        means=means,
        slope=slope,
        market_square=market_square,
        market_beta=market_beta,
        styles=styles,
        free=_fit(squares, products, 0.0, total, by_market, n) if ridge else styles,
        market_r2=ratio(by_market, total),
        style_r2=ratio(styles.explained, total),
    )


def _fit(
    squares: FloatArray, products: FloatArray, ridge: float, total: FloatArray, by_market: FloatArray, n: FloatArray
) -> StyleFit:
    penalty = ridge * diagonals(squares)
    penalised = squares.copy()
    index = range(len(squares))
    penalised[index, index] += penalty
    inverse = inverses(penalised)
    gamma = images(inverse, products)
    explained = (gamma * products + penalty * gamma**2).sum(axis=0)  # 2 g'E'r - g'E'E g
    spent = (1.0 - penalty * diagonals(inverse)).sum(axis=0)
    left = total - by_market - explained
    left = np.where(left > EXPLAINED * total, left, 0.0) + 0.0 * explained  # NaN where there is no fit
    return StyleFit(
        gamma=gamma,
        inverse=inverse,
        penalty=penalty,
        explained=explained,
        spent=spent,
        residual_variance=ratio(left, n - 2.0 - spent),
    )


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """part / whole; NaN where there is no whole."""
    part, whole = np.broadcast_arrays(part, whole)
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0.0)
    return result
