"""What positions win and lose when Treasury yields move (methodology, section 6)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import BoolArray, FloatArray, columns, matrices, product
from riskmath.regression import LAGS, least_squares

WINDOW: Final = 756
SIGNIFICANT: Final = 2.0
BASIS_POINT: Final = 0.0001


@dataclass(frozen=True, slots=True, eq=False)
class RateBetas:
    """Sensitivities of N instruments to one yield, the market held still.

    rate_beta: (N,), return per 1.00 of yield, which is also basis points of return per basis point of yield.
    error, t: (N,), with Newey and West's errors. significant: (N,), |t| of 2 or more. observations: (N,).
    """

    rate_beta: FloatArray
    error: FloatArray
    t: FloatArray
    significant: BoolArray
    observations: NDArray[np.int64]


def yield_changes(yields: ArrayLike) -> FloatArray:
    """Changes of yields from one session to the next, never relative ones.

    Formula: y(t) - y(t-1). Shapes: yields (T, N), result (T - 1, N). Units: decimals: 0.0001 is one basis point.
    NaN: missing where either is. Errors: ValueError for infinity, or a yield of 1 or more, which is one in per cent.
    """
    (y,) = matrices(yields=yields)
    if (np.abs(y) >= 1.0).any():
        row, column = np.argwhere(np.abs(y) >= 1.0)[0]
        raise ValueError(f"yields[{row}, {column}] is {y[row, column]}: must be a decimal below 1, not per cent")
    return np.diff(y, axis=0)


def rate_betas(
    returns: ArrayLike, change: ArrayLike, market: ArrayLike, *, lags: int = LAGS, minimum: int = 60
) -> RateBetas:
    """Regression of returns on the change of a yield, with the market beside it.

    Formula: r = a + b dy + c m + eps; errors by Newey and West with `lags`. Never capped.
    Shapes: returns (T, N), change and market (T,). 756 sessions by default of whoever calls; the beta depends on it.
    Units: simple returns; change in decimals.
    NaN: a session with any missing is left out. Everything but `observations` below `minimum` of them.
    Errors: ValueError for infinity or different lengths.
    Source: methodology, section 6.
    """
    dy, m = columns(change=change, market=market)
    fit = least_squares(returns, np.column_stack([dy, m]), hac_lags=lags, minimum=minimum)
    t = fit.t[:, 0]
    return RateBetas(
        rate_beta=fit.coefficients[:, 0],
        error=fit.errors[:, 0],
        t=t,
        significant=np.abs(t) >= SIGNIFICANT,
        observations=fit.observations,
    )


def rate_pnl(value: ArrayLike, rate_beta: ArrayLike, change: ArrayLike) -> FloatArray:
    """Profit and loss of a move of the yield.

    Formula: value x rate_beta x change; at +100 bp, value x rate_beta x 0.01.
    Shapes: all (N,). Units: value signed, base currency; change in decimals. NaN: a row with any missing is NaN.
    Errors: ValueError for infinity or different lengths; FloatingPointError beyond float64.
    """
    return product({"value": value, "rate_beta": rate_beta, "change": change})
