"""Positions in detail: valued, closed ones with what was realised."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.database import Database
from services.portfolio.application.valuation import Books
from services.portfolio.domain.book import Date, Position
from services.portfolio.domain.market import Session
from services.portfolio.domain.valued_book import ValuedPosition, detail
from services.portfolio.ports import MarketData
from services.portfolio.storage import portfolios, positions


@dataclass(frozen=True, slots=True)
class Details:
    """Positions in detail, at a session."""

    session: Session
    positions: list[ValuedPosition]


class PositionDetails:
    """Reads positions in detail."""

    def __init__(self, database: Database, marketdata: MarketData, books: Books) -> None:
        self._database = database
        self._marketdata = marketdata
        self._books = books

    async def of_portfolio(
        self, owner_id: str, portfolio_id: str, revision: int, as_of_date: Date | None, *, closed: bool
    ) -> Details:
        """Give the positions of a portfolio, closed ones only if they are wanted.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            OutOfRange: it has no such revision.
        """
        session = await self._marketdata.session(as_of_date)
        portfolio = await self._books.glance(owner_id, portfolio_id, revision)
        day = session.as_of_date
        every = await self._books.positions(portfolio)
        shown = [p for p in every if p.opened_by(day) and (closed or not p.closed_by(day))]
        return await self._valued(owner_id, session, shown, {portfolio_id: portfolio.base_currency})

    async def of_positions(self, owner_id: str, position_ids: Sequence[str], as_of_date: Date | None) -> Details:
        """Give positions by id, in that order.

        Raises:
            NotFound: one of them is not there, or is another's.
        """
        session = await self._marketdata.session(as_of_date)
        async with self._database.transaction(owner_id) as connection:
            found = await positions.many(connection, owner_id, list(dict.fromkeys(position_ids)))
            currencies = await portfolios.base_currencies(connection, owner_id, {p.portfolio_id for p in found})
        return await self._valued(owner_id, session, found, currencies)

    async def _valued(
        self, owner_id: str, session: Session, found: Sequence[Position], base_currencies: dict[str, str]
    ) -> Details:
        told = await self._books.told(found, session)
        needed = [(base_currencies[position.portfolio_id], position) for position in told]
        (marks, instruments), rates = await asyncio.gather(
            self._books.look_up(owner_id, told, session), self._books.rates(needed, [], session)
        )
        details = detail(session.as_of_date, told, base_currencies, marks, instruments, rates)
        return Details(session, details)
