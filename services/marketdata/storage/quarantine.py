"""Rows that failed a check: kept, readable, and never prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.fetched import RejectedRow

SLICE = 2_000
"""Rows in one statement: few enough that encoding them does not keep the event loop waiting."""
# A mistake that is made again is one row, and costs neither a row nor a number. Who brings a private instrument's rows
# owns them.
RECORD = text("""
    INSERT INTO quarantine (owner_id, symbol, kind, row_date, row_json, source, reason)
    SELECT CAST(:owner_id AS uuid), told.* FROM unnest(
        CAST(:symbol AS text[]), CAST(:kind AS text[]), CAST(:row_date AS date[]), CAST(:row_json AS json[]),
        CAST(:source AS text[]), CAST(:reason AS text[])
    ) AS told (symbol, kind, row_date, row_json, source, reason)
    WHERE NOT EXISTS (
        SELECT FROM quarantine AS known
        WHERE (known.symbol, known.kind, known.source, known.reason, known.digest)
            = (told.symbol, told.kind, told.source, told.reason, md5(told.row_json::text))
        AND known.row_date IS NOT DISTINCT FROM told.row_date
        AND known.owner_id IS NOT DISTINCT FROM CAST(:owner_id AS uuid))
    ON CONFLICT DO NOTHING
    """)
COLUMNS = ("symbol", "kind", "row_date", "row_json", "source", "reason")
PAGE = text("""
    SELECT quarantine_id, symbol, kind, row_date, row_json::text AS row_json, source, reason, recorded_at
    FROM quarantine
    WHERE (CAST(:symbol AS text) = '' OR symbol = :symbol)
        AND (CAST(:before AS integer) = 0 OR quarantine_id < :before)
    ORDER BY quarantine_id DESC LIMIT :limit
    """)


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A row in quarantine."""

    quarantine_id: int
    symbol: str
    kind: str
    row_date: date | None
    row_json: str
    source: str
    reason: str
    recorded_at: datetime


async def record(connection: AsyncConnection, rows: Sequence[RejectedRow], owner_id: str | None = None) -> None:
    """Keep rows; those that are there already are not kept twice.

    Args:
        connection: a transaction.
        rows: those that failed a check.
        owner_id: whose they are. None: everybody's.
    """
    for start in range(0, len(rows), SLICE):
        part = rows[start : start + SLICE]
        columns = {name: [getattr(row, name) for row in part] for name in COLUMNS}
        await connection.execute(RECORD, {**columns, "owner_id": owner_id})


async def page(connection: AsyncConnection, symbol: str, before: int, limit: int) -> list[QuarantinedRow]:
    """Give rows that the viewer may see, newest first.

    Args:
        connection: a transaction.
        symbol: canonical. Empty: of all.
        before: the last one of the page before. 0: begin with the newest.
        limit: at most so many.
    """
    rows = await connection.execute(PAGE, {"symbol": symbol, "before": before, "limit": limit})
    return [QuarantinedRow(**row._mapping) for row in rows]
