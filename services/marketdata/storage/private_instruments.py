"""Instruments that only their owner knows. Row-level security shows them to nobody else."""

from collections.abc import Iterable

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.instruments import Instrument, Kind, Listing
from services.marketdata.storage.instruments import instrument_of, select_instruments
from services.marketdata.storage.tables import instruments

CREATE = text("""
    INSERT INTO instruments (owner_id, symbol, kind, name, exchange, currency, sector, industry, multiplier)
    SELECT CAST(:owner_id AS uuid), told.symbol, 'PRIVATE', told.name, '', told.currency, told.sector, told.industry, 1
    FROM unnest(
        CAST(:symbol AS text[]), CAST(:name AS text[]), CAST(:currency AS text[]), CAST(:sector AS text[]),
        CAST(:industry AS text[])
    ) AS told (symbol, name, currency, sector, industry)
    ORDER BY told.symbol
    ON CONFLICT (symbol, owner_id) DO NOTHING
    RETURNING symbol
    """)
DELETE = text("SELECT delete_private_instrument(:instrument_id)")


async def create(connection: AsyncConnection, owner_id: str, listings: Iterable[Listing]) -> list[str]:
    """Make instruments of the viewer; give the symbols of those that were not there before."""
    told = list(listings)
    columns = {
        name: [getattr(one, name) for one in told] for name in ("symbol", "name", "currency", "sector", "industry")
    }
    return list((await connection.execute(CREATE, {**columns, "owner_id": owner_id})).scalars())


async def count(connection: AsyncConnection) -> int:
    """Say how many the viewer has."""
    query = select(func.count()).select_from(instruments).where(instruments.c.owner_id.is_not(None))
    return int((await connection.execute(query)).scalar_one())


async def page(connection: AsyncConnection, after: str, limit: int) -> list[Instrument]:
    """Give instruments of the viewer, by symbol, after a symbol."""
    own = instruments.c
    query = select_instruments().where(own.kind == Kind.PRIVATE, own.symbol > after).order_by(own.symbol).limit(limit)
    return [instrument_of(row) for row in await connection.execute(query)]


async def delete(connection: AsyncConnection, instrument_id: int) -> bool:
    """Remove an instrument of the viewer with its bars; say whether there was one."""
    return bool(await connection.scalar(DELETE, {"instrument_id": instrument_id}))
