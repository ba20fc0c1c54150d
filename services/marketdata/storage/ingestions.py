"""The book of what was brought in: an entry is made when something begins, and completed when it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.storage.tables import ingestions


class IngestionKind(StrEnum):
    """What an act of ingestion brings; the texts are those of the contract."""

    BARS = "bars"
    CORPORATE_ACTIONS = "corporate_actions"
    YIELDS = "yields"
    QUOTES = "quotes"
    OPTION_CHAINS = "option_chains"
    FX = "fx"


@dataclass(frozen=True, slots=True)
class Ingestion:
    """One act of bringing market data in."""

    ingestion_id: int
    kind: str
    providers: Sequence[str]
    started_at: datetime
    finished_at: datetime | None
    """None: it is under way, or was cut off."""
    symbol_count: int
    done_count: int
    failed_count: int
    stored_count: int
    quarantined_count: int
    data_version: int


@dataclass(frozen=True, slots=True)
class Result:
    """How an act of ingestion ended."""

    failed_count: int = 0
    stored_count: int = 0
    quarantined_count: int = 0
    data_version: int = 0


async def begin(
    connection: AsyncConnection,
    kind: IngestionKind,
    providers: Sequence[str],
    symbol_count: int,
    owner_id: str | None = None,
) -> int:
    """Enter that something begins; give its id."""
    values = {"kind": kind, "providers": list(providers), "symbol_count": symbol_count, "owner_id": owner_id}
    statement = insert(ingestions).values(**values).returning(ingestions.c.ingestion_id)
    ingestion_id: int = (await connection.execute(statement)).scalar_one()
    return ingestion_id


async def finish(connection: AsyncConnection, ingestion_id: int, result: Result) -> None:
    """Enter how it ended: in the transaction that stores its rows, so that the two agree."""
    own = ingestions.c
    await connection.execute(
        update(ingestions)
        .where(own.ingestion_id == ingestion_id)
        .values(
            finished_at=func.clock_timestamp(),
            done_count=own.symbol_count,
            failed_count=result.failed_count,
            stored_count=result.stored_count,
            quarantined_count=result.quarantined_count,
            data_version=result.data_version,
        )
    )


async def page(connection: AsyncConnection, before: int, limit: int) -> list[Ingestion]:
    """Give acts of ingestion that the viewer may see, newest first.

    Args:
        connection: a transaction.
        before: the last one of the page before. 0: begin with the newest.
        limit: at most so many.
    """
    own = ingestions.c
    query = select(*(own[name] for name in Ingestion.__slots__)).order_by(own.ingestion_id.desc()).limit(limit)
    rows = await connection.execute(query.where(own.ingestion_id < before) if before else query)
    return [Ingestion(**row._mapping) for row in rows]
