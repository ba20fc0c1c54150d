"""American options (methodology, section 2).

Listed US options on shares and funds may be exercised early. A European price is several per cent too low for a put
deep in the money, and its delta too small; so it is for a call with dividends to come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import BoolArray, FloatArray
from riskmath.black_scholes import SMALLEST_DEVIATION, european
from riskmath.leisen_reimer import price_delta_gamma
from riskmath.options import DAYS_A_YEAR, POINTS, OptionValues, option_columns

STEPS: Final = 51
LONG_STEPS: Final = 201
LONG_CARRY: Final = 0.08
"""The part of the strike that early exercise can earn, above which `LONG_STEPS` are taken."""
VOLATILITY_BUMP: Final = 0.01
RATE_BUMP: Final = 0.0025
"""What vega and rho move the volatility and the rate by, each way: no less, or the steps of the lattice show."""
NO_TIME_VALUE: Final = 1e-9
"""An option worth less than this above its intrinsic value, as a part of the strike, is best exercised at once."""

_VOLATILITY, _RATE = 3, 4  # rows of terms

IntArray: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class AmericanPrices:
    """What one lattice tells of American options; all (N,), columns and units as in `OptionValues`."""

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    theta: FloatArray


def american_price(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years_to_expiry: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    right: ArrayLike,
    steps: int | None = None,
) -> AmericanPrices:
    """Prices of American options, with delta, gamma and theta.

    Formula: price P, delta D and gamma G from the extrapolated lattice of `price_delta_gamma`. Theta by the equation of
        Black and Scholes, [r P - (r - q) S D - sigma^2 S^2 G / 2] / 365. Where exercise at once is best, the intrinsic
        value, the delta of the underlying, and 0. Where early exercise earns nothing, as for a call without dividends,
        or the lattice finds no premium for it, the European values: no price is below the European one.
    Shapes: all (N,), result (N,).
    Units: spot and strike in one currency; years_to_expiry of 365 days, volatility a year, rate and dividend_yield a
        year and compounded continuously, all decimals; right CALL or PUT. Result: see `OptionValues`.
    steps: of the lattice, odd. None: 51, or 201 for options whose early exercise can earn more than 8 % of the strike
        until expiry: (q S/K - r) T for a call, (r - q S/K) T for a put, each term only where it is above 0.
    Accuracy: 3e-4 of strike while that part is below 30 %; 99 of 100 options up to three years are within 5e-5. Delta
        is good to 5e-4, but to 0.03 next to the spot where exercise begins to pay.
    NaN: the row is NaN in every column where a term is missing, or spot, strike, time or volatility is not above 0.
    Errors: ValueError for infinity, different lengths, a right other than 1 or -1, steps that are even or below 5;
        FloatingPointError when a result is beyond float64.
    Source: see `price_delta_gamma`; Hull, Options, Futures, and Other Derivatives, chapter 21.
    """
    terms, known = _known_terms(
        option_columns(
            right,
            spot=spot,
            strike=strike,
            years_to_expiry=years_to_expiry,
            volatility=volatility,
            rate=rate,
            dividend_yield=dividend_yield,
        )
    )
    return AmericanPrices(*_filled(_settled(_from_lattice(terms, _steps(terms, steps)), terms), known))


def american(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years_to_expiry: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    right: ArrayLike,
    steps: int | None = None,
) -> OptionValues:
    """Prices of American options and all their Greeks, at five times the cost of `american_price`.

    Formula: as `american_price`, and vega = [P(sigma + b) - P(sigma - b)] / 200b with b = 0.01 or half of sigma, rho =
        [P(r + b) - P(r - b)] / 200b with b = 0.0025; both 0 where exercise at once is best.
    Shapes, units, steps, NaN, errors and source: as `american_price`.
    """
    terms, known = _known_terms(
        option_columns(
            right,
            spot=spot,
            strike=strike,
            years_to_expiry=years_to_expiry,
            volatility=volatility,
            rate=rate,
            dividend_yield=dividend_yield,
        )
    )
    needed = _steps(terms, steps)
    vega = _slope(terms, _VOLATILITY, np.minimum(VOLATILITY_BUMP, 0.5 * terms[_VOLATILITY]), needed)
    rho = _slope(terms, _RATE, np.full(needed.shape, RATE_BUMP), needed)
    values = np.vstack([_from_lattice(terms, needed), vega, rho])
    return OptionValues(*_filled(_settled(values, terms), known))


def _known_terms(columns: Mapping[str, FloatArray]) -> tuple[FloatArray, BoolArray]:
    """The rows that can be valued, as (7, n), and where they are."""
    terms = np.stack(list(columns.values()))
    _, _, years, volatility, *_ = terms
    positive = terms[: _VOLATILITY + 1].min(axis=0) > 0.0
    known = positive & (volatility * volatility * years >= SMALLEST_DEVIATION**2) & ~np.isnan(terms.min(axis=0))
    return terms[:, known], known


def _filled(values: FloatArray, known: BoolArray) -> FloatArray:
    result = np.full((values.shape[0], known.size), np.nan)
    result[:, known] = values
    return result


def _steps(terms: FloatArray, steps: int | None) -> IntArray:
    """How many steps the lattice of each option takes: 0 where early exercise earns nothing at any time."""
    if steps is not None and (steps < 5 or steps % 2 == 0):
        raise ValueError(f"steps is {steps}: must be odd and at least 5")
    spot, strike, years, _, rate, dividend_yield, right = terms
    from_asset = np.maximum(right * dividend_yield, 0.0) * spot / strike
    from_cash = np.maximum(-right * rate, 0.0)
    carry = (from_asset + from_cash) * years
    return np.where(carry > 0.0, steps or np.where(carry > LONG_CARRY, LONG_STEPS, STEPS), 0)


def _lattice(terms: FloatArray, steps: IntArray) -> FloatArray:
    """Price, delta and gamma, (3, n); NaN where there are no steps."""
    result = np.full((3, terms.shape[1]), np.nan)
    for number in np.unique(steps[steps > 0]).tolist():
        rows = steps == number
        result[:, rows] = price_delta_gamma(terms[:, rows], number)
    return result


def _from_lattice(terms: FloatArray, steps: IntArray) -> FloatArray:
    """Price, delta, gamma and theta, (4, n)."""
    spot, _, _, volatility, rate, dividend_yield, _ = terms
    price, delta, gamma = _lattice(terms, steps)
    decay = rate * price - (rate - dividend_yield) * spot * delta - 0.5 * np.square(volatility * spot) * gamma
    return np.stack([price, delta, gamma, decay / DAYS_A_YEAR])


def _slope(terms: FloatArray, row: int, bump: FloatArray, steps: IntArray) -> FloatArray:
    """Change of price per point of one term."""
    above, below = terms.copy(), terms.copy()
    above[row] += bump
    below[row] -= bump
    change: FloatArray = _lattice(above, steps)[0] - _lattice(below, steps)[0]
    return change / (2.0 * POINTS * bump)


def _settled(values: FloatArray, terms: FloatArray) -> FloatArray:
    """Values with those rows replaced for which a better answer is known: intrinsic, or European."""
    spot, strike, years, volatility, rate, dividend_yield, right = terms
    intrinsic = np.zeros_like(values)
    intrinsic[0] = right * (spot - strike)
    intrinsic[1] = right
    exercise = (intrinsic[0] > 0.0) & (values[0] - intrinsic[0] <= NO_TIME_VALUE * strike)
    values = np.where(exercise, intrinsic, values)
    alternative = european(
        spot=spot,
        strike=strike,
        years_to_expiry=years,
        volatility=volatility,
        rate=rate,
        dividend_yield=dividend_yield,
        right=right,
    )
    columns = (alternative.price, alternative.delta, alternative.gamma, alternative.theta, alternative.vega)
    unexercised = np.stack([*columns, alternative.rho])[: len(values)]
    return np.where(values[0] > unexercised[0], values, unexercised)
