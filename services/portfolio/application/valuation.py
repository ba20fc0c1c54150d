"""Reading books, and valuing them with marketdata's marks."""

import asyncio
import datetime
from collections.abc import Mapping, Sequence

from cachetools import LRUCache

from chassis.database import Database
from chassis.hot_path import reading
from riskmath.exchange import ExchangeRates, no_rates
from services.portfolio.application.known_market import KnownMarket
from services.portfolio.application.splits import Retelling
from services.portfolio.domain.book import Book, CashBalance, Position
from services.portfolio.domain.foreign import foreign
from services.portfolio.domain.market import Instrument, Mark, Session
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.domain.valued_book import ValuedBook, value
from services.portfolio.ports import MarketData
from services.portfolio.storage import contents, portfolios
from services.portfolio.storage.contents import Contents

POSITIONS_KEPT = 100_000
"""Positions and movements, of all books together, that one process keeps; about 50 MB."""


class Books:
    """Reads books, and values them."""

    def __init__(self, database: Database, marketdata: MarketData) -> None:
        self._database = database
        self._marketdata = marketdata
        self._market = KnownMarket(marketdata)
        self._retelling = Retelling(marketdata, self._market)
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

    async def on(self, day: datetime.date, portfolio: Portfolio, data_version: int) -> Book:
        """Give the book of a portfolio, at the revision it stands at, on a day, in the shares of the day.

        Args:
            day: whose close.
            portfolio: whose book.
            data_version: of the splits. 0: the newest.
        """
        (book,) = await self._retelling.books(day, [await self._contents_of(portfolio)], data_version)
        return book

    async def every(
        self, owner_id: str, pins: Mapping[str, int], day: datetime.date, data_version: int
    ) -> list[tuple[Portfolio, Book]]:
        """Give the book of each portfolio of an owner on a day; see `on`, and `portfolios.every` for the pins.

        Raises:
            NotFound: a portfolio that is named is not there, or is another's.
        """
        async with self._database.transaction(owner_id) as connection:
            found = await portfolios.every(connection, owner_id, pins)
        known = await self._all_contents_of(owner_id, found)
        contents = [known[portfolio.portfolio_id] for portfolio in found]
        return list(zip(found, await self._retelling.books(day, contents, data_version), strict=True))

    async def positions(self, portfolio: Portfolio) -> Sequence[Position]:
        """Give all positions of a portfolio, at the revision it stands at, in the order they were entered."""
        return (await self._contents_of(portfolio))[0]

    async def cash(self, portfolio: Portfolio, day: datetime.date | None) -> Sequence[CashBalance]:
        """Give the cash of a portfolio, at the revision it stands at, on a day; without one as it was stated."""
        contents = await self._contents_of(portfolio)
        if day is None:
            return contents[1]
        (book,) = await self._retelling.books(day, [contents], data_version=0)
        return book.cash

    async def value(
        self, owner_id: str, portfolio_id: str, revision: int, as_of_date: datetime.date | None
    ) -> ValuedBook:
        """Value a portfolio at a session; without a date, the newest that is sealed.

        Raises:
            NotFound: there is none, or it is another's.
            OutOfRange: it has no such revision.
        """
        portfolio, session = await self.pin(owner_id, portfolio_id, revision, as_of_date)
        return (await self.values(owner_id, [portfolio], session))[0]

    async def pin(
        self, owner_id: str, portfolio_id: str, revision: int, as_of_date: datetime.date | None
    ) -> tuple[Portfolio, Session]:
        """Give a portfolio at a revision, and the session that a day means: what fixes its value.

        Raises:
            NotFound: there is none, or it is another's.
            OutOfRange: it has no such revision.
        """
        return await asyncio.gather(self.glance(owner_id, portfolio_id, revision), self._marketdata.session(as_of_date))

    async def values(self, owner_id: str, portfolios: Sequence[Portfolio], session: Session) -> list[ValuedBook]:
        """Value portfolios of an owner, each at the revision it stands at, at a session."""
        known = await self._all_contents_of(owner_id, portfolios)
        contents = [known[portfolio.portfolio_id] for portfolio in portfolios]
        books = await self._retelling.books(session.as_of_date, contents, session.data_version)
        held = [position for book in books for position in book.positions]
        told = list(zip(portfolios, books, strict=True))
        (marks, instruments), rates = await asyncio.gather(
            self.look_up(owner_id, held, session),
            self.rates(
                [(portfolio.base_currency, position) for portfolio, book in told for position in book.positions],
                [(portfolio.base_currency, balance) for portfolio, book in told for balance in book.cash],
                session,
            ),
        )
        return [
            value(
                portfolio,
                book,
                session,
                marks,
                instruments,
                rates.get(portfolio.base_currency, no_rates(portfolio.base_currency)),
            )
            for portfolio, book in told
        ]

    async def rates(
        self, positions: Sequence[tuple[str, Position]], cash: Sequence[tuple[str, CashBalance]], session: Session
    ) -> dict[str, ExchangeRates]:
        """Give the rates of exchange of positions and cash, each with its base currency; one call a base currency."""
        bases = sorted({base for base, _ in (*positions, *cash)})
        asked = [
            foreign(
                base, [p for of, p in positions if of == base], [c for of, c in cash if of == base], session.as_of_date
            )
            for base in bases
        ]
        found = await asyncio.gather(
            *(self._market.rates(each, session, base) for base, each in zip(bases, asked, strict=True))
        )
        return dict(zip(bases, found, strict=True))

    async def told(self, positions: Sequence[Position], session: Session) -> list[Position]:
        """Give positions in the shares of a session."""
        return await self._retelling.positions(session.as_of_date, positions, session.data_version)

    async def look_up(
        self, owner_id: str, positions: Sequence[Position], session: Session
    ) -> tuple[dict[int, Mark], dict[int, Instrument]]:
        """Give the marks and the instruments of an owner's positions at a session."""
        return await self._market.look_up(owner_id, sorted({p.instrument_id for p in positions}), session)

    async def _contents_of(self, portfolio: Portfolio) -> Contents:
        return (await self._all_contents_of(portfolio.owner_id, [portfolio]))[portfolio.portfolio_id]

    async def _all_contents_of(self, owner_id: str, portfolios: Sequence[Portfolio]) -> dict[str, Contents]:
        known = {p.portfolio_id: self._contents.get((p.portfolio_id, p.revision)) for p in portfolios}
        if unread := [portfolio for portfolio in portfolios if known[portfolio.portfolio_id] is None]:
            async with self._database.transaction(owner_id) as connection:
                read = await contents.every(connection, owner_id, unread)
            for portfolio in unread:
                found = known[portfolio.portfolio_id] = read[portfolio.portfolio_id]
                if _size(found) <= POSITIONS_KEPT:
                    self._contents[portfolio.portfolio_id, portfolio.revision] = found
        return {portfolio_id: found for portfolio_id, found in known.items() if found is not None}


def _size(found: Contents) -> int:
    return 1 + len(found[0]) + len(found[2])
