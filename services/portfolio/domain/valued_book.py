"""What a book is worth on a day: marks applied to its positions, with the same arithmetic that risk uses."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from riskmath import valuation
from riskmath.sums import sum_known
from services.portfolio.domain.book import Book, Position
from services.portfolio.domain.market import Instrument, Mark, Session
from services.portfolio.domain.portfolio import Portfolio

STALE_SESSIONS = 3


@dataclass(frozen=True, slots=True)
class ValuedPosition:
    """A position, and what it is worth if that is known."""

    position: Position
    instrument: Instrument | None
    mark: Mark
    market_value: float | None
    cost_basis: float | None
    reason: str
    realized_pnl: float | None = None

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
) -> ValuedBook:
    """Value a book. What has no mark, or no rate of exchange, has no value and says why."""
    cash_balance, cash_reason = _cash(book, portfolio.base_currency)
    positions = _valued(book.positions, [portfolio.base_currency] * len(book.positions), marks, instruments)
    return ValuedBook(portfolio, session, book, positions, cash_balance, cash_reason)


def detail(
    day: datetime.date,
    positions: Sequence[Position],
    base_currencies: Mapping[str, str],
    marks: Mapping[int, Mark],
    instruments: Mapping[int, Instrument],
) -> list[ValuedPosition]:
    """Value positions of any portfolios one by one; one that is not held on the day has no value, and says so.

    Args:
        day: the session's day.
        positions: what to value.
        base_currencies: of their portfolios, by id.
        marks: at the session, by instrument.
        instruments: by id.
    """
    bases = [base_currencies[position.portfolio_id] for position in positions]
    return [
        _detail(day, valued, base)
        for valued, base in zip(_valued(positions, bases, marks, instruments), bases, strict=True)
    ]


def _detail(day: datetime.date, valued: ValuedPosition, base_currency: str) -> ValuedPosition:
    position = valued.position
    if not position.opened_by(day):
        return replace(valued, market_value=None, reason="not_entered")
    if not position.closed_by(day):
        return valued
    realized = position.realized_pnl if position.currency == base_currency else None
    realized_pnl = None if realized is None else float(realized)
    return replace(valued, market_value=None, reason="closed", realized_pnl=realized_pnl)


def _cash(book: Book, base_currency: str) -> tuple[float | None, str]:
    if book.cash_reason:
        return None, book.cash_reason
    if any(balance.currency != base_currency for balance in book.cash):
        return None, "no_fx_rate"
    return float(sum(balance.amount for balance in book.cash)), ""


def _valued(
    positions: Sequence[Position],
    base_currencies: Sequence[str],
    marks: Mapping[int, Mark],
    instruments: Mapping[int, Instrument],
) -> tuple[ValuedPosition, ...]:
    found = [marks[position.instrument_id] for position in positions]
    local = [p.currency == m.currency == base for p, m, base in zip(positions, found, base_currencies, strict=True)]
    quantity = np.array([float(position.quantity) for position in positions])
    price = np.array([np.nan if mark.price is None else mark.price for mark in found])
    entry_price = np.array([float(position.entry_price) for position in positions])
    multiplier = np.array([position.multiplier for position in positions])
    fx = np.where(local, 1.0, np.nan)
    values = valuation.market_value(quantity, price, multiplier, fx)
    costs = valuation.cost_basis(quantity, entry_price, multiplier, fx)
    return tuple(
        ValuedPosition(
            position=position,
            instrument=instruments.get(position.instrument_id),
            mark=mark,
            market_value=_known(value),
            cost_basis=_known(cost),
            reason=mark.reason or ("" if in_base else "no_fx_rate"),
        )
        for position, mark, in_base, value, cost in zip(positions, found, local, values, costs, strict=True)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
