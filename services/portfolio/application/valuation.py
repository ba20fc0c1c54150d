"""Reading books, and valuing them with marketdata's marks."""

import asyncio
import datetime

from cachetools import LRUCache
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from services.portfolio.domain.book import Book, CashBalance, Position, book_on
from services.portfolio.domain.market import Instrument, Mark, Session
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.domain.valued_book import ValuedBook, value
from services.portfolio.ports import MarketData
from services.portfolio.storage import contents, portfolios

POSITIONS_KEPT = 100_000
"""Positions, of all books together, that one process keeps; about 50 MB."""
Contents = tuple[list[Position], list[CashBalance]]


class Books:
    """Reads books, and values them."""

    def __init__(self, database: Database, marketdata: MarketData) -> None:
        self._database = database
        self._marketdata = marketdata
        # By portfolio and revision: what a revision contains never changes.
        self._contents: LRUCache[tuple[str, int], Contents] = LRUCache(POSITIONS_KEPT, getsizeof=_size)

    async def read(self, owner_id: str, portfolio_id: str, revision: int, day: datetime.date) -> tuple[Portfolio, Book]:
        """Give a portfolio at a revision and its book on a day.

        Raises:
            NotFound: there is none, or it is another's.
            OutOfRange: it has no such revision.
        """
        async with self._database.transaction(owner_id) as connection:
            portfolio = await portfolios.get(connection, owner_id, portfolio_id, revision)
            positions, cash = await self._read_contents(connection, portfolio)
        return portfolio, book_on(day, positions, cash)

    async def value(
        self, owner_id: str, portfolio_id: str, revision: int, as_of_date: datetime.date | None
    ) -> ValuedBook:
        """Value a portfolio at a session; without a date, the newest that is sealed."""
        session = await self._marketdata.session(as_of_date)
        portfolio, book = await self.read(owner_id, portfolio_id, revision, session.as_of_date)
        ids = sorted({position.instrument_id for position in book.positions})
        marks, instruments = await self._look_up(ids, session)
        return value(portfolio, book, session, marks, instruments)

    async def _read_contents(self, connection: AsyncConnection, portfolio: Portfolio) -> Contents:
        key = portfolio.portfolio_id, portfolio.revision
        if (known := self._contents.get(key)) is None:
            known = await contents.positions_of(connection, portfolio), await contents.cash_of(connection, portfolio)
            if _size(known) <= POSITIONS_KEPT:
                self._contents[key] = known
        return known

    async def _look_up(self, ids: list[int], session: Session) -> tuple[dict[int, Mark], dict[int, Instrument]]:
        if not ids:
            return {}, {}
        return await asyncio.gather(self._marketdata.marks(ids, session), self._marketdata.instruments(ids))


def _size(found: Contents) -> int:
    return 1 + len(found[0])
