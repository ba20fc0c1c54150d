"""The market of past sessions as a book needs it: the price that each position follows, in the shares of the position.

Histories are read once, as matrices. Closes adjusted for splits alone, times the shares of today, are what was quoted
times the shares of then. A source that has total return alone is taken as it is, as its marks are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import BoolArray, FloatArray
from riskmath.exchange import ExchangeRates, no_rates
from riskmath.returns import log_returns
from services.risk.domain.book import Positions
from services.risk.domain.inputs import PriceHistory
from services.risk.domain.market import MarketSlice, PriceBasis

EXTRA_SESSIONS: Final = 91
"""Read before the first session: what a price may be filled forward from, and what volatility is realised over."""
FEWEST_RETURNS: Final = 20
SESSIONS_A_YEAR: Final = 252


@dataclass(frozen=True, slots=True, eq=False)
class PastMarket:
    """What is known of the market at S sessions and before."""

    days: tuple[date, ...]
    """(S,), oldest first."""
    quoted: PriceHistory | None
    """Closes adjusted for splits alone, up to the last session. None: nothing is followed."""
    adjusted: PriceHistory | None
    """Total-return closes of the same instruments on the same sessions."""
    raw: PriceHistory | None
    """Closes as quoted, of what closed positions followed. None: nothing was closed meanwhile."""
    marks: tuple[MarketSlice, ...]
    """Marks at a few of the sessions, oldest first, the last one that of the last session, with rates of exchange."""
    later: int = 0
    """Sessions after the days, to the last one: the days are then a stretch of those that all the rest is about."""

    def stretches(self, most: int) -> Iterator["PastMarket"]:
        """Yield the sessions in stretches of at most so many, and before each the session that it is compared with.

        What is worked out of a stretch is, to the last bit, what is worked out of all: it sees all prices and marks.
        """
        for first in range(1, len(self.days), most):
            days = self.days[first - 1 : first + most]
            yield replace(self, days=days, later=self.later + len(self.days) - first + 1 - len(days))

    def exchange(self, base_currency: str) -> ExchangeRates:
        """Give the rates of exchange to a base currency, up to the last session."""
        return self.marks[-1].exchange(base_currency) if self.marks else no_rates(base_currency)

    @property
    def data_version(self) -> int:
        """The newest version among what was read."""
        histories = [each.data_version for each in (self.quoted, self.adjusted, self.raw) if each]
        return max([*histories, *(each.data_version for each in self.marks)], default=0)


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """What P positions follow, at S sessions."""

    price: FloatArray
    """(S, P), in the shares of the position; the newest on or before the day. NaN: none is known."""
    age: NDArray[np.int64]
    """(S, P): sessions since that price."""
    volatility: FloatArray
    """(S, P): realised over 90 sessions, a decimal a year; NaN with too few returns, and for what is no option."""
    bases: tuple[PriceBasis, ...]
    """(P,): what the prices are."""
    closes: "Closes"
    ratio: FloatArray
    """(P,): what those are multiplied by."""

    def on(self, day: date, row: int) -> float:
        """Give the price that a position follows on any day up to the last session; NaN where none is known."""
        return self.closes.on(day, row) * float(self.ratio[row])


@dataclass(frozen=True, slots=True, eq=False)
class Closes:
    """Closes of instruments on all sessions that were read, filled forward, and which of them positions follow."""

    dates: NDArray[np.datetime64]
    """(T,)"""
    filled: FloatArray
    """(T, N)"""
    column: NDArray[np.int64]
    """(P,)"""

    def on(self, day: date, row: int) -> float:
        """Give the newest close on or before a day of what a position follows; NaN where there is none."""
        place = int(np.searchsorted(self.dates, np.datetime64(day, "D"), side="right")) - 1
        return float(self.filled[place, self.column[row]]) if place >= 0 else float("nan")


def spots(positions: Positions, past: PastMarket) -> Spots:
    """Give what positions follow, at each session. What several follow is worked out once."""
    sessions, count = len(past.days), len(positions)
    unknown: PriceBasis = ""
    followed = tuple(sorted(set(positions.underlying_ids)))
    place = {number: column for column, number in enumerate(followed)}
    column = np.array([place[number] for number in positions.underlying_ids], dtype=np.int64)
    if past.quoted is None or past.adjusted is None or not count:
        price, volatility = np.full((2, sessions, count), np.nan)
        closes = Closes(np.empty(0, dtype="datetime64[D]"), np.empty((0, len(followed))), column)
        ages = np.zeros((sessions, count), dtype=np.int64)
        return Spots(price, ages, volatility, (unknown,) * count, closes, np.ones(count))
    quoted, adjusted = _columns(past.quoted, followed), _columns(past.adjusted, followed)
    only_adjusted: BoolArray = np.asarray(np.isnan(quoted).all(axis=0))
    with np.errstate(invalid="ignore"):
        known: FloatArray = np.where(only_adjusted, adjusted, quoted)
        known = np.where(known > 0.0, known, np.nan)
    filled, age = _filled_forward(known)
    closes = Closes(np.array(past.quoted.session_dates, dtype="datetime64[D]"), filled, column)
    ratio = _shares_of_exit(positions, past, closes)
    end = len(filled) - past.later
    bases = dict(zip(past.adjusted.instrument_ids, past.adjusted.price_bases, strict=True))
    rows = zip(column.tolist(), positions.underlying_ids, strict=True)
    return Spots(
        price=filled[end - sessions : end][:, column] * ratio,
        age=age[end - sessions : end][:, column],
        volatility=_volatility(positions, adjusted[:end], column, sessions),
        bases=tuple(bases.get(number, "") if only_adjusted[one] else "raw" for one, number in rows),
        closes=closes,
        ratio=ratio,
    )


def _columns(history: PriceHistory, instrument_ids: Sequence[int]) -> FloatArray:
    """Give closes by column; NaN for what is not there, because it was closed before the first session."""
    place = {instrument_id: column for column, instrument_id in enumerate(history.instrument_ids)}
    missing = np.full((len(history.closes), 1), np.nan)
    return np.hstack([history.closes, missing])[:, [place.get(number, -1) for number in instrument_ids]]


def _filled_forward(closes: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Give the newest known close of each row, and how many rows ago it was: a value needs one, a return must not."""
    rows = np.arange(len(closes))[:, None]
    newest = np.maximum.accumulate(np.where(np.isnan(closes), -1, rows), axis=0)
    filled = np.where(newest >= 0, np.take_along_axis(closes, np.maximum(newest, 0), axis=0), np.nan)
    return filled, np.asarray(rows - newest, dtype=np.int64)


def _shares_of_exit(positions: Positions, past: PastMarket, closes: Closes) -> FloatArray:
    """Give by what split-adjusted prices are multiplied, (P,): 1, or for closed positions the splits since they were.

    A closed position is told in the shares of its last day.
    """
    ratio = np.ones(len(positions))
    if past.raw is None:
        return ratio
    known = {number: column for column, number in enumerate(past.raw.instrument_ids)}
    for row, exit_date in enumerate(positions.exit_dates):
        column = known.get(positions.underlying_ids[row])
        place = int(np.searchsorted(closes.dates, np.datetime64(exit_date, "D"), side="right")) - 1 if exit_date else -1
        if column is None or place < 0:
            continue
        by_split = past.raw.closes[place, column] / closes.filled[place, closes.column[row]]
        ratio[row] = by_split if np.isfinite(by_split) else 1.0
    return ratio


def _volatility(positions: Positions, adjusted: FloatArray, column: NDArray[np.int64], sessions: int) -> FloatArray:
    """Give the realised volatility of what options follow, (S, P), NaN for all others."""
    found = np.full((sessions, len(positions)), np.nan)
    options = np.flatnonzero(positions.is_option)
    if options.size:
        used, place = np.unique(column[options], return_inverse=True)
        found[:, options] = _realised(adjusted[:, used], sessions)[:, place]
    return found


def _realised(adjusted: FloatArray, sessions: int) -> FloatArray:
    """Give the deviation of 90 log returns up to each of the last sessions, a year, as marks of options have it."""
    with np.errstate(invalid="ignore"):
        returns = log_returns(np.where(adjusted > 0.0, adjusted, np.nan))
    window = EXTRA_SESSIONS - 1
    before = np.full((max(0, window + sessions - 1 - len(returns)), returns.shape[1]), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.vstack([before, returns]), window, axis=0)[-sessions:]
    found = np.empty((sessions, returns.shape[1]))
    for session, seen in enumerate(windows):  # all of them at once would be 90 times the prices
        found[session] = _deviation(np.ascontiguousarray(seen))
    return found


def _deviation(seen: FloatArray) -> FloatArray:
    """Give the deviation of returns (N, 90), a year; NaN with too few, or without a move."""
    count = (~np.isnan(seen)).sum(axis=1)
    mean = np.nansum(seen, axis=1) / np.maximum(count, 1)
    square = np.nansum((seen - mean[:, None]) ** 2, axis=1)
    deviation = np.sqrt(square / np.maximum(count - 1, 1) * SESSIONS_A_YEAR)
    return np.where((count >= FEWEST_RETURNS) & (deviation > 0.0), deviation, np.nan)
