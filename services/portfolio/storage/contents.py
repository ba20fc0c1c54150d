"""What is in portfolios at their revisions: positions, cash and its movements in PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    Table,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.book import CashBalance, CashMovement, Position
from services.portfolio.domain.label import names_on
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.storage import labels
from services.portfolio.storage.content_rows import movement_of, position_of, row_of
from services.portfolio.storage.portfolio_tables import cash_movements
from services.portfolio.storage.tables import cash_balances, positions

Contents = tuple[list[Position], list[CashBalance], list[CashMovement]]
TAG_SEPARATOR = ";"
"""No tag contains it, because files separate tags by it."""
ID = Uuid(as_uuid=False)
GIVEN = (
    func.unnest(bindparam("portfolio_ids", type_=ARRAY(ID)), bindparam("revisions", type_=ARRAY(Integer)))
    .table_valued(column("portfolio_id", ID), column("revision", Integer))
    .render_derived("given")
)


def _valid(table: Table) -> ColumnElement[bool]:
    """Give the condition that a row is its owner's, of a given portfolio, and valid at the revision given with it."""
    return (
        (table.c.portfolio_id == GIVEN.c.portfolio_id)
        & (table.c.owner_id == bindparam("owner_id"))
        & (table.c.from_revision <= GIVEN.c.revision)
        & or_(table.c.to_revision.is_(None), table.c.to_revision > GIVEN.c.revision)
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


# Built once: building a statement takes longer than running it.
POSITIONS = select(positions).join(GIVEN, _valid(positions)).order_by(positions.c.portfolio_id, positions.c.ordinal)
CASH = select(cash_balances).join(GIVEN, _valid(cash_balances)).order_by(cash_balances.c.currency)
MOVEMENTS = (
    select(cash_movements)
    .join(GIVEN, _valid(cash_movements))
    .order_by(cash_movements.c.movement_date, cash_movements.c.from_revision, cash_movements.c.movement_id)
)
ADD = _add()


async def every(connection: AsyncConnection, owner_id: str, portfolios: Sequence[Portfolio]) -> dict[str, Contents]:
    """Give what is in portfolios of an owner, each at the revision it stands at, by the portfolio's id.

    Positions stand in the order they were entered, cash by currency, movements by day and then in the order stated.
    """
    named = {
        "owner_id": owner_id,
        "portfolio_ids": [portfolio.portfolio_id for portfolio in portfolios],
        "revisions": [portfolio.revision for portfolio in portfolios],
    }
    found: dict[str, Contents] = {portfolio.portfolio_id: ([], [], []) for portfolio in portfolios}
    for row in await connection.execute(POSITIONS, named):
        found[row.portfolio_id][0].append(position_of(row))
    for row in await connection.execute(CASH, named):
        found[row.portfolio_id][1].append(CashBalance(row.currency, row.amount, row.balance_date))
    for row in await connection.execute(MOVEMENTS, named):
        found[row.portfolio_id][2].append(movement_of(row))
    return found


async def cash_of(connection: AsyncConnection, portfolio: Portfolio) -> list[CashBalance]:
    """Give the stated cash of a portfolio at its revision, by currency."""
    return (await every(connection, portfolio.owner_id, [portfolio]))[portfolio.portfolio_id][1]


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
