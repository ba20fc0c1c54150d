"""Reading books, and valuing them with marketdata's marks."""

import asyncio
import datetime
from collections.abc import Sequence

from cachetools import LRUCache

from chassis.database import Database
from chassis.hot_reads import reading
from services.portfolio.domain.book import Book, CashBalance, CashMovement, Position, book_on, cash_on
from services.portfolio.domain.market import Instrument, Mark, Session
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.domain.valued_book import ValuedBook, value
from services.portfolio.ports import MarketData
from services.portfolio.storage import contents, portfolios

POSITIONS_KEPT = 100_000
"""Positions and movements, of all books together, that one process keeps; about 50 MB."""
Contents = tuple[list[Position], list[CashBalance], list[CashMovement]]


class Books:
    """Reads books, and values them."""

    def __init__(self, database: Database, marketdata: MarketData) -> None:
        self._database = database
        self._marketdata = marketdata
        # By portfolio and revision: what a revision contains never changes.
        self._contents: LRUCache[tuple[str, int], Contents] = LRUCache(POSITIONS_KEPT, getsizeof=_size)

    async def glance(self, owner_id: str, portfolio_id: str, revision: int = 0) -> Portfolio:
        """Give a portfolio at a revision, without its book.

        Raises:
            NotFound: there is none, or it is another's.
            OutOfRange: it has no such revision.
        """
        async with reading(self._database, owner_id) as connection:
            return await portfolios.glance(connection, owner_id, portfolio_id, revision)

    async def on(self, day: datetime.date, portfolio: Portfolio) -> Book:
        """Give the book of a portfolio, at the revision it stands at, on a day."""
        return book_on(day, *await self._contents_of(portfolio))

    async def cash(self, portfolio: Portfolio, day: datetime.date | None) -> Sequence[CashBalance]:
        """Give the cash of a portfolio, at the revision it stands at, on a day; without one as it was stated."""
        positions, cash, movements = await self._contents_of(portfolio)
        return cash if day is None else cash_on(day, positions, cash, movements)

    async def value(
        self, owner_id: str, portfolio_id: str, revision: int, as_of_date: datetime.date | None
    ) -> ValuedBook:
        """Value a portfolio at a session; without a date, the newest that is sealed."""
        session = await self._marketdata.session(as_of_date)
        portfolio = await self.glance(owner_id, portfolio_id, revision)
        book = await self.on(session.as_of_date, portfolio)
        ids = sorted({position.instrument_id for position in book.positions})
        marks, instruments = await self._look_up(ids, session)
        return value(portfolio, book, session, marks, instruments)

    async def _contents_of(self, portfolio: Portfolio) -> Contents:
        key = portfolio.portfolio_id, portfolio.revision
        if (known := self._contents.get(key)) is None:
            async with self._database.transaction(portfolio.owner_id) as connection:
                positions = await contents.positions_of(connection, portfolio)
                cash = await contents.cash_of(connection, portfolio)
                known = positions, cash, await contents.movements_of(connection, portfolio)
            if _size(known) <= POSITIONS_KEPT:
                self._contents[key] = known
        return known

    async def _look_up(self, ids: list[int], session: Session) -> tuple[dict[int, Mark], dict[int, Instrument]]:
        if not ids:
            return {}, {}
        return await asyncio.gather(self._marketdata.marks(ids, session), self._marketdata.instruments(ids))


def _size(found: Contents) -> int:
    return 1 + len(found[0]) + len(found[2])
