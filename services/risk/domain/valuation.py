"""A book meets its marks: value, profit and loss and exposure, row by row, and why where there is none.

60 positions take a millisecond or two, most of it for the deltas of options.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.exposure import delta_adjusted_exposure, notional
from riskmath.valuation import cost_basis, market_value, profit_and_loss
from services.risk.domain.book import Book, Positions
from services.risk.domain.market import MarketSlice
from services.risk.domain.sensitivities import deltas_and_gammas


@dataclass(frozen=True, slots=True, eq=False)
class ValuedPositions:
    """Held positions by column, in base currency; NaN in every column but `size` where `reasons` names one."""

    market_value: FloatArray
    pnl: FloatArray
    exposure: FloatArray
    """Delta-adjusted and signed."""
    size: FloatArray
    """The most that the exposure can be: the notional, or the cost where no price is known. NaN: not even that."""
    reasons: tuple[str, ...]
    """Why the row is left out. Empty: it is not."""


def value_held(book: Book, market: MarketSlice) -> ValuedPositions:
    """Value the positions that are held."""
    held, fx = book.held, _fx(book.held, book.base_currency)
    price = _prices(held.instrument_ids, book.base_currency, market)
    about = notional(held.quantity, _prices(held.underlying_ids, book.base_currency, market), held.multiplier, fx)
    delta, _ = deltas_and_gammas(held, market)
    reasons = tuple(_reasons(book, market, delta, about))
    kept = np.array([not reason for reason in reasons], dtype=bool)
    pnl = profit_and_loss(held.quantity, held.entry_price, price, held.multiplier, fx, fx).total
    cost = cost_basis(held.quantity, held.entry_price, held.multiplier, fx)
    return ValuedPositions(
        market_value=np.where(kept, market_value(held.quantity, price, held.multiplier, fx), np.nan),
        pnl=np.where(kept, pnl, np.nan),
        exposure=np.where(kept, delta_adjusted_exposure(delta, about), np.nan),
        size=np.abs(np.where(np.isnan(about), cost, about)),
        reasons=reasons,
    )


def realized_pnl(book: Book) -> FloatArray:
    """Profit and loss of each closed position, in base currency; NaN where the rate of exchange is not known."""
    closed, fx = book.closed, _fx(book.closed, book.base_currency)
    return profit_and_loss(closed.quantity, closed.entry_price, closed.exit_price, closed.multiplier, fx, fx).total


def cash_balance(book: Book) -> tuple[float | None, str]:
    """Give the cash in base currency, or why it is not known."""
    if book.cash_reason:
        return None, book.cash_reason
    if any(balance.currency != book.base_currency for balance in book.cash):
        return None, "no_fx_rate"
    return math.fsum(balance.amount for balance in book.cash), ""


def _fx(positions: Positions, base_currency: str) -> FloatArray:
    """1 in base currency, missing in any other: nothing supplies rates of exchange yet."""
    return np.array([1.0 if currency == base_currency else np.nan for currency in positions.currencies])


def _prices(instrument_ids: tuple[int, ...], base_currency: str, market: MarketSlice) -> FloatArray:
    marks = (market.marks[instrument_id] for instrument_id in instrument_ids)
    return np.array([mark.price if mark.currency == base_currency else np.nan for mark in marks])


def _reasons(book: Book, market: MarketSlice, delta: FloatArray, about: FloatArray) -> Iterator[str]:
    held = book.held
    rows = zip(held.instrument_ids, held.currencies, delta, about, strict=True)
    for instrument_id, currency, of_spot, size in rows:
        mark = market.marks[instrument_id]
        if not mark.known:
            yield mark.reason
        elif book.base_currency != currency or book.base_currency != mark.currency:
            yield "no_fx_rate"
        elif np.isnan(of_spot):
            yield "no_delta"
        else:
            yield "no_underlying_price" if np.isnan(size) else ""
