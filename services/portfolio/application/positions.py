"""Entering, changing and taking back positions: marketdata is asked before a transaction opens."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.portfolio.application.import_positions import CALENDAR_REACH, EXCHANGE_ZONE
from services.portfolio.domain import entries
from services.portfolio.domain.book import Position
from services.portfolio.domain.entries import Date, Days, Problem, Statement
from services.portfolio.domain.market import Instrument
from services.portfolio.domain.portfolio import Portfolio, refuse_stale
from services.portfolio.ports import Clock, MarketData
from services.portfolio.storage import contents, portfolios, positions

MOST_PROBLEMS = 20
"""Named in one answer, which has room for few more."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What shall be different about a position: fields by name, and the revision that the caller read."""

    fields: Mapping[str, Any]
    revision: int = 0


class Positions:
    """Enters and changes positions."""

    def __init__(self, database: Database, marketdata: MarketData, clock: Clock) -> None:
        self._database = database
        self._marketdata = marketdata
        self._clock = clock

    async def take(self, statements: Mapping[str, Statement]) -> list[Position]:
        """Give the positions that statements mean; outside any transaction, because it asks marketdata.

        Args:
            statements: each by the name of its field in the request.

        Raises:
            InvalidFields: one breaks a rule.
        """
        symbols = list({statement.symbol: None for statement in statements.values()})
        named = [day for s in statements.values() for day in (s.entry_date, s.exit_date) if day]
        days, instruments = await asyncio.gather(self._days(named), self._marketdata.resolve_instruments(symbols))
        return await asyncio.to_thread(_taken, statements, instruments, days)

    async def add(
        self, connection: AsyncConnection, owner_id: str, portfolio_id: str, added: Sequence[Position]
    ) -> tuple[Portfolio, list[Position]]:
        """Add positions to a portfolio as one revision.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
        """
        portfolio = await portfolios.lock(connection, owner_id, portfolio_id)
        opened = sum(position.exit_date is None for position in added)
        portfolio = await portfolios.advance(connection, portfolio, "positions_added", opened)
        await contents.add_positions(connection, portfolio, added)
        revision = portfolio.revision
        return portfolio, [replace(position, portfolio_id=portfolio_id, revision=revision) for position in added]

    async def check(self, owner_id: str, position_id: str, edit: Edit) -> None:
        """Make sure that the days an edit names were sessions; outside any transaction, because it asks marketdata.

        Raises:
            InvalidFields: one was not, or has not come yet.
            NotFound: there is no such position, or it is another's.
        """
        named = {name: day for name in ("entry_date", "exit_date") if (day := edit.fields.get(name))}
        if not named:
            return
        async with self._database.transaction(owner_id) as connection:
            instrument_id = (await positions.find(connection, owner_id, position_id)).instrument_id
        days, found = await asyncio.gather(self._days(named.values()), self._marketdata.instruments([instrument_id]))
        kind = found[instrument_id].kind if instrument_id in found else "STOCK"
        problems = (entries.day_problem(name, day, kind, days) for name, day in named.items())
        _refuse(_violation("", problem) for problem in problems if problem)

    async def change(self, connection: AsyncConnection, owner_id: str, position_id: str, edit: Edit) -> Position:
        """Change a position; without a difference nothing is done.

        Raises:
            NotFound: there is no such position, or it is another's.
            StaleRevision: it changed since the revision that the caller read.
            InvalidFields: it would contradict itself.
        """
        portfolio, before = await self._locked(connection, owner_id, position_id, edit.revision)
        after = entries.change(before, edit.fields)
        _refuse(_violation("", problem) for problem in entries.state_problems(after))
        if after == before:
            return before
        opened = (after.exit_date is None) - (before.exit_date is None)
        portfolio = await portfolios.advance(connection, portfolio, "position_changed", opened)
        return await positions.supersede(connection, portfolio, after)

    async def remove(self, connection: AsyncConnection, owner_id: str, position_id: str, revision: int) -> None:
        """Take a position back from the next revision on.

        Raises:
            NotFound: there is no such position, or it is another's.
            StaleRevision: it changed since the revision that the caller read.
        """
        portfolio, before = await self._locked(connection, owner_id, position_id, revision)
        opened = -1 if before.exit_date is None else 0
        portfolio = await portfolios.advance(connection, portfolio, "position_deleted", opened)
        await positions.end(connection, portfolio, position_id)

    async def _locked(
        self, connection: AsyncConnection, owner_id: str, position_id: str, revision: int
    ) -> tuple[Portfolio, Position]:
        """Give a position and its portfolio, and keep others from changing them until this transaction ends."""
        found = await positions.find(connection, owner_id, position_id)
        portfolio = await portfolios.lock(connection, owner_id, found.portfolio_id)
        position = await positions.find(connection, owner_id, position_id)
        refuse_stale(revision, position.revision, portfolio.revision)
        return portfolio, position

    async def _days(self, named: Iterable[Date]) -> Days:
        today = self._clock().astimezone(EXCHANGE_ZONE).date()
        first = max(min([today, *named]), today - CALENDAR_REACH)
        return Days(today, await self._marketdata.calendar(first, today))


def _taken(
    statements: Mapping[str, Statement], instruments: Mapping[str, Instrument | str], days: Days
) -> list[Position]:
    taken = {name: entries.take(s, instruments[s.symbol], days) for name, s in statements.items()}
    _refuse(_violation(name, problem) for name, t in taken.items() if isinstance(t, list) for problem in t)
    return [position for position in taken.values() if isinstance(position, Position)]


def _violation(prefix: str, problem: Problem) -> Violation:
    field = f"{prefix}.{problem.field}" if prefix else problem.field
    return Violation(field, problem.value, problem.message)


def _refuse(violations: Iterable[Violation]) -> None:
    if found := list(violations):
        raise InvalidFields(found[:MOST_PROBLEMS])
