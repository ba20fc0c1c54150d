"""The binomial lattice of Leisen and Reimer for options with early exercise, many options at a time.

The lattice puts the strike between two of its last nodes, so that its error falls smoothly with the number of steps and
can be extrapolated away: what remains of it comes from the dates on which exercise is possible, and is halved by twice
as many. The tree starts two steps before today, so that today it has three prices of the underlying, from which delta
and gamma follow.
"""

from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.options import aligned

NODES_AT_ONCE: Final = 24_576
"""Values of a block, of all its options and their nodes together: five such arrays fit the cache."""
FURTHEST: Final = 40.0
"""Strike and forward are taken to be at most as many standard deviations apart: the chance is 0 in float64 already."""
LEAST_DEVIATION: Final = 1e-5
"""volatility x sqrt(time) is taken to be at least this; at the money that is 4e-6 of spot too much."""


def price_delta_gamma(terms: FloatArray, steps: int) -> FloatArray:
    """Prices, deltas and gammas of American options, extrapolated from a lattice and one of half as many steps.

    Formula: with m the odd one of steps // 2 and its successor, V(steps) + [V(steps) - V(m)] m / (steps - m).
    Shapes: terms (7, N), the rows spot, strike, years, volatility, rate, dividend yield, right, the first four above 0
        and none missing; result (3, N). Units: as `american`, per 1.00 of spot.
    Errors: FloatingPointError when a value is beyond float64.
    Source: Leisen and Reimer, Binomial models for option valuation, 1996; Broadie and Detemple 1996 (extrapolation);
        Pelsser and Vorst 1994 (the steps before today).
    """
    coarse_steps = steps // 2 | 1
    result = np.empty((3, terms.shape[1]))
    size = max(8, NODES_AT_ONCE // (steps + 3) // 8 * 8)
    work = aligned(1, 5 * (steps + 3) * min(size, terms.shape[1]))[0]
    for start in range(0, terms.shape[1], size):
        block = terms[:, start : start + size]
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            coarse = _one_lattice(block, coarse_steps, work)
            fine = _one_lattice(block, steps, work)
            result[:, start : start + size] = fine + (fine - coarse) * (coarse_steps / (steps - coarse_steps))
    return result


def _one_lattice(terms: FloatArray, steps: int, work: FloatArray) -> FloatArray:
    spot, strike, years, _, rate, _, right = terms
    up, down, chance_up, chance_down = _moves(terms, steps)
    discount = np.exp(-rate * years / steps)
    # Values are kept in units of the lowest spot of their date, so that spots need no recomputing: (up/down)^j.
    spots, values, room, if_up, if_down = work[: 5 * (steps + 3) * spot.size].reshape(5, steps + 3, spot.size)
    np.multiply(np.arange(steps + 3.0)[:, np.newaxis], np.log(up / down), out=spots)
    np.multiply(right, np.exp(spots, out=spots), out=spots)
    strikes = right * strike / spot * up * down * down ** -(steps + 2.0)
    if_up[:] = discount * down * chance_up  # a factor for each node, equal for all: what has to be
    if_down[:] = discount * down * chance_down  # repeated for each node costs more time than to read it
    np.maximum(np.subtract(spots, strikes, out=values), 0.0, out=values)
    for nodes in range(steps + 2, 2, -1):
        value, other = values[:nodes], room[:nodes]
        np.multiply(values[1 : nodes + 1], if_up[:nodes], out=other)
        value *= if_down[:nodes]
        value += other
        strikes *= down
        np.subtract(spots[:nodes], strikes, out=other)
        np.maximum(value, other, out=value)
    return _at_spot(values[:3] * (spot * down / up), spot * (up / down - 1.0), spot * (1.0 - down / up))


def _at_spot(values: FloatArray, above: FloatArray, below: FloatArray) -> FloatArray:
    """Value, slope and curvature of the parabola through three values: at spot, `above` over and `below` under it."""
    low, middle, high = values
    slope_above, slope_below = (high - middle) / above, (middle - low) / below
    width = above + below
    return np.stack(
        [middle, (slope_above * below + slope_below * above) / width, 2.0 * (slope_above - slope_below) / width]
    )


def _moves(terms: FloatArray, steps: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Factors of spot up and down, and their risk-neutral chances."""
    spot, strike, years, volatility, rate, dividend_yield, _ = terms
    drift = (rate - dividend_yield) * years
    distance = np.log(spot / strike) + drift
    deviation = np.maximum(volatility * np.sqrt(years), np.maximum(np.abs(distance) / FURTHEST, LEAST_DEVIATION))
    d2 = distance / deviation - 0.5 * deviation
    up_as_asset, down_as_asset = _peizer_pratt(d2 + deviation, steps)
    chance_up, chance_down = _peizer_pratt(d2, steps)
    growth = np.exp(drift / steps)
    return growth * up_as_asset / chance_up, growth * down_as_asset / chance_down, chance_up, chance_down


def _peizer_pratt(z: FloatArray, steps: int) -> tuple[FloatArray, FloatArray]:
    """Chances p, and 1 - p, for which a binomial of `steps` trials exceeds its middle with the probability N(z).

    Formula: p = 1/2 + sgn(z)/2 sqrt(1 - e), e = exp(-(z / (n + 1/3 + 0.1/(n+1)))^2 (n + 1/6)); the smaller of the two
        as e/2 / (1 + sqrt(1 - e)), which does not cancel.
    Source: Peizer and Pratt 1968, method 2, as in Leisen and Reimer.
    """
    exponent = -np.square(z / (steps + 1.0 / 3.0 + 0.1 / (steps + 1.0))) * (steps + 1.0 / 6.0)
    root = np.sqrt(-np.expm1(exponent))
    larger = 0.5 + 0.5 * root
    smaller = 0.5 * np.exp(exponent) / (1.0 + root)
    return np.where(z >= 0.0, larger, smaller), np.where(z >= 0.0, smaller, larger)
