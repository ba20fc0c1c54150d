"""Which symbols have enough history at a session for a factor to be computed with them."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.factors import FEWEST_SESSIONS, STALE_SESSIONS, WINDOW_SESSIONS

USABLE = text("""
    WITH sessions AS (
        SELECT session_date, row_number() OVER (ORDER BY session_date DESC) AS number FROM (
            SELECT session_date FROM trading_sessions WHERE session_date <= :day
            ORDER BY session_date DESC LIMIT :window
        ) AS newest
    ), span AS (
        SELECT min(session_date) AS first, max(session_date) AS last,
            min(session_date) FILTER (WHERE number <= :freshest) AS fresh
        FROM sessions
    )
    SELECT i.symbol, i.instrument_id FROM span CROSS JOIN instruments AS i CROSS JOIN LATERAL (
        SELECT count(DISTINCT b.session_date) AS session_count, max(b.session_date) AS newest FROM daily_bars AS b
        WHERE b.instrument_id = i.instrument_id AND b.session_date BETWEEN span.first AND span.last
    ) AS history
    WHERE i.owner_id IS NULL AND i.symbol = ANY(CAST(:symbols AS text[])) AND history.session_count >= :fewest
        AND history.newest >= span.fresh
    """)


async def usable(connection: AsyncConnection, symbols: Collection[str], day: date) -> dict[str, int]:
    """Give the instruments that have enough history at a session, by symbol."""
    parameters = {
        "symbols": list(symbols),
        "day": day,
        "window": WINDOW_SESSIONS,
        "fewest": FEWEST_SESSIONS,
        "freshest": STALE_SESSIONS + 1,
    }
    return {row.symbol: row.instrument_id for row in await connection.execute(USABLE, parameters)}
