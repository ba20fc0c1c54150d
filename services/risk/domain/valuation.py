"""A book meets its marks: value, profit and loss and exposure, row by row, and why where there is none.

60 positions take a millisecond or two, most of it for the deltas of options.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.exchange import ExchangeRates
from riskmath.exposure import delta_adjusted_exposure, notional
from riskmath.valuation import ProfitAndLoss, cost_basis, market_value, profit_and_loss
from services.risk.domain.book import Book, Positions
from services.risk.domain.market import MarketSlice
from services.risk.domain.sensitivities import deltas_and_gammas


@dataclass(frozen=True, slots=True, eq=False)
class ValuedPositions:
    """Held positions by column, in base currency; NaN in every column but `size` where `reasons` names one."""

    market_value: FloatArray
    pnl: FloatArray
    """Since entry, each price at the rate of exchange of its day; NaN also where that of the entry is not known."""
    currency_pnl: FloatArray
    """What of it the rate of exchange made, the cross term included."""
    exposure: FloatArray
    """Delta-adjusted and signed."""
    size: FloatArray
    """The most that the exposure can be: the notional, or the cost where no price is known. NaN: not even that."""
    reasons: tuple[str, ...]
    """Why the row is left out. Empty: it is not."""


def value_held(book: Book, market: MarketSlice) -> ValuedPositions:
    """Value the positions that are held."""
    held = book.held
    fx, opening_fx = fx_rates(book, market), _fx_on(held.entry_dates, held, book.base_currency, market)
    price = _prices(held.instrument_ids, held, market)
    about = notional(held.quantity, _prices(held.underlying_ids, held, market), held.multiplier, fx)
    delta, _ = deltas_and_gammas(held, market)
    reasons = tuple(_reasons(held, market, fx, delta, about))
    kept = np.array([not reason for reason in reasons], dtype=bool)
    pnl = profit_and_loss(held.quantity, held.entry_price, price, held.multiplier, opening_fx, fx)
    cost = cost_basis(held.quantity, held.entry_price, held.multiplier, fx)  # as a size of today, not as what was paid
    return ValuedPositions(
        market_value=np.where(kept, market_value(held.quantity, price, held.multiplier, fx), np.nan),
        pnl=np.where(kept, pnl.total, np.nan),
        currency_pnl=np.where(kept, pnl.currency, np.nan),
        exposure=np.where(kept, delta_adjusted_exposure(delta, about), np.nan),
        size=np.abs(np.where(np.isnan(about), cost, about)),
        reasons=reasons,
    )


def realized_pnl(book: Book, market: MarketSlice) -> ProfitAndLoss:
    """Profit and loss of each closed position, in base currency; NaN where a rate of exchange is not known."""
    closed, base = book.closed, book.base_currency
    left = tuple(day or market.session.as_of_date for day in closed.exit_dates)
    opening_fx, closing_fx = (_fx_on(days, closed, base, market) for days in (closed.entry_dates, left))
    return profit_and_loss(
        closed.quantity, closed.entry_price, closed.exit_price, closed.multiplier, opening_fx, closing_fx
    )


def cash_balance(book: Book, rates: ExchangeRates, day: date) -> tuple[float | None, str]:
    """Give the cash in base currency, at the rates of a day, or why it is not known."""
    if book.cash_reason:
        return None, book.cash_reason
    fx = rates.at([balance.currency for balance in book.cash], [day] * len(book.cash)).tolist()
    cash = math.fsum(balance.amount * rate for balance, rate in zip(book.cash, fx, strict=True))
    return (None, "no_fx_rate") if math.isnan(cash) else (cash, "")


def fx_rates(book: Book, market: MarketSlice) -> FloatArray:
    """Rates of exchange of the held positions at the session, (N,): 1 in base currency, NaN where none is known."""
    return _fx_on((market.session.as_of_date,) * len(book.held), book.held, book.base_currency, market)


def _fx_on(days: tuple[date, ...], positions: Positions, base_currency: str, market: MarketSlice) -> FloatArray:
    return market.exchange(base_currency).at(positions.currencies, days)


def _prices(instrument_ids: tuple[int, ...], held: Positions, market: MarketSlice) -> FloatArray:
    """Prices in the currency of the position; one in another is none: nobody knows what the position is in."""
    marks = [market.marks[instrument_id] for instrument_id in instrument_ids]
    rows = zip(marks, held.currencies, strict=True)
    return np.array([mark.price if mark.currency == currency else np.nan for mark, currency in rows])


def _reasons(
    held: Positions, market: MarketSlice, fx: FloatArray, delta: FloatArray, about: FloatArray
) -> Iterator[str]:
    rows = zip(held.instrument_ids, held.currencies, fx, delta, about, strict=True)
    for instrument_id, currency, rate, of_spot, size in rows:
        mark = market.marks[instrument_id]
        if not mark.known:
            yield mark.reason
        elif np.isnan(rate) or mark.currency != currency:
            yield "no_fx_rate"
        elif np.isnan(of_spot):
            yield "no_delta"
        else:
            yield "no_underlying_price" if np.isnan(size) else ""
