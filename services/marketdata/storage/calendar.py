"""The trading calendar as data, so that nobody needs a calendar library to answer a question."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.sessions import Reach, Session
from services.marketdata.storage.tables import trading_calendars, trading_sessions

EXCHANGE = "XNYS"
REMOVE_OTHERS = text("""
    DELETE FROM trading_sessions AS known
    WHERE known.session_date BETWEEN :first AND :last AND NOT EXISTS (
        SELECT FROM unnest(CAST(:days AS date[])) AS told (day) WHERE told.day = known.session_date)
    """)
RECORD = text("""
    INSERT INTO trading_sessions AS known (session_date, close_time)
    SELECT * FROM unnest(CAST(:days AS date[]), CAST(:closes AS timestamptz[])) AS told (day, close_time) ORDER BY day
    ON CONFLICT (session_date) DO UPDATE SET close_time = excluded.close_time
    WHERE known.close_time <> excluded.close_time
    """)


async def reach(connection: AsyncConnection) -> Reach | None:
    """Say which days the calendar speaks of. None: it was never filled."""
    of = trading_calendars.c
    query = select(of.first_date, of.last_date, of.source_version).where(of.exchange == EXCHANGE)
    row = (await connection.execute(query)).one_or_none()
    return Reach(*row) if row else None


async def replace(connection: AsyncConnection, reach: Reach, sessions: Sequence[Session]) -> None:
    """Make the calendar say exactly this from the first day of its reach to the last."""
    days = [session.session_date for session in sessions]
    await connection.execute(REMOVE_OTHERS, {"first": reach.first_date, "last": reach.last_date, "days": days})
    await connection.execute(RECORD, {"days": days, "closes": [session.close_time for session in sessions]})
    columns = {"first_date": reach.first_date, "last_date": reach.last_date, "source_version": reach.source_version}
    statement = insert(trading_calendars).values(exchange=EXCHANGE, **columns)
    await connection.execute(statement.on_conflict_do_update(index_elements=["exchange"], set_=columns))


async def session_dates(connection: AsyncConnection, first: date, last: date) -> list[date]:
    """Give the sessions from one day to another, both included, in order."""
    day = trading_sessions.c.session_date
    rows = await connection.execute(select(day).where(day.between(first, last)).order_by(day))
    return list(rows.scalars())


async def is_session(connection: AsyncConnection, day: date) -> bool:
    """Say whether a day is a session."""
    query = select(func.count()).where(trading_sessions.c.session_date == day)
    return bool(await connection.scalar(query))


async def closed_sessions(connection: AsyncConnection, now: datetime) -> list[date]:
    """Give the sessions that have closed, in order."""
    own = trading_sessions.c
    rows = await connection.execute(select(own.session_date).where(own.close_time <= now).order_by(own.session_date))
    return list(rows.scalars())
