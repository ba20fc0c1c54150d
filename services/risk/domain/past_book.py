"""A book on past sessions: what each position was worth, won and moved with, session by session, as matrices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import BoolArray, FloatArray
from services.risk.domain.book import Book, Positions
from services.risk.domain.market import Mark, PriceBasis
from services.risk.domain.past_cash import open_on
from services.risk.domain.past_market import PastMarket, Spots, spots
from services.risk.domain.past_options import PastOptions, past_options

IN_SHARES: Final = np.array([True, True, False, False, False])
"""Of the five Greeks delta and gamma are told in shares, the others are money."""


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
    """(S, P): since entry, unrealised while it is held and realised from then on; 0 before entry; NaN also where the
    rate of exchange of the entry is not known."""
    gain: FloatArray
    """(S, P): the same without what was paid where that is not known: its differences between sessions are the same."""
    age: NDArray[np.int64]
    """(S, P): sessions since the price was made."""
    modelled: BoolArray
    """(S, P): an option without a mark of the day."""
    carried_from: tuple[date | None, ...]
    bases: tuple[PriceBasis, ...]
    exchanged: BoolArray
    """(S, P): its currency has a rate of exchange."""
    newest: dict[int, Mark]
    """Marks of the last session, by instrument; none where its days end before it."""

    def reason(self, session: int, row: int) -> str:
        """Say why a position that is held is not known."""
        if not self.exchanged[session, row]:
            return "no_fx_rate"
        mark = self.newest.get(self.positions.instrument_ids[row])
        if session == len(self.days) - 1 and mark:
            return mark.reason or ("no_fx_rate" if mark.currency != self.positions.currencies[row] else "no_delta")
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
    rates = _rates(book, positions, past)
    held = open_on(positions, past.days)
    known = ~held | ~np.isnan(price * delta * rates.session)
    ended = np.array([day or date.max for day in positions.exit_dates], dtype="datetime64[D]") <= _column(past.days)
    with np.errstate(over="raise"):
        value, exposure = size * price * rates.session, size * delta * at.price * rates.session
        paid, got = size * positions.entry_price * rates.entry, size * positions.exit_price * rates.exit
        own = size * (positions.exit_price - positions.entry_price)
    missing = held & ~known
    # In base currency to the last bit what it was without rates: two products differ from their difference.
    realised = np.where(rates.in_base, own, got - paid)
    since_entry = np.where(held, np.where(missing, np.nan, value - paid), np.where(ended, realised, 0.0))
    from_nothing = np.where(held, value, np.where(ended, got, 0.0))
    greeks = np.where(positions.is_option, options.greeks, np.array([1.0, 0.0, 0.0, 0.0, 0.0])[:, None, None]) * size
    greeks = np.where(IN_SHARES[:, None, None], greeks, greeks * rates.session)
    return PastBook(
        positions=positions,
        days=past.days,
        open=held,
        known=known,
        value=np.where(missing, np.nan, np.where(held, value, 0.0)),
        exposure=np.where(missing, np.nan, np.where(held, exposure, 0.0)),
        notional=np.where(held, np.abs(_or_cost(size * at.price, size * positions.entry_price) * rates.session), 0.0),
        greeks=np.where(held, np.where(missing, np.nan, greeks), 0.0),
        pnl=since_entry,
        gain=np.where(np.isnan(rates.entry), from_nothing, since_entry),
        age=at.age,
        modelled=options.modelled & held & known,
        carried_from=options.carried_from,
        bases=at.bases,
        exchanged=~np.isnan(rates.session),
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
            price[-1, row] = mark.price if mark.currency == positions.currencies[row] else np.nan
            if not positions.is_option[row]:
                at.price[-1, row] = price[-1, row]
    return price, delta


@dataclass(frozen=True, slots=True, eq=False)
class _Rates:
    """Rates of exchange of P positions; 1 in base currency, NaN where none is known."""

    in_base: BoolArray
    """(P,)"""
    entry: FloatArray
    """(P,)"""
    exit: FloatArray
    """(P,): at the last session for what is held."""
    session: FloatArray
    """(S, P)"""


def _rates(book: Book, positions: Positions, past: PastMarket) -> _Rates:
    table, last = past.exchange(book.base_currency), past.days[-1]
    left = tuple(day or last for day in positions.exit_dates)
    return _Rates(
        in_base=np.array([currency == book.base_currency for currency in positions.currencies], dtype=bool),
        entry=table.at(positions.currencies, positions.entry_dates),
        exit=table.at(positions.currencies, left),
        session=table.columns(positions.currencies, past.days),
    )


def _or_cost(notional: FloatArray, cost: FloatArray) -> FloatArray:
    return np.where(np.isnan(notional), cost, notional)


def _column(days: Sequence[date]) -> NDArray[np.datetime64]:
    return np.array(days, dtype="datetime64[D]")[:, None]
