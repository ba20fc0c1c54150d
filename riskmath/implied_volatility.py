"""The volatility at which Black and Scholes give a price (methodology, section 2).

In Jaeckel's coordinates every option is one out of the money, and its price a function b(x, s) of how far out it is and
of volatility x sqrt(time). Where b bends from convex to concave in s, the search changes from the price itself, which
is tiny below, to what the price lacks to its upper limit, which is tiny above. Taking the logarithm of either makes it
nearly straight, so that two steps of high order are enough from a good guess. The number of steps is fixed: no option's
last bits depend on which others are solved beside it.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx, ndtr, ndtri  # type: ignore[import-untyped]  # scipy comes without types

from riskmath.arrays import FloatArray
from riskmath.options import option_columns

BLOCK: Final = 8_192
STEPS: Final = 2
FAR: Final = 12.0
"""|ln(A/B)| above which there are twice as many steps; a strike of 160,000 times the forward."""

_SQRT_HALF = math.sqrt(0.5)
_MILLS_AT_0 = math.sqrt(0.5 * math.pi)
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_SQRT_2PI = math.sqrt(2.0 * math.pi)


def implied_volatility(
    *,
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years_to_expiry: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    right: ArrayLike,
) -> FloatArray:
    """Volatilities at which European options have the given prices.

    Formula: with A = S exp(-qT), B = K exp(-rT), x = -|ln(A/B)| and beta = (price - intrinsic) / sqrt(AB), intrinsic
        being max(w (A - B), 0), the s that solves b(x, s) = exp(x/2) N(x/s + s/2) - exp(-x/2) N(x/s - s/2) = beta,
        divided by sqrt(T).
    Shapes: all (N,), result (N,).
    Units: price, spot and strike in one currency; the rest as in `black_scholes.european`. Result: a year, decimal.
    NaN: a term is missing; price, spot, strike or time is not above 0; or there is no solution: the price is not above
        the intrinsic value, or not below A for a call and B for a put. The caller can tell which, and says so.
    Accuracy: 1e-10, as far as the price determines it: an option deep in the money has little of its price to do so.
    Errors: ValueError for infinity, different lengths, a right other than 1 or -1; FloatingPointError when a discounted
        value is beyond float64.
    Source: Jaeckel, Let's be rational, 2015.
    """
    columns = option_columns(
        right,
        price=price,
        spot=spot,
        strike=strike,
        years_to_expiry=years_to_expiry,
        rate=rate,
        dividend_yield=dividend_yield,
    )
    terms = list(columns.values())
    result = np.empty(terms[0].size)
    for start in range(0, result.size, BLOCK):
        part = slice(start, start + BLOCK)
        result[part] = _block(*(column[part] for column in terms))
    return result


def _block(
    price: FloatArray,
    spot: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    rate: FloatArray,
    dividend_yield: FloatArray,
    right: FloatArray,
) -> FloatArray:
    positive = (price > 0.0) & (spot > 0.0) & (strike > 0.0) & (years > 0.0)
    years = np.where(positive, years, np.nan)
    with np.errstate(over="raise", divide="raise", invalid="ignore"):
        asset = spot / np.exp(dividend_yield * years)
        cash = strike / np.exp(rate * years)
        distance = np.abs(np.log(asset / cash))
        beta = (price - np.maximum(right * (asset - cash), 0.0)) / (np.sqrt(asset) * np.sqrt(cash))
    below_bound = price < np.where(right > 0.0, asset, cash)
    solvable = below_bound & (beta > 0.0) & (beta < np.exp(-0.5 * distance))
    result = np.full(price.shape, np.nan)
    if solvable.all():
        return _solve(distance, beta) / np.sqrt(years)
    result[solvable] = _solve(distance[solvable], beta[solvable]) / np.sqrt(years[solvable])
    return result


def _solve(distance: FloatArray, beta: FloatArray) -> FloatArray:
    """The s with b(-distance, s) = beta, where 0 < beta < exp(-distance/2).

    b bends at s = sqrt(2 |x|) and lies above its tangent there before, below it after.
    """
    bend = np.sqrt(2.0 * distance)
    limit = np.exp(-0.5 * distance)
    at_bend = 0.5 * limit * (1.0 - erfcx(bend * _SQRT_HALF))
    tangent = bend + (beta - at_bend) * _SQRT_2PI / limit
    low = beta < at_bend
    s = np.empty_like(beta)
    s[low] = np.minimum(_asymptote(distance[low], beta[low]), np.where(tangent[low] > 0.0, tangent[low], bend[low]))
    s[~low] = np.maximum(_from_above(beta[~low], bend[~low], limit[~low], at_bend[~low]), tangent[~low])

    side = np.where(low, 1.0, -1.0)
    target = np.log(np.where(low, beta, limit - beta))
    least, most = np.where(low, 0.0, tangent), np.where(low, bend, np.inf)
    s = _refined(s, distance, target, side, least, most)
    far = distance > FAR
    if far.any():
        s[far] = _refined(s[far], distance[far], target[far], side[far], least[far], most[far])
    return s


def _asymptote(distance: FloatArray, beta: FloatArray) -> FloatArray:
    """What solves b for small s; infinite where s is not small.

    Formula: b(x, s) -> 2 pi |x| / sqrt(27) N(-|x| / (s sqrt(3)))^3.
    """
    chance = np.minimum(np.cbrt(beta / distance * (math.sqrt(27.0) / (2.0 * math.pi))), 0.5)
    with np.errstate(divide="ignore"):
        result: FloatArray = distance * math.sqrt(1.0 / 3.0) / np.abs(ndtri(chance))
    return result


def _from_above(beta: FloatArray, bend: FloatArray, limit: FloatArray, at_bend: FloatArray) -> FloatArray:
    """What solves b at the bend, in the limit of large s, and at the money, where b(0, s) = 1 - 2 N(-s/2)."""
    result: FloatArray = -2.0 * ndtri((limit - beta) / (limit - at_bend) * ndtr(-0.5 * bend))
    return result


def _refined(
    s: FloatArray, distance: FloatArray, target: FloatArray, side: FloatArray, least: FloatArray, most: FloatArray
) -> FloatArray:
    """Two Householder steps (Halley's with one more derivative) towards ln y(s) = target.

    Formula: y is b below the bend, with side w = 1, and exp(x/2) - b above it, with w = -1. With h = |x|/s, t = s/2 and
        Mills's ratio M(u) = N(-u)/n(u) = sqrt(pi/2) erfcx(u / sqrt(2)),
        y = n(h) n(t) sqrt(2 pi) |m|, m = w M(|h - t|) - M(h + t), y'/y = p = 1/m, y''/y' = q = (h^2 - t^2) / s and
        y'''/y' = q^2 - 3 h^2/s^2 - 1/4. So of f = ln y - target, f' = p, f''/f' = q - p and f'''/f' = y'''/y' - 3pq
        + 2p^2; the step is v (1 + v f''/2f') / (1 + v f''/f' + v^2 f'''/6f') with v = -f/f'.
    """
    for _ in range(STEPS):
        h, t = distance / s, 0.5 * s
        m = _MILLS_AT_0 * (side * erfcx(np.abs(h - t) * _SQRT_HALF) - erfcx((h + t) * _SQRT_HALF))
        p, q = 1.0 / m, (h * h - t * t) / s
        v = (target + _LOG_SQRT_2PI - np.log(np.abs(m)) + 0.5 * (h * h + t * t)) * m
        second = q - p
        third = q * q - 3.0 * np.square(h / s) - 0.25 + p * (2.0 * p - 3.0 * q)
        s = s + v * (1.0 + 0.5 * v * second) / (1.0 + v * (second + v * third / 6.0))
        s = np.clip(s, least, most)
    return s
