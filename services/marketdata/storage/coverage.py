"""Reading how far histories reach, in one statement for all symbols."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.bars import Days
from services.marketdata.domain.coverage import StoredHistory
from services.marketdata.storage import binary

# A row per symbol, source and basis. Of two instruments with one symbol the viewer's own counts. A symbol that is asked
# for and has no bars, or is not known, has one row without days; where none is asked for, those with bars are read.
HISTORIES = text("""
    WITH asked AS (
        SELECT DISTINCT ON (symbol) symbol, instrument_id FROM instruments
        WHERE symbol = ANY(CAST(:symbols AS text[])) OR cardinality(CAST(:symbols AS text[])) = 0
        ORDER BY symbol, owner_id NULLS LAST
    ), wanted AS (
        SELECT symbol, instrument_id FROM asked
        UNION ALL
        SELECT symbol, NULL FROM unnest(CAST(:symbols AS text[])) AS told (symbol)
        WHERE symbol NOT IN (SELECT symbol FROM asked)
    )
    SELECT wanted.symbol, of.source, of.price_basis, of.days, of.last_updated, (
        SELECT count(*) FROM quarantine AS q WHERE q.symbol = wanted.symbol AND q.kind = 'bar'
    ) AS quarantined_count
    FROM wanted LEFT JOIN LATERAL (
        SELECT source, price_basis, string_agg(date_send(session_date), '') AS days, max(recorded_at) AS last_updated
        FROM (
            SELECT DISTINCT ON (session_date) session_date, source, price_basis, recorded_at FROM daily_bars AS b
            WHERE b.instrument_id = wanted.instrument_id AND b.session_date <= :day
            ORDER BY session_date, data_version DESC
        ) AS newest GROUP BY source, price_basis
    ) AS of ON true
    WHERE of.days IS NOT NULL OR cardinality(CAST(:symbols AS text[])) > 0
    ORDER BY wanted.symbol
    """)


async def histories(connection: AsyncConnection, symbols: Sequence[str], day: date) -> Sequence[Row[Any]]:
    """Read the histories of canonical symbols up to a day; see `unpack`.

    Args:
        connection: a transaction.
        symbols: each once. Empty: all that have bars.
        day: the last one.
    """
    return (await connection.execute(HISTORIES, {"symbols": list(symbols), "day": day})).all()


def unpack(rows: Sequence[Row[Any]]) -> list[StoredHistory]:
    """Give the histories, by symbol. Pure work: it can be done in a thread."""
    return [_history(symbol, list(group)) for symbol, group in groupby(rows, key=lambda row: str(row.symbol))]


def _history(symbol: str, rows: Sequence[Row[Any]]) -> StoredHistory:
    parts = [(row, binary.read_days([row.days])) for row in rows if row.days is not None]
    if not parts:
        return StoredHistory(symbol, np.empty(0, "datetime64[D]"), {}, None, rows[0].quarantined_count)
    basis = max(parts, key=lambda part: part[1].max())[0].price_basis
    counted: list[tuple[Row[Any], Days]] = [part for part in parts if part[0].price_basis == basis]
    return StoredHistory(
        symbol=symbol,
        days=np.sort(np.concatenate([days for _, days in counted])),
        bars_by_source={row.source: len(days) for row, days in counted},
        last_updated=max(row.last_updated for row, _ in counted),
        quarantined_count=rows[0].quarantined_count,
    )
