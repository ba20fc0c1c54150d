"""What the options on each underlying make together, as a curve over its moves (methodology, section 8).

All options on one underlying see the same move. What they gain is therefore one function of it, worked out at some
nodes and read between them, however many scenarios there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.american import american_price
from riskmath.arrays import FloatArray, columns, matrices
from riskmath.black_scholes import european
from riskmath.option_revaluation import OptionTerms, left_of, spread, terms_of

ERROR: Final = 1e-9
"""How far from the European formula a curve may be, for one option, as a part of the highest spot it is asked for."""
NODES: Final = 41
"""Spots at which the premium for early exercise is computed, and between which it is interpolated."""
CELLS_AT_ONCE: Final = 250_000
"""Options times spots that are valued together: some 40 MB, however many there are."""
FEWEST: Final = 16
MOST: Final = 4_096
"""With more nodes than that, an option all but expired in a wild range, each price is computed by itself."""
ROUNDING: Final = 1e-9
"""A product of matrices differs in its last digits with the rows that are computed together."""
NARROWEST: Final = 1e-8
"""Distance of two nodes at least, as a part of spot: an underlying that never moves has a curve too."""


@dataclass(frozen=True, slots=True, eq=False)
class OptionCurves:
    """What options on U underlyings gain when those move, within a range of moves.

    lowest, highest: (U,), the range as ratios of spot to present spot. premium: (NODES, U), what early exercise adds.
    european: curves of groups of options that need as many nodes. others: options without one.
    """

    lowest: FloatArray
    highest: FloatArray
    premium: FloatArray
    european: "tuple[_Curve, ...]"
    others: "_Options"

    def pnl(self, spot_returns: ArrayLike) -> FloatArray:
        """What the options on each underlying gain, by scenario; no move is no gain, to the last bit.

        Formula: F(ratio) - F(1); of European prices F by cubic Hermite interpolation in ln(ratio), with exact slopes;
            of premiums for early exercise linearly between 41 spots.
        Shapes: spot_returns (S, U), result (S, U). Units: base currency. NaN: a missing move.
        Errors: ValueError for infinity, a wrong number of columns, a return below -1 or outside the range.
        """
        (moved,) = matrices(spot_returns=spot_returns)
        if moved.shape[1] != self.lowest.size:
            raise ValueError(f"spot_returns has {moved.shape[1]} columns: must have {self.lowest.size}")
        ratio = left_of(moved)
        if (ratio < self.lowest * (1.0 - ROUNDING)).any() or (ratio > self.highest * (1.0 + ROUNDING)).any():
            raise ValueError("a spot return is outside the range of the curves")
        found = self._value(ratio) - self.worth
        return np.where(np.isnan(ratio), np.nan, found)

    @property
    def worth(self) -> FloatArray:
        """(U,), what the options on each underlying are worth as it is now, in base currency."""
        return np.asarray(self._value(np.ones((1, self.lowest.size)))[0])

    def _value(self, ratio: FloatArray) -> FloatArray:
        total = _between(self.premium, (ratio - self.lowest) / _width(self.lowest, self.highest, NODES))
        for curve in self.european:
            total[:, curve.underlying] += curve.at(ratio[:, curve.underlying])
        for some in self.others.blocks(len(ratio)):
            price = european(**terms_of(spread(some.terms, ratio[:, some.underlying]))).price
            some.add(total, price.reshape(len(ratio), -1))
        return total


@dataclass(frozen=True, slots=True, eq=False)
class _Options:
    """Options, how much of each, and the underlying of each: all (N,), those on one underlying beside each other."""

    terms: OptionTerms
    units: FloatArray
    underlying: NDArray[np.int64]

    def only(self, chosen: NDArray[np.int64] | slice) -> "_Options":
        return _Options(self.terms.only(chosen), self.units[chosen], self.underlying[chosen])

    def blocks(self, rows: int) -> Iterator["_Options"]:
        """Yield as many as can be valued together at so many spots each."""
        width = max(1, CELLS_AT_ONCE // max(rows, 1))
        for first in range(0, self.units.size, width):
            yield self.only(slice(first, first + width))

    def add(self, total: FloatArray, values: FloatArray) -> None:
        """Add what each unit is worth, (G, N), to the totals of underlyings, (G, U)."""
        first = np.flatnonzero(np.diff(self.underlying, prepend=-1))
        total[:, self.underlying[first]] += np.add.reduceat(values * self.units, first, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """European values of options on V of the underlyings at G nodes, and what they change by from node to node."""

    underlying: NDArray[np.int64]
    start: FloatArray
    """(V,): ln(ratio) of the first node."""
    width: FloatArray
    """(V,)"""
    value: FloatArray
    """(G, V)"""
    slope: FloatArray
    """(G, V): times the width."""

    def at(self, ratio: FloatArray) -> FloatArray:
        place = (np.log(ratio) - self.start) / self.width
        below = np.clip(np.nan_to_num(place), 0, len(self.value) - 2).astype(np.int64)
        part = place - below
        first, last = (np.take_along_axis(self.value, below + step, axis=0) for step in (0, 1))
        rise, end_rise = (np.take_along_axis(self.slope, below + step, axis=0) for step in (0, 1))
        change = last - first
        bend, twist = 3.0 * change - 2.0 * rise - end_rise, rise + end_rise - 2.0 * change
        return np.asarray(first + part * (rise + part * (bend + part * twist)))


def option_curves(
    options: OptionTerms, size: ArrayLike, underlying: NDArray[np.int64], lowest: ArrayLike, highest: ArrayLike
) -> OptionCurves:
    """Curves of what options gain when their underlyings move, volatility and rate as they are.

    Formula: of each option price and slope delta x S at nodes in x = ln(ratio), h apart, summed by underlying. With
        s = sigma sqrt(T) and A = S exp(-qT), the fourth derivative by x is A (1 + d/s)^3 wN(w d1), d the derivative by
        d1: at most A K, K = 1 + 1.197/s + 0.726/s^2 + 0.399/s^3. The error of cubic Hermite interpolation is at most
        h^4/384 of that, so that h = (384 x 1e-9 / K)^(1/4) leaves 1e-9 A for each option and unit. The premium for
        early exercise is interpolated linearly between 41 spots: it is small and smooth, within 1e-4 of strike.
    Shapes: options, size and underlying (N,), underlying from 0 to U - 1; lowest and highest (U,), lowest spot returns
        and highest.
    Units: size = quantity x multiplier x fx, signed.
    NaN: an option without a price makes its underlying's curve NaN; a missing range, too.
    Errors: ValueError for infinity, different lengths, a return below -1.
    Source: methodology, section 8: simulated returns revalue options. Quarteroni, Sacco and Saleri, Numerical
        Mathematics, section 8.5 (the error of Hermite interpolation).
    """
    (units, _) = columns(size=size, spot=options.spot)
    low, high = columns(lowest=lowest, highest=highest)
    low, high = np.minimum(left_of(low), 1.0), np.maximum(left_of(high), 1.0)
    order = np.argsort(underlying, kind="stable")
    everything = _Options(options.only(order), units[order], underlying[order])
    needed = _needed(everything.terms, np.log(high / low)[everything.underlying])
    few = [count for count in np.unique(needed).tolist() if count <= MOST]
    return OptionCurves(
        lowest=low,
        highest=high,
        premium=_premium(everything.only(np.flatnonzero(everything.terms.american)), low, high),
        european=tuple(_curve(everything.only(np.flatnonzero(needed == count)), low, high, count) for count in few),
        others=everything.only(np.flatnonzero(needed > MOST)),
    )


def _premium(options: _Options, low: FloatArray, high: FloatArray) -> FloatArray:
    total = np.zeros((NODES, low.size))
    for some in options.blocks(NODES):
        flat = terms_of(spread(some.terms, _nodes(low[some.underlying], high[some.underlying], NODES)))
        above = np.maximum(american_price(**flat).price - european(**flat).price, 0.0)
        some.add(total, above.reshape(NODES, -1))
    return total


def _needed(options: OptionTerms, length: FloatArray) -> NDArray[np.int64]:
    """How many nodes each option's curve has: the next power of two, so that few groups are needed."""
    deviation = options.volatility * np.sqrt(options.years_to_expiry)
    bound = 1.0 + 1.197 / deviation + 0.726 / deviation**2 + 0.399 / deviation**3
    steps = np.nan_to_num(length / (384.0 * ERROR / bound) ** 0.25, nan=0.0)
    return np.asarray(2 ** np.ceil(np.log2(np.maximum(steps + 1.0, FEWEST))), dtype=np.int64)


def _curve(options: _Options, low: FloatArray, high: FloatArray, count: int) -> _Curve:
    used = np.unique(options.underlying)
    start, end = np.log(low), np.log(high)
    value, slope = np.zeros((2, count, low.size))
    for some in options.blocks(count):
        ratio = np.exp(_nodes(start[some.underlying], end[some.underlying], count))
        valued = european(**terms_of(spread(some.terms, ratio)))
        some.add(value, valued.price.reshape(ratio.shape))
        some.add(slope, valued.delta.reshape(ratio.shape) * ratio * some.terms.spot)
    width = _width(start, end, count)[used]
    return _Curve(used, start[used], width, value[:, used], slope[:, used] * width)


def _width(start: FloatArray, end: FloatArray, count: int) -> FloatArray:
    return np.maximum((end - start) / (count - 1), NARROWEST)


def _nodes(start: FloatArray, end: FloatArray, count: int) -> FloatArray:
    return np.asarray(start + np.arange(count)[:, None] * _width(start, end, count))


def _between(values: FloatArray, place: FloatArray) -> FloatArray:
    """Values (G, U) at places (S, U) between the nodes, linearly."""
    below = np.clip(np.nan_to_num(place), 0, len(values) - 2).astype(np.int64)
    start, end = (np.take_along_axis(values, below + step, axis=0) for step in (0, 1))
    return np.asarray(start + (end - start) * (place - below))
