"""Storing what an act of ingestion brings: bars staged by COPY, and all of it given one version in a short transaction.

Who brings bars has left out those that were known already, at the version that he read. Only if another version came
since then is each bar compared again, under the lock: so that of two who bring the same only the first stores it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.bars import BarSeries
from services.marketdata.storage import binary, ledger
from services.marketdata.storage.append_only import SOURCE, AppendOnly, Rows
from services.marketdata.storage.ledger import Span

STAGED = ("instrument_id", "session_date", "open", "high", "low", "close", "volume", "price_basis", "source_number")
# NaN is how a staged row says that the source does not know; it equals itself here.
STORE_BARS = text("""
    INSERT INTO daily_bars (instrument_id, session_date, data_version, open, high, low, close, volume, price_basis,
        source, owner_id)
    SELECT instrument_id, session_date, CAST(:version AS integer), nullif(open, 'NaN'), nullif(high, 'NaN'),
        nullif(low, 'NaN'), close, nullif(volume, 'NaN'), price_basis, (CAST(:sources AS text[]))[source_number],
        CAST(:owner_id AS uuid)
    FROM staged_bars AS staged
    WHERE CAST(:all_news AS boolean) OR NOT EXISTS (
        SELECT FROM (
            SELECT * FROM daily_bars AS b
            WHERE b.instrument_id = staged.instrument_id AND b.session_date = staged.session_date
            ORDER BY b.data_version DESC LIMIT 1
        ) AS newest
        WHERE (staged.open, staged.high, staged.low, staged.close, staged.volume, staged.price_basis) = (
            coalesce(newest.open, 'NaN'), coalesce(newest.high, 'NaN'), coalesce(newest.low, 'NaN'), newest.close,
            coalesce(newest.volume, 'NaN'), newest.price_basis))
    """)
CLEAR = text("DELETE FROM staged_bars")
"""Whoever staged rows deletes them before he commits, so nobody ever sees those of another."""
COUNT = text("""
    SELECT instrument_id, count(*) AS row_count, min(session_date) AS first, max(session_date) AS last
    FROM daily_bars WHERE instrument_id = ANY(CAST(:ids AS integer[])) AND data_version = :version
    GROUP BY instrument_id
    """)


@dataclass(frozen=True, slots=True)
class SourcedBars:
    """Bars of an instrument, and who they are from."""

    instrument_id: int
    bars: BarSeries
    source: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one act brings."""

    bars: Sequence[SourcedBars] = ()
    """No two series of one instrument, and in each series no two bars of one session."""
    known_version: int = 0
    """Newest version at which no bar of these was known."""
    owner_id: str | None = None
    """Whose the instruments of the bars are, all of them. None: everybody's."""
    others: Sequence[tuple[AppendOnly, Rows]] = ()
    """Rows of other kinds."""

    @property
    def sources(self) -> list[str]:
        """Who it is from."""
        said = {one.source for one in self.bars}
        return sorted(said.union(*(set(map(str, rows[SOURCE])) for _, rows in self.others)))

    @property
    def bar_count(self) -> int:
        """How many bars it holds."""
        return sum(len(one.bars) for one in self.bars)

    def __bool__(self) -> bool:
        return self.bar_count > 0 or any(rows[SOURCE] for _, rows in self.others)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch."""

    data_version: int
    """Version that the new rows stand under. 0: nothing was new."""
    bars: Mapping[int, int]
    """Bars stored, by instrument; one without any is not there."""
    others: Sequence[Counter[Any]]
    """Rows of the other kinds, by the first of their keys, in the order of the batch."""

    @property
    def row_count(self) -> int:
        """Rows of every kind."""
        return sum(self.bars.values()) + sum(counter.total() for counter in self.others)


async def store(connection: AsyncConnection, batch: Batch) -> Stored:
    """Store the rows that are news, under one new version.

    Args:
        connection: a transaction. It holds the lock until it ends, so it should end right after.
        batch: what was brought, fit to be stored.
    """
    nothing = Stored(0, {}, [Counter() for _ in batch.others])
    if not batch:
        return nothing
    if batch.bar_count:
        await _stage(connection, batch.bars, batch.sources)
    version = await ledger.next_version(connection)
    bars, span = await _store_bars(connection, batch, version) if batch.bar_count else ({}, None)
    others = [await table.append(connection, version, rows) for table, rows in batch.others]
    stored = Stored(version, bars, others)
    if not stored.row_count:
        return nothing
    span = span if batch.owner_id is None else None
    await ledger.record(connection, version, ",".join(batch.sources), stored.row_count, span)
    return stored


async def _store_bars(connection: AsyncConnection, batch: Batch, version: int) -> tuple[dict[int, int], Span | None]:
    """Store what was staged; give how many bars each instrument got, and of which days."""
    all_news = batch.known_version == version - 1
    parameters = {"version": version, "sources": batch.sources, "owner_id": batch.owner_id, "all_news": all_news}
    await connection.execute(STORE_BARS, parameters)
    await connection.execute(CLEAR)
    if all_news:
        filled = [one for one in batch.bars if len(one.bars)]
        days = np.concatenate([one.bars.session_dates for one in filled])
        return {one.instrument_id: len(one.bars) for one in filled}, Span(days.min().item(), days.max().item())
    ids = [one.instrument_id for one in batch.bars]
    rows = (await connection.execute(COUNT, {"ids": ids, "version": version})).all()
    span = Span(min(row.first for row in rows), max(row.last for row in rows)) if rows else None
    return {row.instrument_id: row.row_count for row in rows}, span


async def _stage(connection: AsyncConnection, bars: Sequence[SourcedBars], sources: Sequence[str]) -> None:
    await connection.execute(text("SELECT 1"))  # SQLAlchemy begins its transaction now, and COPY goes beneath it
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    await driver.copy_to_table("staged_bars", source=_rows(bars, sources), columns=STAGED, format="binary")


async def _rows(bars: Sequence[SourcedBars], sources: Sequence[str]) -> AsyncIterator[bytes]:
    """Encode bars series by series: none is large enough to keep the event loop waiting."""
    yield binary.HEADER
    for one in bars:
        yield _encode(one, sources.index(one.source) + 1)  # arrays of PostgreSQL begin at 1
    yield binary.TRAILER


def _encode(one: SourcedBars, source_number: int) -> bytes:
    series = one.bars
    return binary.encode_rows(
        {
            "instrument_id": (binary.INTEGER, np.full(len(series), one.instrument_id)),
            "session_date": binary.day_field(series.session_dates),
            "open": (binary.DOUBLE, series.open),
            "high": (binary.DOUBLE, series.high),
            "low": (binary.DOUBLE, series.low),
            "close": (binary.DOUBLE, series.close),
            "volume": (binary.DOUBLE, series.volume),
            "price_basis": (binary.SMALLINT, np.full(len(series), series.price_basis)),
            "source_number": (binary.SMALLINT, np.full(len(series), source_number)),
        }
    )
