"""Reading what is known of histories before more is brought: packed, as objects for each price would cost too much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.backfill import Held
from services.marketdata.domain.known_bars import KnownBars
from services.marketdata.storage import binary

# Each string is put together in the order of days, and says so itself: the order of a subquery is lost where the
# database sorts once more to group, and days out of order would make news of all that is known.
HELD = text("""
    SELECT asked.instrument_id, packed.days, packed.bases
    FROM unnest(CAST(:ids AS integer[])) AS asked (instrument_id)
    CROSS JOIN LATERAL (
        SELECT string_agg(date_send(session_date), '' ORDER BY session_date) AS days,
            string_agg(int2send(price_basis), '' ORDER BY session_date) AS bases
        FROM (
            SELECT DISTINCT ON (session_date) session_date, price_basis FROM daily_bars AS b
            WHERE b.instrument_id = asked.instrument_id AND b.session_date >= :first
            ORDER BY session_date, data_version DESC
        ) AS newest
    ) AS packed
    WHERE packed.days IS NOT NULL
    """)
KNOWN = text("""
    SELECT asked.instrument_id, packed.days, packed.prices, packed.bases
    FROM unnest(CAST(:ids AS integer[])) AS asked (instrument_id)
    CROSS JOIN LATERAL (
        SELECT string_agg(date_send(session_date), '' ORDER BY session_date) AS days,
            string_agg(float8send(coalesce(open, 'NaN')) || float8send(coalesce(high, 'NaN'))
                || float8send(coalesce(low, 'NaN')) || float8send(close) || float8send(coalesce(volume, 'NaN')), ''
                ORDER BY session_date) AS prices,
            string_agg(int2send(price_basis), '' ORDER BY session_date) AS bases
        FROM (
            SELECT DISTINCT ON (session_date) * FROM daily_bars AS b
            WHERE b.instrument_id = asked.instrument_id AND b.session_date BETWEEN :first AND :last
            ORDER BY session_date, data_version DESC
        ) AS newest
    ) AS packed
    WHERE packed.days IS NOT NULL
    UNION ALL
    SELECT 0, NULL, NULL, int4send(coalesce(max(version), 0)) FROM data_versions
    """)
NEWEST_SESSION = text("""
    SELECT max(newest.session_date) FROM unnest(CAST(:ids AS integer[])) AS asked (instrument_id)
    CROSS JOIN LATERAL (
        SELECT session_date FROM daily_bars AS b WHERE b.instrument_id = asked.instrument_id
        ORDER BY session_date DESC LIMIT 1
    ) AS newest
    """)
NO_INSTRUMENT = 0
"""Stands in the row that holds the version."""
VALUES = 5


@dataclass(frozen=True, slots=True)
class PackedBars:
    """Known bars in the form in which the database sends them."""

    rows: Sequence[Row[Any]]
    version: int
    """Newest version there was when they were read."""

    def unpack(self) -> dict[int, KnownBars]:
        """Give the known bars by instrument. Pure work: it can be done in a thread."""
        return {row.instrument_id: _known(row) for row in self.rows}


async def held(connection: AsyncConnection, instrument_ids: Sequence[int], first: date) -> Mapping[int, Held]:
    """Say which sessions from a day on have bars; an instrument without any is not there."""
    rows = await connection.execute(HELD, {"ids": list(instrument_ids), "first": first})
    return {row.instrument_id: Held(binary.read_days([row.days]), binary.read_smallints([row.bases])) for row in rows}


async def known(connection: AsyncConnection, instrument_ids: Sequence[int], first: date, last: date) -> PackedBars:
    """Give the newest bars of instruments from one day to another."""
    parameters = {"ids": list(instrument_ids), "first": first, "last": last}
    rows = {row.instrument_id: row for row in await connection.execute(KNOWN, parameters)}
    version = rows.pop(NO_INSTRUMENT)
    return PackedBars(list(rows.values()), int(np.frombuffer(version.bases, binary.INTEGER)[0]))


async def newest_session(connection: AsyncConnection, instrument_ids: Sequence[int]) -> date | None:
    """Give the last session that any of the instruments has a bar of."""
    newest: date | None = await connection.scalar(NEWEST_SESSION, {"ids": list(instrument_ids)})
    return newest


def _known(row: Row[Any]) -> KnownBars:
    prices = binary.read_doubles([row.prices]).reshape(-1, VALUES)
    return KnownBars(binary.read_days([row.days]), prices, binary.read_smallints([row.bases]))
