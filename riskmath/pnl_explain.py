"""Why a position won or lost: what its sensitivities and its factors foresaw, and what they did not (section 8)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import BoolArray, FloatArray, columns, matrices


@dataclass(frozen=True, slots=True, eq=False)
class PnlExplained:
    """Profit and loss of N positions in seven parts that add to it, in base currency, (N,) each.

    A position that is linear in its instrument has factor and specific, an option delta, gamma, vega and theta; the
    others are 0. unexplained: the rest: for an option what higher derivatives and the rate did, for the others
    currency, trades within the period and dividends.
    """

    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    factor: FloatArray
    specific: FloatArray
    unexplained: FloatArray

    @property
    def total(self) -> FloatArray:
        """(N,): the parts together, which are the profit and loss given."""
        first = self.delta + self.gamma + self.vega + self.theta
        return first + self.factor + self.specific + self.unexplained


def explain_linear(pnl: ArrayLike, exposure: ArrayLike, returns: ArrayLike, modelled: ArrayLike) -> PnlExplained:
    """Explains positions that are linear in their instruments.

    Formula: factor = exposure x modelled return, specific = exposure x (return - modelled), unexplained the rest.
    Shapes: all (N,). Units: pnl and exposure (at the start) in base currency, signed; returns decimals, modelled the
        sum of beta x factor return over the period.
    NaN: a missing return or model leaves what it would have explained to `unexplained`; a missing pnl or exposure is a
        missing row. Errors: ValueError for infinity or different lengths; FloatingPointError beyond float64.
    """
    amount, size, own, model = columns(pnl=pnl, exposure=exposure, returns=returns, modelled=modelled)
    with np.errstate(over="raise"):
        factor = size * _known(model)
        specific = np.where(np.isnan(model + own), 0.0 * size, size * (_known(own) - _known(model)))
    nothing = 0.0 * (amount + size)
    return _with_rest(amount, nothing, nothing, nothing, nothing, factor, specific)


def explain_options(
    pnl: ArrayLike, greeks: ArrayLike, spot_change: ArrayLike, volatility_change: ArrayLike, days: float
) -> PnlExplained:
    """Explains option positions by their Greeks at the start.

    Formula: delta dS, gamma dS^2 / 2, vega dsigma x 100, theta x days; unexplained the rest.
    Shapes: pnl (N,), greeks (N, 4): delta, gamma, vega, theta of the position, that is per share x quantity x
        multiplier x fx; spot_change and volatility_change (N,). Units: vega per volatility point, theta per calendar
        day; volatility_change in decimals a year; days of the calendar, at least 0.
    NaN: a missing move leaves what it would have explained to `unexplained`; a missing pnl or Greek is a missing row.
    Errors: ValueError for infinity, different lengths, days below 0; FloatingPointError beyond float64.
    """
    amount, moved, wider = columns(pnl=pnl, spot_change=spot_change, volatility_change=volatility_change)
    sensitivity, _ = matrices(greeks=greeks, pnl=amount[:, None])
    if sensitivity.shape[1] != 4:
        raise ValueError(f"greeks has {sensitivity.shape[1]} columns: must have delta, gamma, vega and theta")
    if not 0.0 <= days < np.inf:
        raise ValueError(f"days is {days}: must be at least 0")
    first, second, vega, theta = sensitivity.T
    with np.errstate(over="raise"):
        parts = (
            first * _known(moved),
            0.5 * second * _known(moved) ** 2,
            vega * 100.0 * _known(wider),
            theta * days,
        )
    nothing = 0.0 * (amount + sensitivity.sum(axis=1))
    return _with_rest(amount, *parts, nothing, nothing)


def _with_rest(pnl: FloatArray, *parts: FloatArray) -> PnlExplained:
    missing: BoolArray = np.isnan(pnl + sum(parts))
    rest = pnl - sum(parts)
    return PnlExplained(*(np.where(missing, np.nan, part) for part in (*parts, rest)))


def _known(values: FloatArray) -> FloatArray:
    return np.where(np.isnan(values), 0.0, values)
