"""Portfolios in a line each: what they are worth, all at one session."""

from dataclasses import dataclass

from chassis.database import Database
from services.portfolio.application.valuation import Books
from services.portfolio.domain.book import Date
from services.portfolio.domain.market import Session
from services.portfolio.domain.valued_book import ValuedBook
from services.portfolio.ports import MarketData
from services.portfolio.storage import portfolios


@dataclass(frozen=True, slots=True)
class Page:
    """A page of portfolios with their values, and the name after which the next one begins; empty at the end."""

    session: Session
    books: list[ValuedBook]
    next_after: str


class PortfolioSummaries:
    """Sums portfolios up."""

    def __init__(self, database: Database, marketdata: MarketData, books: Books) -> None:
        self._database = database
        self._marketdata = marketdata
        self._books = books

    async def page(self, owner_id: str, as_of_date: Date | None, after: str, size: int) -> Page:
        """Give an owner's portfolios whose name comes after another, by name, valued at a session."""
        session = await self._marketdata.session(as_of_date)
        async with self._database.transaction(owner_id) as connection:
            found = await portfolios.page(connection, owner_id, after, size + 1)
        shown = found[:size]
        books = await self._books.values(owner_id, shown, session)
        return Page(session, books, shown[-1].name if len(found) > size else "")
