"""Taking back what an import saved: positions and movements that are still there, and the cash that it stated last."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.book import CashBalance, CashMovement
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.storage import cash, contents
from services.portfolio.storage.import_tables import import_balances, import_rows
from services.portfolio.storage.portfolio_tables import cash_movements
from services.portfolio.storage.tables import cash_balances, positions


async def state_balances(
    connection: AsyncConnection, portfolio: Portfolio, import_id: str, currencies: list[str]
) -> None:
    """Remember that an import stated balances in a portfolio's revision."""
    shared = {
        "import_id": import_id,
        "portfolio_revision": portfolio.revision,
        "owner_id": portfolio.owner_id,
    }
    if currencies:
        await connection.execute(insert(import_balances), [{**shared, "currency": name} for name in currencies])


async def there_still(connection: AsyncConnection, owner_id: str, import_id: str) -> tuple[list[str], int]:
    """Give the ids of an import's positions that were not deleted since, and how many of them are open."""
    own = (import_rows.c.import_id == import_id) & (import_rows.c.owner_id == owner_id)
    newest = positions.c.to_revision.is_(None) & (positions.c.owner_id == owner_id)
    statement = select(positions.c.position_id, positions.c.exit_date).where(
        newest, positions.c.position_id.in_(select(import_rows.c.subject_id).where(own))
    )
    rows = (await connection.execute(statement)).all()
    return [row.position_id for row in rows], sum(row.exit_date is None for row in rows)


async def end_positions(connection: AsyncConnection, portfolio: Portfolio, position_ids: list[str]) -> None:
    """Let positions be no more from a portfolio's revision on."""
    newest = positions.c.to_revision.is_(None) & (positions.c.owner_id == portfolio.owner_id)
    statement = update(positions).where(newest, positions.c.position_id.in_(position_ids))
    await connection.execute(statement.values(to_revision=portfolio.revision))


async def add_movements(connection: AsyncConnection, portfolio: Portfolio, added: Sequence[CashMovement]) -> None:
    """Add movements of cash that are valid from a portfolio's revision on."""
    shared = {
        "from_revision": portfolio.revision,
        "portfolio_id": portfolio.portfolio_id,
        "owner_id": portfolio.owner_id,
    }
    rows = [
        {
            **shared,
            "movement_id": movement.movement_id,
            "kind": movement.kind,
            "currency": movement.currency,
            "amount": movement.amount,
            "movement_date": movement.movement_date,
            "symbol": movement.symbol,
            "note": movement.note,
        }
        for movement in added
    ]
    if rows:
        await connection.execute(insert(cash_movements), rows)


def _movements_of(owner_id: str, import_id: str) -> ColumnElement[bool]:
    """Give the condition that a movement was saved by an import, and is still there."""
    own = (import_rows.c.import_id == import_id) & (import_rows.c.owner_id == owner_id)
    return and_(
        cash_movements.c.to_revision.is_(None),
        cash_movements.c.owner_id == owner_id,
        cash_movements.c.movement_id.in_(select(import_rows.c.subject_id).where(own)),
    )


async def has_movements(connection: AsyncConnection, owner_id: str, import_id: str) -> bool:
    """Say whether a movement that an import saved is still there."""
    statement = select(cash_movements.c.movement_id).where(_movements_of(owner_id, import_id)).limit(1)
    return await connection.scalar(statement) is not None


async def end_movements(connection: AsyncConnection, portfolio: Portfolio, import_id: str) -> None:
    """Let the movements that an import saved be no more from a portfolio's revision on."""
    statement = update(cash_movements).where(_movements_of(portfolio.owner_id, import_id))
    await connection.execute(statement.values(to_revision=portfolio.revision))


async def stated_still(connection: AsyncConnection, portfolio: Portfolio, import_id: str) -> dict[str, int]:
    """Give the currencies whose balance is still the one that an import stated, with the revision before it did first.

    A balance that was stated anew since, by another import or by hand, is not the import's any more.
    """
    own = (import_balances.c.import_id == import_id) & (import_balances.c.owner_id == portfolio.owner_id)
    stated: dict[str, list[int]] = {}
    for row in await connection.execute(select(import_balances).where(own)):
        stated.setdefault(row.currency, []).append(row.portfolio_revision)
    now = await cash.stated(connection, portfolio)
    return {
        currency: min(revisions)
        for currency, revisions in stated.items()
        if currency in now and now[currency][1] in revisions
    }


async def restore_balances(connection: AsyncConnection, portfolio: Portfolio, replaced: dict[str, int]) -> None:
    """Let the balances be again what they were before the revisions given, from a portfolio's revision on."""
    table = cash_balances
    for currency, revision in replaced.items():  # a handful at most
        await cash.retract(connection, portfolio, currency)
        statement = select(table.c.amount, table.c.balance_date).where(
            table.c.portfolio_id == portfolio.portfolio_id,
            table.c.owner_id == portfolio.owner_id,
            table.c.currency == currency,
            table.c.to_revision == revision,
        )
        if row := (await connection.execute(statement)).one_or_none():
            await contents.state_cash(connection, portfolio, [CashBalance(currency, row.amount, row.balance_date)])


async def forget_rows(connection: AsyncConnection, owner_id: str, import_id: str) -> None:
    """Forget which rows an import saved: the same file may then be imported again."""
    for table in (import_rows, import_balances):
        own = (table.c.import_id == import_id) & (table.c.owner_id == owner_id)
        await connection.execute(delete(table).where(own))
