"""The cash map of a portfolio in PostgreSQL, by revision."""

from sqlalchemy import Integer, Table, insert, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.cash_map import CashMap
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.storage.columns import columns, identifier, metadata

table = Table(
    "cash_maps",
    metadata,
    identifier("portfolio_id", key=True),
    *columns(from_revision=Integer, to_revision=Integer),
    identifier("owner_id"),
    *columns(proxies=JSONB, aliases=JSONB),
)


async def get(connection: AsyncConnection, portfolio: Portfolio) -> CashMap:
    """Give the cash map of a portfolio at its revision."""
    valid = (
        (table.c.portfolio_id == portfolio.portfolio_id)
        & (table.c.owner_id == portfolio.owner_id)
        & (table.c.from_revision <= portfolio.revision)
        & or_(table.c.to_revision.is_(None), table.c.to_revision > portfolio.revision)
    )
    row = (await connection.execute(select(table).where(valid))).one_or_none()
    return CashMap(row.proxies, row.aliases) if row else CashMap()


async def state(connection: AsyncConnection, portfolio: Portfolio, cash_map: CashMap) -> None:
    """Let a portfolio have a cash map from its revision on."""
    own = (table.c.portfolio_id == portfolio.portfolio_id) & (table.c.owner_id == portfolio.owner_id)
    ended = update(table).where(own, table.c.to_revision.is_(None)).values(to_revision=portfolio.revision)
    await connection.execute(ended)
    values: dict[str, object] = {
        "portfolio_id": portfolio.portfolio_id,
        "owner_id": portfolio.owner_id,
        "from_revision": portfolio.revision,
        "proxies": dict(cash_map.proxies),
        "aliases": dict(cash_map.aliases),
    }
    await connection.execute(insert(table).values(**values))
