"""Single positions in PostgreSQL: finding them, and closing one version for the next to follow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import NotFound
from services.portfolio.domain.book import Position
from services.portfolio.domain.label import names_on
from services.portfolio.domain.listing import Filter
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.storage import labels
from services.portfolio.storage.content_rows import position_of, row_of
from services.portfolio.storage.tables import positions

SIDE = case((positions.c.quantity > 0, "L"), else_="S")
TYPE_NAME = case(
    (positions.c.option_right.is_not(None), SIDE + positions.c.option_right),
    (positions.c.quantity > 0, "LONG"),
    else_="SHORT",
)
UNDERLYING = func.coalesce(positions.c.underlying_symbol, positions.c.symbol)
UNDERLYING_ID = func.coalesce(positions.c.underlying_instrument_id, positions.c.instrument_id)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a position stands in the order of a list."""

    portfolio_id: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose positions: of one portfolio at a revision, or of all portfolios of an owner at their newest."""

    owner_id: str
    portfolio: Portfolio | None = None

    def holds(self) -> "ColumnElement[bool]":
        """Give the condition that a position is in it."""
        own = positions.c.owner_id == self.owner_id
        if self.portfolio is None:
            return own & positions.c.to_revision.is_(None)
        revision = self.portfolio.revision
        return and_(
            own,
            positions.c.portfolio_id == self.portfolio.portfolio_id,
            positions.c.from_revision <= revision,
            or_(positions.c.to_revision.is_(None), positions.c.to_revision > revision),
        )


async def find(connection: AsyncConnection, owner_id: str, position_id: str) -> Position:
    """Give a position as it is in the newest revision.

    Raises:
        NotFound: there is none, it was deleted, or it is another's.
    """
    found = await many(connection, owner_id, [position_id])
    return found[0]


async def many(connection: AsyncConnection, owner_id: str, position_ids: Sequence[str]) -> list[Position]:
    """Give positions as they are in the newest revision, in the order of their ids.

    Raises:
        NotFound: one of them is not there, was deleted, or is another's.
    """
    newest = (positions.c.owner_id == owner_id) & positions.c.to_revision.is_(None)
    statement = select(positions).where(newest, positions.c.position_id.in_(position_ids))
    found = {position.position_id: position for position in map(position_of, await connection.execute(statement))}
    if missing := [position_id for position_id in position_ids if position_id not in found]:
        raise NotFound("position", missing[0])
    return [found[position_id] for position_id in position_ids]


async def listed(
    connection: AsyncConnection,
    scope: Scope,
    wanted: Filter,
    instrument_ids: Sequence[int] | None = None,
    after: Place | None = None,
    size: int | None = None,
) -> list[tuple[Place, Position]]:
    """Give the positions that fit, portfolio by portfolio in the order they were entered, each with its place.

    Args:
        connection: the owner's transaction.
        scope: whose positions.
        wanted: the filter; its sectors are not looked at.
        instrument_ids: only of these, or options on them. None: of any.
        after: begin after this place. None: begin with the first.
        size: give at most so many. None: all.
    """
    statement = _filtered(select(positions).where(scope.holds()), wanted)
    if instrument_ids is not None:
        statement = statement.where(UNDERLYING_ID.in_(instrument_ids))
    if after is not None:
        place = tuple_(literal(after.portfolio_id, positions.c.portfolio_id.type), literal(after.ordinal))
        statement = statement.where(tuple_(positions.c.portfolio_id, positions.c.ordinal) > place)
    statement = statement.order_by(positions.c.portfolio_id, positions.c.ordinal).limit(size)
    rows = await connection.execute(statement)
    return [(Place(row.portfolio_id, row.ordinal), position_of(row)) for row in rows]


async def instrument_ids_of(connection: AsyncConnection, scope: Scope) -> list[int]:
    """Give the instruments of positions; for options, their underlyings."""
    statement = select(UNDERLYING_ID).where(scope.holds()).distinct()
    return sorted((await connection.scalars(statement)).all())


async def supersede(connection: AsyncConnection, portfolio: Portfolio, position: Position) -> Position:
    """Let a position be as given from a portfolio's revision on; give it with that revision."""
    await labels.register(connection, portfolio.owner_id, names_on([position]))
    ordinal = await end(connection, portfolio, position.position_id)
    await connection.execute(insert(positions), [row_of(portfolio, position, ordinal)])
    return replace(position, revision=portfolio.revision)


async def end(connection: AsyncConnection, portfolio: Portfolio, position_id: str) -> int:
    """Let a position be no more from a portfolio's revision on; give its place in the order."""
    newest = (
        (positions.c.position_id == position_id)
        & (positions.c.owner_id == portfolio.owner_id)
        & positions.c.to_revision.is_(None)
    )
    statement = update(positions).where(newest).values(to_revision=portfolio.revision).returning(positions.c.ordinal)
    ordinal: int = (await connection.execute(statement)).scalar_one()
    return ordinal


def _filtered(statement: "Select[Any]", wanted: Filter) -> "Select[Any]":
    for column, values in (
        (positions.c.symbol, wanted.symbols),
        (TYPE_NAME, wanted.type_names),
        (positions.c.strategy, wanted.strategies),
        (UNDERLYING, wanted.underlyings),
    ):
        if values:
            statement = statement.where(column.in_(values))
    if wanted.tags:
        statement = statement.where(positions.c.tags.overlap(list(wanted.tags)))
    if wanted.status == "open":
        return statement.where(positions.c.exit_date.is_(None))
    return statement.where(positions.c.exit_date.is_not(None)) if wanted.status == "closed" else statement
