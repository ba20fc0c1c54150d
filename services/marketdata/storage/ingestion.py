"""Storing bars: staged by COPY, then given a version in a short locked transaction.

Whoever holds the lock gives the next version and commits before the next one can take it. So a reader who sees
version N sees every version before it, and an earlier one never turns up later.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.bars import BarSeries
from services.marketdata.storage import binary
from services.marketdata.storage.tables import data_versions

STAGED = ("instrument_id", "session_date", "open", "high", "low", "close", "volume", "price_basis")
# NaN is how a staged row says that the source does not know; it equals itself here.
KNOWN = """EXISTS (
    SELECT FROM (
        SELECT * FROM daily_bars AS b
        WHERE b.instrument_id = staged.instrument_id AND b.session_date = staged.session_date
        ORDER BY b.data_version DESC LIMIT 1
    ) AS newest
    WHERE (staged.open, staged.high, staged.low, staged.close, staged.volume, staged.price_basis) = (
        coalesce(newest.open, 'NaN'), coalesce(newest.high, 'NaN'), coalesce(newest.low, 'NaN'), newest.close,
        coalesce(newest.volume, 'NaN'), newest.price_basis))"""
DROP_KNOWN = text(f"DELETE FROM staged_bars AS staged WHERE {KNOWN}")  # noqa: S608 - the text above
LOCK_VERSIONS = text("SELECT pg_advisory_xact_lock(hashtextextended('marketdata.data_versions', 0))")
NEXT_VERSION = text("SELECT coalesce(max(version), 0) + 1 FROM data_versions")
STORE = text(f"""
    WITH staged AS (
        DELETE FROM staged_bars RETURNING *
    ), stored AS (
        INSERT INTO daily_bars (instrument_id, session_date, data_version, open, high, low, close, volume, price_basis,
            source)
        SELECT instrument_id, session_date, CAST(:version AS integer), nullif(open, 'NaN'), nullif(high, 'NaN'),
            nullif(low, 'NaN'), close, nullif(volume, 'NaN'), price_basis, CAST(:source AS text)
        FROM staged WHERE NOT {KNOWN}
        RETURNING instrument_id, session_date
    )
    SELECT instrument_id, count(*) AS row_count, min(session_date) AS first, max(session_date) AS last
    FROM stored GROUP BY instrument_id
    """)  # noqa: S608 - the text above
NEWEST_SESSION = text("""
    SELECT max(newest.session_date) FROM unnest(CAST(:ids AS integer[])) AS asked (instrument_id)
    CROSS JOIN LATERAL (
        SELECT session_date FROM daily_bars AS b WHERE b.instrument_id = asked.instrument_id
        ORDER BY session_date DESC LIMIT 1
    ) AS newest
    """)


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What became of a batch of bars."""

    data_version: int
    """Version that the new rows stand under. 0: nothing was new."""
    stored: Mapping[int, int]
    """Rows stored, by instrument; one without any is not there."""


NOTHING_NEW = Ingestion(0, {})


async def store_bars(connection: AsyncConnection, source: str, batch: Sequence[tuple[int, BarSeries]]) -> Ingestion:
    """Store the bars that are new or differ from the newest known, under one new version.

    Args:
        connection: a transaction. It holds the lock until it ends, so it should end right after.
        source: name of the provider.
        batch: instruments and their bars. No two series of one instrument.
    """
    await connection.execute(text("SELECT 1"))  # SQLAlchemy begins its transaction now, and COPY goes beneath it
    await _stage(connection, batch)
    dropped = (await connection.execute(DROP_KNOWN)).rowcount
    if dropped == sum(len(series) for _, series in batch):
        return NOTHING_NEW
    await connection.execute(LOCK_VERSIONS)
    version: int = (await connection.execute(NEXT_VERSION)).scalar_one()
    stored = (await connection.execute(STORE, {"version": version, "source": source})).all()
    if not stored:  # another ingestion was faster with the same bars
        return NOTHING_NEW
    await connection.execute(
        insert(data_versions).values(
            version=version,
            provider=source,
            row_count=sum(row.row_count for row in stored),
            first_session_date=min(row.first for row in stored),
            last_session_date=max(row.last for row in stored),
        )
    )
    return Ingestion(version, {row.instrument_id: row.row_count for row in stored})


async def newest_session(connection: AsyncConnection, instrument_ids: Sequence[int]) -> date | None:
    """Give the last session that any of the instruments has a bar of."""
    newest: date | None = await connection.scalar(NEWEST_SESSION, {"ids": list(instrument_ids)})
    return newest


async def _stage(connection: AsyncConnection, batch: Sequence[tuple[int, BarSeries]]) -> None:
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    await driver.copy_to_table("staged_bars", source=_rows(batch), columns=STAGED, format="binary")


async def _rows(batch: Sequence[tuple[int, BarSeries]]) -> AsyncIterator[bytes]:
    """Encode a batch series by series: none is large enough to keep the event loop waiting."""
    yield binary.HEADER
    for instrument_id, series in batch:
        yield _encode(instrument_id, series)
    yield binary.TRAILER


def _encode(instrument_id: int, series: BarSeries) -> bytes:
    return binary.encode_rows(
        {
            "instrument_id": (binary.INTEGER, np.full(len(series), instrument_id)),
            "session_date": binary.day_field(series.session_dates),
            "open": (binary.DOUBLE, series.open),
            "high": (binary.DOUBLE, series.high),
            "low": (binary.DOUBLE, series.low),
            "close": (binary.DOUBLE, series.close),
            "volume": (binary.DOUBLE, series.volume),
            "price_basis": (binary.SMALLINT, np.full(len(series), series.price_basis)),
        }
    )
