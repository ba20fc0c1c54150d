"""What is known and sealed of the market, and the session that an answer is pinned to."""

from datetime import date
from typing import Any

import asyncpg
from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.hot_path import HotStatement
from services.marketdata.domain.sessions import Session, Standing
from services.marketdata.storage.tables import seals

STANDING = """
    (SELECT max(session_date) FROM seals) AS newest_sealed,
    (SELECT min(first_session_date) FROM data_versions) AS first_session,
    coalesce((SELECT max(version) FROM data_versions), 0) AS data_version"""
READ_STANDING = text(f"SELECT {STANDING}")
READ_SESSION = text(f"""
    WITH standing AS (SELECT {STANDING})
    SELECT standing.*, session.session_date, session.close_time, (
        SELECT max(before.session_date) FROM trading_sessions AS before
        WHERE before.session_date < session.session_date AND before.session_date >= standing.first_session
    ) AS previous_session_date
    FROM standing LEFT JOIN LATERAL (
        SELECT session_date, close_time FROM trading_sessions
        WHERE session_date <= coalesce(CAST(:day AS date), standing.newest_sealed)
        ORDER BY session_date DESC LIMIT 1
    ) AS session ON true
    """)  # noqa: S608 - the text above
HOT_SESSION = HotStatement(READ_SESSION)
# Asked of each instrument through the key of the bars, which has no index by day alone.
HAS_BARS = text("""
    SELECT EXISTS (
        SELECT FROM instruments AS i CROSS JOIN LATERAL (
            SELECT FROM daily_bars AS b WHERE b.instrument_id = i.instrument_id AND b.session_date = :day LIMIT 1
        ) AS found)
    """)


async def standing(connection: AsyncConnection) -> Standing:
    """Say what is known and sealed now."""
    return _standing((await connection.execute(READ_STANDING)).one())


async def session_on_or_before(
    connection: AsyncConnection, day: date | None
) -> tuple[Standing, Session | None, date | None]:
    """Give what is known, the session that a day means, and the session with prices before that.

    Args:
        connection: a transaction.
        day: None: the newest sealed session.
    """
    row = (await connection.execute(READ_SESSION, {"day": day})).one()
    session = Session(row.session_date, row.close_time) if row.session_date else None
    return _standing(row), session, row.previous_session_date


async def glance(connection: asyncpg.Connection, day: date | None) -> tuple[Standing, Session | None, date | None]:
    """Give the same as `session_on_or_before`, on the driver itself: nearly every call of the system begins with it."""
    (row,) = await HOT_SESSION.fetch(connection, day=day)
    session = Session(row["session_date"], row["close_time"]) if row["session_date"] else None
    standing = Standing(row["newest_sealed"], row["first_session"], row["data_version"])
    return standing, session, row["previous_session_date"]


async def has_bars(connection: AsyncConnection, day: date) -> bool:
    """Say whether any instrument has a bar of a session."""
    return bool(await connection.scalar(HAS_BARS, {"day": day}))


async def newest_bar_date(connection: AsyncConnection) -> date | None:
    """Give the last session that any ingestion brought bars of."""
    newest: date | None = await connection.scalar(text("SELECT max(last_session_date) FROM data_versions"))
    return newest


async def seal(connection: AsyncConnection, day: date, data_version: int) -> None:
    """Declare history complete up to a session, as known at a version. Declaring it again adds nothing."""
    await connection.execute(insert(seals).values(session_date=day, data_version=data_version).on_conflict_do_nothing())


def _standing(row: Row[Any]) -> Standing:
    return Standing(row.newest_sealed, row.first_session, row.data_version)
