"""What a book is worth on a day: marketdata's marks, applied to the positions."""

import asyncio
import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chassis.database import Database
from riskmath import valuation
from services.portfolio.domain.book import Book, Position, book_on
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.ports import Instrument, Mark, MarketData, Session
from services.portfolio.storage import contents, portfolios

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

    @property
    def unrealized_pnl(self) -> float | None:
        """Market value less cost; unknown with either."""
        if self.market_value is None or self.cost_basis is None:
            return None
        return self.market_value - self.cost_basis

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
        return float(np.sum([p.market_value for p in self.positions if p.market_value is not None]))

    @property
    def net_asset_value(self) -> float | None:
        """Cash plus market value; unknown where the cash is."""
        return None if self.cash_balance is None else self.cash_balance + self.market_value


class Books:
    """Reads books, and values them."""

    def __init__(self, database: Database, marketdata: MarketData) -> None:
        self._database = database
        self._marketdata = marketdata

    async def read(self, owner_id: str, portfolio_id: str, revision: int, day: datetime.date) -> tuple[Portfolio, Book]:
        """Give a portfolio at a revision and its book on a day.

        Raises:
            NotFound: there is none, or it is another's.
            OutOfRange: it has no such revision.
        """
        async with self._database.transaction(owner_id) as connection:
            portfolio = await portfolios.get(connection, owner_id, portfolio_id, revision)
            positions = await contents.positions_of(connection, portfolio)
            cash = await contents.cash_of(connection, portfolio)
        return portfolio, book_on(day, positions, cash)

    async def value(
        self, owner_id: str, portfolio_id: str, revision: int, as_of_date: datetime.date | None
    ) -> ValuedBook:
        """Value a portfolio at a session; without a date, the newest that is sealed."""
        session = await self._marketdata.session(as_of_date)
        portfolio, book = await self.read(owner_id, portfolio_id, revision, session.as_of_date)
        ids = sorted({position.instrument_id for position in book.positions})
        marks, instruments = await self._look_up(ids, session)
        cash_balance, cash_reason = _cash(book, portfolio.base_currency)
        return ValuedBook(
            portfolio=portfolio,
            session=session,
            book=book,
            positions=_valued(book.positions, portfolio.base_currency, marks, instruments),
            cash_balance=cash_balance,
            cash_reason=cash_reason,
        )

    async def _look_up(self, ids: list[int], session: Session) -> tuple[dict[int, Mark], dict[int, Instrument]]:
        if not ids:
            return {}, {}
        return await asyncio.gather(self._marketdata.marks(ids, session), self._marketdata.instruments(ids))


def _cash(book: Book, base_currency: str) -> tuple[float | None, str]:
    if book.cash_reason:
        return None, book.cash_reason
    if any(balance.currency != base_currency for balance in book.cash):
        return None, "no_fx_rate"
    return float(sum(balance.amount for balance in book.cash)), ""


def _valued(
    positions: Sequence[Position], base_currency: str, marks: dict[int, Mark], instruments: dict[int, Instrument]
) -> tuple[ValuedPosition, ...]:
    found = [marks[position.instrument_id] for position in positions]
    quantity = np.array([float(position.quantity) for position in positions])
    price = np.array([np.nan if mark.price is None else mark.price for mark in found])
    entry_price = np.array([float(position.entry_price) for position in positions])
    multiplier = np.array([position.multiplier for position in positions])
    fx = np.array([1.0 if position.currency == base_currency else np.nan for position in positions])
    values = valuation.market_value(quantity, price, multiplier, fx)
    costs = valuation.cost_basis(quantity, entry_price, multiplier, fx)
    return tuple(
        ValuedPosition(
            position=position,
            instrument=instruments.get(position.instrument_id),
            mark=mark,
            market_value=_known(value),
            cost_basis=_known(cost),
            reason=mark.reason or ("" if position.currency == base_currency else "no_fx_rate"),
        )
        for position, mark, value, cost in zip(positions, found, values, costs, strict=True)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
