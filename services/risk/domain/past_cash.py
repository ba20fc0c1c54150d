"""The cash of a book on the days before its own: trades and movements undone, and what of them came from outside.

Two ways of having no ledger (methodology, section 8). Where cash was stated, everything is paid from it, and only what
is deposited or withdrawn is a flow. Where none was and nothing was ever sold short, each position is paid in when it is
entered, and paid out when it is closed. So is what was bought in a currency of which no cash was stated, beside cash of
others. Each amount counts at the rate of exchange of its day, and cash at that of the session.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np

from riskmath.arrays import BoolArray, FloatArray
from riskmath.exchange import ExchangeRates
from services.risk.domain.book import Book, Positions

PerformanceBasis = Literal["funded_from_cash", "contribution_at_entry", ""]
FROM_OUTSIDE: Final = frozenset({"DEPOSIT", "WITHDRAWAL"})
Flow = tuple[date, float]


@dataclass(frozen=True, slots=True, eq=False)
class PastCash:
    """Cash at the close of S sessions, in base currency."""

    basis: PerformanceBasis
    """Empty: the cash is not known, because something was sold short and none was stated."""
    balance: FloatArray
    """(S,); NaN where it is not known."""
    reason: str
    """Why it is not known where it is not. Empty: it is, but where a short position was held without any."""
    contributions: FloatArray
    """(S,): all that came from outside until then, each at the start of its day."""
    withdrawals: FloatArray
    """(S,): all that went outside until then, each at the end of its day."""


def past_cash(book: Book, days: Sequence[date], rates: ExchangeRates) -> PastCash:
    """Give the cash of a book at the close of days, of which none is after its own."""
    basis = performance_basis(book)
    cash = np.zeros(len(days))
    for balance in book.cash:
        moved = (*_trades(book, balance.currency), *_movements(book, balance.currency))
        later = _until((date.max,), moved) - _until(days, moved)
        cash = cash + (balance.amount - later) * rates.columns([balance.currency], days)[:, 0]
    if not book.cash:
        cash = np.where(_short_on(book, days), np.nan, cash)
    outside = list(_outside(book, basis, rates))
    return PastCash(
        basis=basis,
        balance=cash,
        reason="no_fx_rate" if book.cash and np.isnan(cash).any() else "",
        contributions=_until(days, [(day, amount) for day, amount in outside if amount > 0.0]),
        withdrawals=_until(days, [(day, -amount) for day, amount in outside if amount < 0.0]),
    )


def performance_basis(book: Book) -> PerformanceBasis:
    """Say how the performance of a book is to be measured."""
    if book.cash:
        return "funded_from_cash"
    short = (book.held.quantity < 0.0).any() or (book.closed.quantity < 0.0).any()
    return "" if short else "contribution_at_entry"


def first_day(book: Book) -> date | None:
    """Give the first day on which anything happened. None: nothing ever did."""
    days = [*book.held.entry_dates, *book.closed.entry_dates, *(each.movement_date for each in book.movements)]
    return min(days, default=None)


def _trades(book: Book, currency: str) -> Iterator[Flow]:
    """Yield what each trade in a currency brought into the cash."""
    for positions in (book.held, book.closed):
        size = (positions.quantity * positions.multiplier).tolist()
        paid, got = positions.entry_price.tolist(), positions.exit_price.tolist()
        for row, of in enumerate(positions.currencies):
            if of != currency:
                continue
            yield positions.entry_dates[row], -size[row] * paid[row]
            if exit_date := positions.exit_dates[row]:
                yield exit_date, size[row] * got[row]


def _movements(book: Book, currency: str, kinds: frozenset[str] | None = None) -> tuple[Flow, ...]:
    return tuple(
        (each.movement_date, each.amount)
        for each in book.movements
        if each.currency == currency and (kinds is None or each.kind in kinds)
    )


def _outside(book: Book, basis: PerformanceBasis, rates: ExchangeRates) -> Iterator[Flow]:
    """Yield what came from outside (positive) or went there, at the rate of exchange of its day.

    What has none has no value on its day either, so that no return is measured over it, and nothing is lost.
    """
    stated = {balance.currency for balance in book.cash}
    for currency in sorted({book.base_currency, *stated, *book.held.currencies, *book.closed.currencies}):
        flows = _movements(book, currency, FROM_OUTSIDE) if currency in stated or not basis else ()
        if basis and currency not in stated:
            flows = (*flows, *((day, -amount) for day, amount in _trades(book, currency)))
        fx = rates.at([currency] * len(flows), [day for day, _ in flows]).tolist()
        yield from ((day, amount * rate) for (day, amount), rate in zip(flows, fx, strict=True))


def _until(days: Sequence[date], flows: Sequence[Flow]) -> FloatArray:
    """Give the sum of the flows up to each day."""
    moved = np.array([day for day, _ in flows], dtype="datetime64[D]")
    amounts = np.array([amount for _, amount in flows], dtype=np.float64)
    return np.asarray(np.where(moved <= np.array(days, dtype="datetime64[D]")[:, None], amounts, 0.0).sum(axis=1))


def _short_on(book: Book, days: Sequence[date]) -> BoolArray:
    short = np.zeros(len(days), dtype=bool)
    for positions in (book.held, book.closed):
        short |= open_on(positions, days)[:, positions.quantity < 0.0].any(axis=1)
    return short


def open_on(positions: Positions, days: Sequence[date]) -> BoolArray:
    """Say of each position whether it is held at the close of each day, (S, P)."""
    close = np.array(days, dtype="datetime64[D]")[:, None]
    entry = np.array(positions.entry_dates, dtype="datetime64[D]")
    leave = np.array([day or date.max for day in positions.exit_dates], dtype="datetime64[D]")
    held: BoolArray = (entry <= close) & (leave > close)
    return held
