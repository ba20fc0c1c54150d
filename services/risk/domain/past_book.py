"""A book on past sessions: what each position was worth, won and moved with, session by session, as matrices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import BoolArray, FloatArray
from services.risk.domain.book import Book, Positions
from services.risk.domain.market import Mark, PriceBasis
from services.risk.domain.past_cash import open_on
from services.risk.domain.past_market import PastMarket, Spots, spots
from services.risk.domain.past_options import PastOptions, past_options


@dataclass(frozen=True, slots=True, eq=False)
class PastBook:
    """P positions, those held on the last day first, at S sessions; amounts in base currency, NaN where not known."""

    positions: Positions
    days: tuple[date, ...]
    open: BoolArray
    """(S, P): held at the close."""
    known: BoolArray
    """(S, P): not held, or valued with all that it moves with."""
    value: FloatArray
    """(S, P): market value; 0 where it is not held."""
    exposure: FloatArray
    """(S, P), delta-adjusted; 0 where it is not held."""
    notional: FloatArray
    """(S, P): the size of what it is about, at least 0: what a missing exposure may be at most."""
    greeks: FloatArray
    """(5, S, P), of the whole position."""
    pnl: FloatArray
    """(S, P): since entry, unrealised while it is held and realised from then on; 0 before entry."""
    age: NDArray[np.int64]
    """(S, P): sessions since the price was made."""
    modelled: BoolArray
    """(S, P): an option without a mark of the day."""
    carried_from: tuple[date | None, ...]
    bases: tuple[PriceBasis, ...]
    base_currency: str
    newest: dict[int, Mark]
    """Marks of the last session, by instrument; none where its days end before it."""

    def reason(self, session: int, row: int) -> str:
        """Say why a position that is held is not known."""
        if self.positions.currencies[row] != self.base_currency:
            return "no_fx_rate"
        mark = self.newest.get(self.positions.instrument_ids[row])
        if session == len(self.days) - 1 and mark:
            return mark.reason or ("no_fx_rate" if mark.currency != self.base_currency else "no_delta")
        if not self.positions.is_option[row]:
            return "no_price"
        return "no_underlying_price" if np.isnan(self.notional[session, row]) else "no_volatility"


def past_book(book: Book, past: PastMarket) -> PastBook:
    """Value a book at each session up to its own day."""
    positions = book.everything()
    at, newest = spots(positions, past), dict(past.marks[-1].marks) if past.marks and not past.later else {}
    options = past_options(positions, at, past)
    price, delta = _prices(book, positions, at, options, newest)
    size = positions.quantity * positions.multiplier
    held = open_on(positions, past.days)
    known = ~held | ~np.isnan(price * delta)
    ended = np.array([day or date.max for day in positions.exit_dates], dtype="datetime64[D]") <= _column(past.days)
    realised = np.where(_in_base(book, positions), size * (positions.exit_price - positions.entry_price), np.nan)
    with np.errstate(over="raise"):
        value, exposure = size * price, size * delta * at.price
        unrealised = value - size * positions.entry_price
    missing = held & ~known
    greeks = np.where(positions.is_option, options.greeks, np.array([1.0, 0.0, 0.0, 0.0, 0.0])[:, None, None]) * size
    return PastBook(
        positions=positions,
        days=past.days,
        open=held,
        known=known,
        value=np.where(missing, np.nan, np.where(held, value, 0.0)),
        exposure=np.where(missing, np.nan, np.where(held, exposure, 0.0)),
        notional=np.where(held, np.abs(_or_cost(size * at.price, size * positions.entry_price)), 0.0),
        greeks=np.where(held, np.where(missing, np.nan, greeks), 0.0),
        pnl=np.where(held, np.where(missing, np.nan, unrealised), np.where(ended, realised, 0.0)),
        age=at.age,
        modelled=options.modelled & held & known,
        carried_from=options.carried_from,
        bases=at.bases,
        base_currency=book.base_currency,
        newest=newest,
    )


def _prices(
    book: Book, positions: Positions, at: Spots, options: PastOptions, newest: dict[int, Mark]
) -> tuple[FloatArray, FloatArray]:
    """Give price and delta of one unit, (S, P); on the last session a price is its mark, as everywhere."""
    price = np.where(positions.is_option, options.price, at.price)
    delta = np.where(positions.is_option, options.greeks[0], 1.0)
    for row in range(len(book.held)):  # which stand first
        mark = newest.get(positions.instrument_ids[row])
        if mark and len(price):
            price[-1, row] = mark.price if mark.currency == book.base_currency else np.nan
            if not positions.is_option[row]:
                at.price[-1, row] = price[-1, row]
    return np.where(_in_base(book, positions), price, np.nan), delta


def _in_base(book: Book, positions: Positions) -> BoolArray:
    """Nothing supplies rates of exchange yet."""
    return np.array([currency == book.base_currency for currency in positions.currencies], dtype=bool)


def _or_cost(notional: FloatArray, cost: FloatArray) -> FloatArray:
    return np.where(np.isnan(notional), cost, notional)


def _column(days: Sequence[date]) -> NDArray[np.datetime64]:
    return np.array(days, dtype="datetime64[D]")[:, None]
