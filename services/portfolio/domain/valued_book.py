"""What a book is worth on a day: marks applied to its positions, with the same arithmetic that risk uses.

Everything is told in the base currency of its portfolio: what it is worth at the rate of exchange of the session, and
what was paid at that of the day of entry.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from riskmath import valuation
from riskmath.arrays import FloatArray
from riskmath.exchange import ExchangeRates
from riskmath.sums import sum_known
from services.portfolio.domain.book import Book, Position
from services.portfolio.domain.market import Instrument, Mark, Session
from services.portfolio.domain.portfolio import Portfolio

STALE_SESSIONS = 3
NO_FX_RATE = "no_fx_rate"


@dataclass(frozen=True, slots=True)
class ValuedPosition:
    """A position, and what it is worth if that is known."""

    position: Position
    instrument: Instrument | None
    mark: Mark
    market_value: float | None
    cost_basis: float | None
    reason: str
    fx_rate: float | None = None
    opening_fx_rate: float | None = None
    currency_pnl: float | None = None
    """What of the unrealised profit and loss the rate of exchange made."""
    realized_pnl: float | None = None

    @property
    def cost_reason(self) -> str:
        """Why the cost is not known. Empty: it is."""
        return NO_FX_RATE if self.cost_basis is None else ""

    @property
    def unrealized_pnl(self) -> float | None:
        """Market value less cost; unknown with either."""
        if self.market_value is None or self.cost_basis is None:
            return None
        return self.market_value - self.cost_basis

    @property
    def contract_symbol(self) -> str:
        """The contract that a split made of an option. Empty: none."""
        return self.position.symbol if self.position.option and self.position.entered else ""

    @property
    def stale(self) -> bool:
        """Whether its price is older than it should be."""
        return self.mark.price is not None and self.mark.age_sessions > STALE_SESSIONS


@dataclass(frozen=True, slots=True)
class ValuedBook:
    """A portfolio at one revision, one session and one version of market data."""

    portfolio: Portfolio
    session: Session
    book: Book
    positions: tuple[ValuedPosition, ...]
    cash_balance: float | None
    cash_reason: str

    @property
    def market_value(self) -> float:
        """Sum of the market values that are known."""
        return sum_known([np.nan if p.market_value is None else p.market_value for p in self.positions]).total

    @property
    def net_asset_value(self) -> float | None:
        """Cash plus market value; unknown where the cash is."""
        return None if self.cash_balance is None else self.cash_balance + self.market_value


def value(
    portfolio: Portfolio,
    book: Book,
    session: Session,
    marks: Mapping[int, Mark],
    instruments: Mapping[int, Instrument],
    rates: ExchangeRates,
) -> ValuedBook:
    """Value a book. What has no mark, or no rate of exchange, has no value and says why."""
    day = session.as_of_date
    cash_balance, cash_reason = _cash(book, rates, day)
    positions = _valued(day, book.positions, [rates] * len(book.positions), marks, instruments)
    return ValuedBook(portfolio, session, book, positions, cash_balance, cash_reason)


def detail(
    day: datetime.date,
    positions: Sequence[Position],
    base_currencies: Mapping[str, str],
    marks: Mapping[int, Mark],
    instruments: Mapping[int, Instrument],
    rates: Mapping[str, ExchangeRates],
) -> list[ValuedPosition]:
    """Value positions of any portfolios one by one; one that is not held on the day has no value, and says so.

    Args:
        day: the session's day.
        positions: what to value.
        base_currencies: of their portfolios, by id.
        marks: at the session, by instrument.
        instruments: by id.
        rates: of exchange, by base currency.
    """
    tables = [rates[base_currencies[position.portfolio_id]] for position in positions]
    return [
        _detail(day, valued, table)
        for valued, table in zip(_valued(day, positions, tables, marks, instruments), tables, strict=True)
    ]


def _detail(day: datetime.date, valued: ValuedPosition, rates: ExchangeRates) -> ValuedPosition:
    position = valued.position
    if not position.opened_by(day):
        return replace(valued, market_value=None, currency_pnl=None, reason="not_entered")
    if not position.closed_by(day):
        return valued
    realized_pnl = _realized(position, rates)
    return replace(valued, market_value=None, currency_pnl=None, reason="closed", realized_pnl=realized_pnl)


def _realized(position: Position, rates: ExchangeRates) -> float | None:
    """Give what a closed position made, each price at the rate of exchange of its day."""
    if position.exit_price is None or position.exit_date is None or position.realized_pnl is None:
        return None
    if position.currency == rates.base_currency:
        return float(position.realized_pnl)
    opening, closing = rates.at([position.currency] * 2, [position.entry_date, position.exit_date]).tolist()
    made = valuation.profit_and_loss(
        [float(position.quantity)],
        [float(position.entry_price)],
        [float(position.exit_price)],
        [position.multiplier],
        [opening],
        [closing],
    )
    return _known(made.total[0])


def _cash(book: Book, rates: ExchangeRates, day: datetime.date) -> tuple[float | None, str]:
    if book.cash_reason:
        return None, book.cash_reason
    fx = rates.at([balance.currency for balance in book.cash], [day] * len(book.cash)).tolist()
    cash = math.fsum(float(balance.amount) * rate for balance, rate in zip(book.cash, fx, strict=True))
    return (None, NO_FX_RATE) if math.isnan(cash) else (cash, "")


def _rates(
    day: datetime.date, positions: Sequence[Position], tables: Sequence[ExchangeRates], found: Sequence[Mark]
) -> tuple[FloatArray, FloatArray]:
    """Give the rates of exchange of the day, and of the day of entry, (N,) each.

    A price in another currency than the position was entered in has neither: nobody knows what the position is in.
    """
    now, opening = np.full((2, len(positions)), np.nan)
    for table in {id(table): table for table in tables}.values():
        rows = [row for row, of in enumerate(tables) if of is table]
        currencies = [positions[row].currency for row in rows]
        now[rows] = table.at(currencies, [day] * len(rows))
        opening[rows] = table.at(currencies, [positions[row].entry_date for row in rows])
    same = np.array([p.currency == mark.currency for p, mark in zip(positions, found, strict=True)], dtype=bool)
    return np.where(same, now, np.nan), np.where(same, opening, np.nan)


def _valued(
    day: datetime.date,
    positions: Sequence[Position],
    tables: Sequence[ExchangeRates],
    marks: Mapping[int, Mark],
    instruments: Mapping[int, Instrument],
) -> tuple[ValuedPosition, ...]:
    found = [marks[position.instrument_id] for position in positions]
    fx, opening_fx = _rates(day, positions, tables, found)
    quantity = np.array([float(position.quantity) for position in positions])
    price = np.array([np.nan if mark.price is None else mark.price for mark in found])
    entry_price = np.array([float(position.entry_price) for position in positions])
    multiplier = np.array([position.multiplier for position in positions])
    values = valuation.market_value(quantity, price, multiplier, fx)
    costs = valuation.cost_basis(quantity, entry_price, multiplier, opening_fx)
    moved = valuation.profit_and_loss(quantity, entry_price, price, multiplier, opening_fx, fx).currency
    return tuple(
        ValuedPosition(
            position=position,
            instrument=instruments.get(position.instrument_id),
            mark=mark,
            market_value=_known(value),
            cost_basis=_known(cost),
            reason=mark.reason or (NO_FX_RATE if np.isnan(rate) else ""),
            fx_rate=_known(rate),
            opening_fx_rate=_known(opening),
            currency_pnl=_known(currency_pnl),
        )
        for position, mark, value, cost, rate, opening, currency_pnl in zip(
            positions, found, values, costs, fx, opening_fx, moved, strict=True
        )
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
