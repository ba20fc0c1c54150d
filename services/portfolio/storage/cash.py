"""The cash of a portfolio in PostgreSQL: balances by currency, and single movements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, insert, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import NotFound
from services.portfolio.domain.book import CashBalance, CashMovement
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.storage.content_rows import movement_of
from services.portfolio.storage.portfolio_tables import cash_movements
from services.portfolio.storage.tables import cash_balances


@dataclass(frozen=True, slots=True)
class MovementFilter:
    """Which movements to list; an empty field lets all pass."""

    currency: str = ""
    kinds: Sequence[str] = field(default_factory=tuple)
    start_date: date | None = None
    end_date: date | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a movement stands in the order of a list."""

    movement_date: date
    revision: int
    movement_id: str


async def stated(connection: AsyncConnection, portfolio: Portfolio) -> dict[str, tuple[CashBalance, int]]:
    """Give the balances of a portfolio's newest revision by currency, each with the revision that stated it."""
    newest = (
        (cash_balances.c.portfolio_id == portfolio.portfolio_id)
        & (cash_balances.c.owner_id == portfolio.owner_id)
        & cash_balances.c.to_revision.is_(None)
    )
    rows = await connection.execute(select(cash_balances).where(newest))
    return {row.currency: (CashBalance(row.currency, row.amount, row.balance_date), row.from_revision) for row in rows}


async def retract(connection: AsyncConnection, portfolio: Portfolio, currency: str) -> None:
    """Let a currency have no balance from a portfolio's revision on."""
    newest = (
        (cash_balances.c.portfolio_id == portfolio.portfolio_id)
        & (cash_balances.c.owner_id == portfolio.owner_id)
        & (cash_balances.c.currency == currency)
        & cash_balances.c.to_revision.is_(None)
    )
    await connection.execute(update(cash_balances).where(newest).values(to_revision=portfolio.revision))


async def movements(
    connection: AsyncConnection,
    portfolio: Portfolio,
    wanted: MovementFilter,
    after: Place | None,
    size: int,
) -> list[CashMovement]:
    """Give movements of a portfolio at its revision that come after a place, by day, then in the order of revisions."""
    table = cash_movements
    order = (table.c.movement_date, table.c.from_revision, table.c.movement_id)
    statement = select(table).where(_valid(portfolio)).order_by(*order).limit(size)
    if after is not None:
        identifier = literal(after.movement_id, table.c.movement_id.type)
        place = tuple_(literal(after.movement_date), literal(after.revision), identifier)
        statement = statement.where(tuple_(*order) > place)
    if wanted.currency:
        statement = statement.where(table.c.currency == wanted.currency)
    if wanted.kinds:
        statement = statement.where(table.c.kind.in_(wanted.kinds))
    if wanted.start_date:
        statement = statement.where(table.c.movement_date >= wanted.start_date)
    if wanted.end_date:
        statement = statement.where(table.c.movement_date <= wanted.end_date)
    return [movement_of(row) for row in await connection.execute(statement)]


async def add_movement(connection: AsyncConnection, portfolio: Portfolio, movement: CashMovement) -> None:
    """Add a movement that is valid from a portfolio's revision on."""
    values: dict[str, object] = {
        "movement_id": movement.movement_id,
        "from_revision": portfolio.revision,
        "portfolio_id": portfolio.portfolio_id,
        "owner_id": portfolio.owner_id,
        "kind": movement.kind,
        "currency": movement.currency,
        "amount": movement.amount,
        "movement_date": movement.movement_date,
        "symbol": movement.symbol,
        "note": movement.note,
    }
    await connection.execute(insert(cash_movements).values(values))


async def end_movement(connection: AsyncConnection, portfolio: Portfolio, movement_id: str) -> None:
    """Let a movement be no more from a portfolio's revision on.

    Raises:
        NotFound: the portfolio has none of this id.
    """
    newest = (
        (cash_movements.c.movement_id == movement_id)
        & (cash_movements.c.portfolio_id == portfolio.portfolio_id)
        & (cash_movements.c.owner_id == portfolio.owner_id)
        & cash_movements.c.to_revision.is_(None)
    )
    statement = update(cash_movements).where(newest).values(to_revision=portfolio.revision)
    if (await connection.execute(statement)).rowcount == 0:
        raise NotFound("cash movement", movement_id)


def _valid(portfolio: Portfolio) -> "ColumnElement[bool]":
    table = cash_movements
    return (
        (table.c.portfolio_id == portfolio.portfolio_id)
        & (table.c.owner_id == portfolio.owner_id)
        & (table.c.from_revision <= portfolio.revision)
        & or_(table.c.to_revision.is_(None), table.c.to_revision > portfolio.revision)
    )
