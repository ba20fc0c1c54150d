"""European options by Black, Scholes and Merton (methodology, section 2).

Written as passes over blocks of columns whose intermediate results stay in the processor's cache: on a million options
this is several times as fast as the formulas as one would write them, and it is the same formulas. A handful of
options is valued one at a time, which is faster still.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmath import normal
from riskmath.arrays import FloatArray
from riskmath.options import DAYS_A_YEAR, POINTS, PUT, OptionValues, aligned, option_columns

BLOCK: Final = 10_000
"""Options at a time: few enough for the cache, enough to pay for the calls of numpy."""
HANDFUL: Final = 5
"""Below as many options, each is valued by itself."""
SMALLEST_DEVIATION: Final = 1e-9
"""volatility x sqrt(time) below this is no volatility: 0.0005 % a year for one second."""

_WORK_ROWS = 11
_DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
_SQRT_HALF = math.sqrt(0.5)
_TERMS = ("spot", "strike", "years_to_expiry", "volatility", "rate", "dividend_yield")
_MISSING = (math.nan,) * 6
_BEYOND = "the value of an option is beyond float64"


def european(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years_to_expiry: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    right: ArrayLike,
) -> OptionValues:
    """Prices of European options and their Greeks.

    Formula: with w = 1 for a call and -1 for a put, A = S exp(-qT), B = K exp(-rT), s = sigma sqrt(T),
        d1 = ln(A/B)/s + s/2, d2 = d1 - s, n and N the normal density and distribution:
        price = w (A N(w d1) - B N(w d2))        delta = w exp(-qT) N(w d1)
        gamma = exp(-qT) n(d1) / (S s)           vega = A n(d1) sqrt(T) / 100
        rho = w B T N(w d2) / 100                theta = (w q A N(w d1) - w r B N(w d2) - A n(d1) s / 2T) / 365
    Shapes: all (N,), result (N,).
    Units: spot and strike in one currency; years_to_expiry of 365 days, volatility a year, rate and dividend_yield a
        year and compounded continuously, all decimals; right CALL or PUT. Result: see `OptionValues`.
    NaN: the row is NaN in every column where a term is missing, or spot, strike, time or volatility is not above 0
        (an option that has expired has no Greeks; what it paid is not this function's to say).
    Errors: ValueError for infinity, different lengths, a right other than 1 or -1; FloatingPointError when a result is
        beyond float64.
    Source: Black and Scholes 1973; Merton 1973; Hull, Options, Futures, and Other Derivatives, chapters 17 and 19.
    """
    terms = option_columns(
        right,
        spot=spot,
        strike=strike,
        years_to_expiry=years_to_expiry,
        volatility=volatility,
        rate=rate,
        dividend_yield=dividend_yield,
    )
    columns = list(terms.values())
    size = columns[0].size
    if size < HANDFUL:
        rows = [european_one(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
        return OptionValues(*np.array(rows, dtype=np.float64).reshape(size, 6).T)
    result = np.empty((6, size))
    blocks = -(-size // BLOCK)
    work = aligned(_WORK_ROWS + normal.SCRATCH_ROWS, -(-size // blocks))
    for block in range(blocks):
        part = slice(size * block // blocks, size * (block + 1) // blocks)
        with np.errstate(over="raise", divide="raise", invalid="ignore"):
            _block([column[part] for column in columns], result[:, part], work[:, : part.stop - part.start])
    return OptionValues(*result)


def european_one(
    spot: float,
    strike: float,
    years_to_expiry: float,
    volatility: float,
    rate: float,
    dividend_yield: float,
    right: float,
) -> tuple[float, float, float, float, float, float]:
    """Price, delta, gamma, theta, vega and rho of one European option, in a few microseconds.

    Formula, units, NaN and source: as `european`.
    Errors: ValueError for infinity or a right other than 1 or -1; ArithmeticError when a result is beyond float64.
    """
    known = math.isfinite(spot + strike + years_to_expiry + volatility + rate + dividend_yield)
    if not known or (right != 1.0 and right != -1.0):
        return _refuse_or_miss(spot, strike, years_to_expiry, volatility, rate, dividend_yield, right)
    if not (spot > 0.0 and strike > 0.0 and years_to_expiry > 0.0 and volatility > 0.0):
        return _MISSING
    root = math.sqrt(years_to_expiry)
    deviation = volatility * root
    if deviation < SMALLEST_DEVIATION:
        return _MISSING
    asset = spot * math.exp(-dividend_yield * years_to_expiry)
    cash = strike * math.exp(-rate * years_to_expiry)
    d1 = math.log(asset / cash) / deviation + 0.5 * deviation
    asset_density = asset * _DENSITY_AT_0 * math.exp(-0.5 * d1 * d1)
    asset_part = 0.5 * right * asset * math.erfc(-right * d1 * _SQRT_HALF)
    cash_part = 0.5 * right * cash * math.erfc(-right * (d1 - deviation) * _SQRT_HALF)
    decay = dividend_yield * asset_part - rate * cash_part - asset_density * volatility / (2.0 * root)
    values = (
        asset_part - cash_part,
        asset_part / spot,
        asset_density / (spot * spot * deviation),
        decay / DAYS_A_YEAR,
        asset_density * root / POINTS,
        cash_part * years_to_expiry / POINTS,
    )
    if not math.isfinite(sum(values)):
        raise FloatingPointError(_BEYOND)
    return values


def _refuse_or_miss(*terms: float) -> tuple[float, float, float, float, float, float]:
    *others, right = terms
    option_columns([right], **dict(zip(_TERMS, ([term] for term in others), strict=True)))
    if not any(map(math.isnan, terms)):
        raise FloatingPointError(_BEYOND)
    return _MISSING


def _block(columns: list[FloatArray], result: FloatArray, work: FloatArray) -> None:
    """Values one block, in the rows of `work`: every pass writes to one of them, and reads what is in the cache."""
    spot, strike, years, volatility, rate, dividend_yield, right = columns
    asset, cash, paid, earned, d1, d2, half_density1, half_density2, root, deviation, half = work[:_WORK_ROWS]
    scratch = work[_WORK_ROWS:]

    np.sqrt(years, out=root)
    np.multiply(volatility, root, out=deviation)
    # a minimum is NaN where anything is, and NaN compares false
    if not (spot.min() > 0.0 and strike.min() > 0.0 and deviation.min() >= SMALLEST_DEVIATION and right.min() >= PUT):
        missing = ~((spot > 0.0) & (strike > 0.0) & (deviation >= SMALLEST_DEVIATION) & (right >= PUT))
        spot = np.where(missing, np.nan, spot)

    np.multiply(dividend_yield, years, out=paid)
    np.multiply(rate, years, out=earned)
    np.divide(spot, np.exp(paid, out=asset), out=asset)
    np.divide(strike, np.exp(earned, out=cash), out=cash)

    ratio = np.divide(asset, cash, out=half_density2)
    np.divide(np.log(ratio, out=d1), deviation, out=d1)
    np.multiply(deviation, 0.5, out=half)
    np.subtract(d1, half, out=d2)
    d1 += half
    np.multiply(d1, d1, out=half_density1)
    half_density1 *= -0.5
    np.exp(half_density1, out=half_density1)
    half_density1 *= 0.5 * _DENSITY_AT_0
    half_density2 *= half_density1  # A n(d1) = B n(d2)

    d1 *= right
    d2 *= right
    normal.cumulative(d1, half_density1, scratch)
    normal.cumulative(d2, half_density2, scratch)
    half_density1 *= asset
    asset *= right
    asset *= d1
    cash *= right
    cash *= d2
    _write(columns, result, work)


def _write(columns: list[FloatArray], result: FloatArray, work: FloatArray) -> None:
    """The six values, from the two parts of the price, w A N(w d1) and w B N(w d2), and from A n(d1) / 2."""
    spot, _, years, *_ = columns
    asset, cash, paid, earned, _, _, half_density1, _, root, deviation, half = work[:_WORK_ROWS]
    price, delta, gamma, theta, vega, rho = result
    np.subtract(asset, cash, out=price)
    np.divide(asset, spot, out=delta)
    np.multiply(half_density1, root, out=vega)
    vega *= 2.0 / POINTS
    np.multiply(cash, years, out=rho)
    rho *= 1.0 / POINTS
    half *= spot
    half *= spot
    np.divide(half_density1, half, out=gamma)
    asset *= paid
    cash *= earned
    half_density1 *= deviation
    asset -= cash
    asset -= half_density1
    asset /= years
    np.multiply(asset, 1.0 / DAYS_A_YEAR, out=theta)
