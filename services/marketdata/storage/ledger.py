"""Versions of market data: who holds the lock gives the next one, and commits before another can take it.

So a reader who sees version N sees every version before it, and an earlier one never turns up later. What a version
holds may be of any kind: bars, corporate actions, yields, quotes, rates.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.storage.tables import data_versions

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('marketdata.data_versions', 0))")
NEXT_VERSION = text("SELECT coalesce(max(version), 0) + 1 FROM data_versions")


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last session of which everybody got bars."""

    first: date
    last: date


async def next_version(connection: AsyncConnection) -> int:
    """Give the version that the rows of this transaction will stand under.

    From here to its end the transaction holds the lock, so it should end soon.
    """
    await connection.execute(LOCK)
    version: int = (await connection.execute(NEXT_VERSION)).scalar_one()
    return version


async def record(connection: AsyncConnection, version: int, sources: str, row_count: int, span: Span | None) -> None:
    """Make a version exist.

    Args:
        connection: the transaction that it was given to.
        version: the version.
        sources: who its rows are from.
        row_count: rows of every kind.
        span: None: no bars that everybody can see.
    """
    await connection.execute(
        insert(data_versions).values(
            version=version,
            provider=sources,
            row_count=row_count,
            first_session_date=span and span.first,
            last_session_date=span and span.last,
        )
    )
