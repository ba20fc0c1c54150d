"""What is in a portfolio at a revision: positions and cash in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Insert, Integer, Row, Table, Text, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.book import CashBalance, CashMovement, OptionTerms, Position
from services.portfolio.domain.label import names_on
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.storage import labels
from services.portfolio.storage.portfolio_tables import cash_movements
from services.portfolio.storage.tables import cash_balances, positions


def _valid(table: Table) -> ColumnElement[bool]:
    """Give the condition that a row is its owner's, of a portfolio, and valid at a revision."""
    revision = bindparam("revision", type_=Integer)
    return (
        (table.c.portfolio_id == bindparam("portfolio_id"))
        & (table.c.owner_id == bindparam("owner_id"))
        & (table.c.from_revision <= revision)
        & or_(table.c.to_revision.is_(None), table.c.to_revision > revision)
    )


# Built once: building a statement takes longer than running it.
POSITIONS = select(positions).where(_valid(positions)).order_by(positions.c.ordinal)
CASH = (
    select(cash_balances.c.currency, cash_balances.c.amount, cash_balances.c.balance_date)
    .where(_valid(cash_balances))
    .order_by(cash_balances.c.currency)
)

MOVEMENTS = (
    select(cash_movements)
    .where(_valid(cash_movements))
    .order_by(cash_movements.c.movement_date, cash_movements.c.from_revision, cash_movements.c.movement_id)
)


def _add() -> Insert:
    """Make the statement that adds positions, given column by column: much faster than row by row.

    An array of arrays must be rectangular, so tags come joined.
    """
    written = [column for column in positions.c if column.name != "to_revision"]
    kinds = {column.name: Text() if column.name == "tags" else column.type for column in written}
    given = func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items()))
    rows = given.table_valued(*kinds).render_derived("given")
    values = [func.string_to_array(rows.c.tags, TAG_SEPARATOR) if name == "tags" else rows.c[name] for name in kinds]
    return insert(positions).from_select(list(kinds), select(*values))


TAG_SEPARATOR = ";"
"""No tag contains it, because files separate tags by it."""
ADD = _add()


def _named(portfolio: Portfolio) -> dict[str, object]:
    return {
        "portfolio_id": portfolio.portfolio_id,
        "owner_id": portfolio.owner_id,
        "revision": portfolio.revision,
    }


async def positions_of(connection: AsyncConnection, portfolio: Portfolio) -> list[Position]:
    """Give the positions of a portfolio at its revision, in the order they were entered."""
    return [position_of(row) for row in await connection.execute(POSITIONS, _named(portfolio))]


async def cash_of(connection: AsyncConnection, portfolio: Portfolio) -> list[CashBalance]:
    """Give the stated cash of a portfolio at its revision, by currency."""
    return [CashBalance(*row) for row in await connection.execute(CASH, _named(portfolio))]


async def movements_of(connection: AsyncConnection, portfolio: Portfolio) -> list[CashMovement]:
    """Give the movements of cash of a portfolio at its revision, by day, then in the order they were stated."""
    return [movement_of(row) for row in await connection.execute(MOVEMENTS, _named(portfolio))]


async def add_positions(connection: AsyncConnection, portfolio: Portfolio, added: Sequence[Position]) -> None:
    """Add positions that are valid from a portfolio's revision on, after those that are there."""
    if not added:
        return
    await labels.register(connection, portfolio.owner_id, names_on(added))
    last = select(func.coalesce(func.max(positions.c.ordinal), 0)).where(
        positions.c.portfolio_id == portfolio.portfolio_id
    )
    first = (await connection.scalar(last) or 0) + 1
    rows = [row_of(portfolio, position, first + place) for place, position in enumerate(added)]
    columns: dict[str, list[object]] = {name: [row[name] for row in rows] for name in rows[0]}
    columns["tags"] = [TAG_SEPARATOR.join(position.tags) for position in added]
    await connection.execute(ADD, columns)


async def state_cash(connection: AsyncConnection, portfolio: Portfolio, stated: Sequence[CashBalance]) -> None:
    """State cash from a portfolio's revision on; a balance of the same currency ends there."""
    if not stated:
        return
    currencies = [balance.currency for balance in stated]
    replaced = (
        (cash_balances.c.portfolio_id == portfolio.portfolio_id)
        & (cash_balances.c.owner_id == portfolio.owner_id)
        & cash_balances.c.to_revision.is_(None)
        & cash_balances.c.currency.in_(currencies)
    )
    await connection.execute(update(cash_balances).where(replaced).values(to_revision=portfolio.revision))
    owned = {"portfolio_id": portfolio.portfolio_id, "owner_id": portfolio.owner_id}
    rows = [
        {
            **owned,
            "from_revision": portfolio.revision,
            "currency": b.currency,
            "amount": b.amount,
            "balance_date": b.balance_date,
        }
        for b in stated
    ]
    await connection.execute(insert(cash_balances), rows)


def position_of(row: "Row[*tuple[Any, ...]]") -> Position:
    """Give the position that a row states."""
    option = None
    if row.strike is not None:
        option = OptionTerms(
            row.underlying_symbol,
            row.underlying_instrument_id,
            row.expiry_date,
            row.option_right,
            row.strike,
            row.option_style or "",
        )
    return Position(
        position_id=row.position_id,
        symbol=row.symbol,
        instrument_id=row.instrument_id,
        quantity=row.quantity,
        entry_price=row.entry_price,
        entry_date=row.entry_date,
        currency=row.currency,
        multiplier=row.multiplier,
        tags=tuple(row.tags),
        exit_date=row.exit_date,
        exit_price=row.exit_price,
        option=option,
        strategy=row.strategy,
        portfolio_id=row.portfolio_id,
        revision=row.from_revision,
    )


def movement_of(row: "Row[*tuple[Any, ...]]") -> CashMovement:
    """Give the movement of cash that a row states."""
    return CashMovement(
        movement_id=row.movement_id,
        kind=row.kind,
        currency=row.currency,
        amount=row.amount,
        movement_date=row.movement_date,
        symbol=row.symbol,
        note=row.note,
        portfolio_id=row.portfolio_id,
        revision=row.from_revision,
    )


def row_of(portfolio: Portfolio, position: Position, ordinal: int) -> dict[str, object]:
    """Give the row of a position that is valid from a portfolio's revision on, at a place in its order."""
    option = position.option
    return {
        "position_id": position.position_id,
        "from_revision": portfolio.revision,
        "portfolio_id": portfolio.portfolio_id,
        "owner_id": portfolio.owner_id,
        "ordinal": ordinal,
        "symbol": position.symbol,
        "instrument_id": position.instrument_id,
        "quantity": position.quantity,
        "entry_price": position.entry_price,
        "entry_date": position.entry_date,
        "exit_date": position.exit_date,
        "exit_price": position.exit_price,
        "tags": list(position.tags),
        "currency": position.currency,
        "multiplier": position.multiplier,
        "underlying_symbol": option.underlying_symbol if option else None,
        "underlying_instrument_id": option.underlying_instrument_id if option else None,
        "expiry_date": option.expiry_date if option else None,
        "option_right": option.right if option else None,
        "strike": option.strike if option else None,
        "option_style": (option.style or None) if option else None,
        "strategy": position.strategy,
    }
