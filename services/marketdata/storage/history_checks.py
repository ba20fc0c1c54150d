"""What sources were asked of histories, and answered: so that what they do not have is not asked for every day."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.backfill import DayRange

CHECKED = text("""
    SELECT instrument_id, first_date, last_date FROM history_checks
    WHERE instrument_id = ANY(CAST(:ids AS integer[])) AND kind = :kind AND sources = :sources
    """)
# Ranges that do not meet cannot be put together: the later one is kept. Nothing is written that changes nothing.
RECORD = text("""
    INSERT INTO history_checks AS known (instrument_id, kind, sources, first_date, last_date)
    SELECT instrument_id, :kind, :sources, :first, :last FROM unnest(CAST(:ids AS integer[])) AS told (instrument_id)
    ORDER BY instrument_id
    ON CONFLICT (instrument_id, kind, sources) DO UPDATE SET
        first_date = CASE WHEN known.last_date >= excluded.first_date - 7
            THEN least(known.first_date, excluded.first_date) ELSE excluded.first_date END,
        last_date = greatest(known.last_date, excluded.last_date),
        checked_at = now()
    WHERE excluded.first_date < known.first_date OR excluded.last_date > known.last_date
    """)


class Subject(StrEnum):
    """What was asked for."""

    BARS = "bars"
    CORPORATE_ACTIONS = "corporate_actions"


async def checked(
    connection: AsyncConnection, instrument_ids: Collection[int], subject: Subject, sources: Sequence[str]
) -> Mapping[int, DayRange]:
    """Give the days of instruments that sources, in this order, were asked for."""
    parameters = {"ids": list(instrument_ids), "kind": subject, "sources": ",".join(sources)}
    rows = await connection.execute(CHECKED, parameters)
    return {row.instrument_id: DayRange(row.first_date, row.last_date) for row in rows}


async def record(
    connection: AsyncConnection,
    instrument_ids: Collection[int],
    subject: Subject,
    sources: Sequence[str],
    days: DayRange,
) -> None:
    """Remember that sources were asked for days of instruments, and that all of it that they have has been given."""
    if not instrument_ids:
        return
    parameters = {"ids": list(instrument_ids), "kind": subject, "sources": ",".join(sources)}
    await connection.execute(RECORD, {**parameters, "first": days.first, "last": days.last})
