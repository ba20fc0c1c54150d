"""Reading prices: marks, quotes, the history of one instrument, a block of many.

Everywhere the newest version of a bar wins, up to the version that is read at. Each read is one statement, and for each
instrument one walk along the key of the bars.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.bars import Bar, Days
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.matrix import Columns
from services.marketdata.domain.prices import NO_MARK, NO_PRICE, UNKNOWN_INSTRUMENT, Mark, PriceBasis, Quote
from services.marketdata.storage import binary

MARKS = text("""
    SELECT asked.instrument_id, i.kind, i.currency, bar.close, bar.session_date, bar.price_basis, bar.data_version, (
        SELECT count(*) FROM trading_sessions AS s WHERE s.session_date > bar.session_date AND s.session_date <= :day
    ) AS age_sessions,
        EXISTS (SELECT FROM trading_sessions AS s WHERE s.session_date = :day) AS is_session,
        coalesce((SELECT max(version) FROM data_versions), 0) AS newest_version
    FROM unnest(CAST(:ids AS integer[])) WITH ORDINALITY AS asked (instrument_id, place)
    LEFT JOIN instruments AS i USING (instrument_id)
    LEFT JOIN LATERAL (
        SELECT * FROM daily_bars AS b
        WHERE b.instrument_id = asked.instrument_id AND b.session_date <= :day AND b.data_version <= :version
        ORDER BY b.session_date DESC, b.data_version DESC LIMIT 1
    ) AS bar ON true
    ORDER BY asked.place
    """)
QUOTES = text("""
    SELECT asked.symbol, i.kind, i.currency, bar.close, bar.price_basis, bar.source, session.close_time,
        before.close AS previous_close, (
        SELECT count(*) FROM trading_sessions AS s
        WHERE s.session_date > bar.session_date AND s.session_date <= (SELECT max(session_date) FROM seals)
    ) AS age_sessions
    FROM unnest(CAST(:symbols AS text[])) WITH ORDINALITY AS asked (symbol, place)
    LEFT JOIN instruments AS i USING (symbol)
    LEFT JOIN LATERAL (
        SELECT * FROM daily_bars AS b WHERE b.instrument_id = i.instrument_id
        ORDER BY b.session_date DESC, b.data_version DESC LIMIT 1
    ) AS bar ON true
    LEFT JOIN trading_sessions AS session ON session.session_date = bar.session_date
    LEFT JOIN LATERAL (
        SELECT * FROM daily_bars AS b
        WHERE b.instrument_id = i.instrument_id AND b.session_date = (
            SELECT max(s.session_date) FROM trading_sessions AS s WHERE s.session_date < bar.session_date)
        ORDER BY b.data_version DESC LIMIT 1
    ) AS before ON before.price_basis = bar.price_basis
    ORDER BY asked.place
    """)
BASES = text("""
    SELECT price_basis FROM daily_bars WHERE instrument_id = :instrument_id AND data_version <= :version
    GROUP BY price_basis ORDER BY max(session_date) DESC
    """)
BARS = text("""
    SELECT DISTINCT ON (session_date) session_date, open, high, low, close, volume, source, data_version
    FROM daily_bars
    WHERE instrument_id = :instrument_id AND session_date BETWEEN :first AND :last AND data_version <= :version
        AND price_basis = :basis
    ORDER BY session_date, data_version DESC LIMIT :limit
    """)
# The first row is the sessions, and the newest version there is; the others are the instruments' columns.
MATRIX = text("""
    WITH sessions AS (
        SELECT session_date FROM trading_sessions WHERE session_date <= :day ORDER BY session_date DESC LIMIT :count
    ), span AS (
        SELECT min(session_date) AS first, max(session_date) AS last FROM sessions
    )
    SELECT 0 AS place, string_agg(date_send(session_date), '' ORDER BY session_date) AS days,
        NULL AS closes, NULL AS bases, (SELECT max(version) FROM data_versions) AS data_version
    FROM sessions
    UNION ALL
    SELECT asked.place, packed.days, packed.closes, packed.bases, packed.data_version
    FROM unnest(CAST(:ids AS integer[])) WITH ORDINALITY AS asked (instrument_id, place) CROSS JOIN span
    CROSS JOIN LATERAL (
        SELECT string_agg(date_send(session_date), '') AS days, string_agg(float8send(close), '') AS closes,
            string_agg(int2send(price_basis), '') AS bases, max(data_version) AS data_version
        FROM (
            SELECT DISTINCT ON (session_date) session_date, close, price_basis, data_version FROM daily_bars AS b
            WHERE b.instrument_id = asked.instrument_id AND b.session_date BETWEEN span.first AND span.last
                AND (:version = 0 OR b.data_version <= :version)
            ORDER BY session_date DESC, data_version DESC
        ) AS bars
    ) AS packed
    ORDER BY place
    """)


@dataclass(frozen=True, slots=True)
class PinnedMarks:
    """Marks, and whether there is such a session and such a version."""

    marks: list[Mark]
    is_session: bool
    newest_version: int


@dataclass(frozen=True, slots=True)
class PackedBlock:
    """Closes of many instruments in the form in which the database sends them."""

    days: bytes
    """The sessions, oldest first."""
    columns: Sequence[Row[Any]]
    newest_version: int
    """Newest version there is."""

    @property
    def data_version(self) -> int:
        """Newest version among the rows. 0: there are none."""
        return max((row.data_version or 0 for row in self.columns), default=0)

    def unpack(self) -> tuple[Days, Columns]:
        """Give the sessions, and the bars of the instruments. Pure work: it can be done in a thread."""
        bases = [row.bases or b"" for row in self.columns]
        columns = Columns(
            lengths=np.array([len(packed) // 2 for packed in bases], dtype=np.int64),
            days=binary.read_days(row.days or b"" for row in self.columns),
            closes=binary.read_doubles(row.closes or b"" for row in self.columns),
            bases=binary.read_smallints(bases),
        )
        return binary.read_days([self.days]), columns


async def marks(connection: AsyncConnection, instrument_ids: Sequence[int], day: date, version: int) -> PinnedMarks:
    """Give the newest close at or before a session for each instrument, in the order asked for.

    Args:
        connection: a transaction.
        instrument_ids: at least one.
        day: the session.
        version: to read at.
    """
    parameters = {"ids": list(instrument_ids), "day": day, "version": version}
    rows = (await connection.execute(MARKS, parameters)).all()
    return PinnedMarks([_mark(row) for row in rows], rows[0].is_session, rows[0].newest_version)


async def quotes(connection: AsyncConnection, symbols: Sequence[str]) -> list[Quote]:
    """Give the newest close of each canonical symbol, in the order asked for."""
    return [_quote(row) for row in await connection.execute(QUOTES, {"symbols": list(symbols)})]


async def bases(connection: AsyncConnection, instrument_id: int, version: int) -> list[PriceBasis]:
    """Give the bases on which an instrument has bars, that of the newest first."""
    rows = await connection.execute(BASES, {"instrument_id": instrument_id, "version": version})
    return [PriceBasis(basis) for basis in rows.scalars()]


async def bars(
    connection: AsyncConnection,
    instrument_id: int,
    basis: PriceBasis,
    days: tuple[date, date],
    version: int,
    limit: int,
) -> list[Bar]:
    """Give the bars of an instrument from one day to another, oldest first."""
    parameters = {
        "instrument_id": instrument_id,
        "basis": int(basis),
        "first": days[0],
        "last": days[1],
        "version": version,
        "limit": limit,
    }
    return [Bar(**row._mapping) for row in await connection.execute(BARS, parameters)]


async def block(
    connection: AsyncConnection, instrument_ids: Sequence[int], day: date, session_count: int, version: int
) -> PackedBlock:
    """Give the closes of instruments in the sessions up to a day.

    Args:
        connection: a transaction.
        instrument_ids: the columns.
        day: the last session.
        session_count: sessions to go back, the last one included.
        version: to read at. 0: the newest.
    """
    parameters = {"ids": list(instrument_ids), "day": day, "count": session_count, "version": version}
    sessions, *columns = (await connection.execute(MATRIX, parameters)).all()
    return PackedBlock(sessions.days or b"", columns, sessions.data_version or 0)


def _missing(row: Row[Any]) -> str:
    """Say why a row has no price, or nothing if it has one."""
    if row.close is not None:
        return ""
    if row.kind is None:
        return UNKNOWN_INSTRUMENT
    return NO_MARK if row.kind == Kind.OPTION else NO_PRICE


def _mark(row: Row[Any]) -> Mark:
    if reason := _missing(row):
        return Mark(row.instrument_id, row.currency or "", reason=reason)
    return Mark(
        instrument_id=row.instrument_id,
        currency=row.currency,
        price=row.close,
        price_date=row.session_date,
        age_sessions=row.age_sessions,
        price_basis=PriceBasis(row.price_basis),
        data_version=row.data_version,
    )


def _quote(row: Row[Any]) -> Quote:
    if reason := _missing(row):
        return Quote(row.symbol, row.currency or "", reason=reason)
    return Quote(
        symbol=row.symbol,
        currency=row.currency,
        last=row.close,
        previous_close=row.previous_close,
        quote_time=row.close_time,
        source=row.source,
        age_sessions=row.age_sessions,
        price_basis=PriceBasis(row.price_basis),
    )
