"""Keeping the trading calendar long enough, and as new as the library that it comes from."""

from datetime import date, timedelta

from chassis.database import Database
from services.marketdata.domain.sessions import Reach
from services.marketdata.ports import CalendarSource
from services.marketdata.storage import calendar

FIRST_DATE = date(1990, 1, 1)
"""Where daily prices of our sources begin."""
AHEAD = timedelta(days=365)
"""The calendar always reaches at least this far into the future: expiries and schedules lie there."""
FILLED_AHEAD = timedelta(days=2 * 365)
"""How far it is filled when it is filled, so that it seldom is."""


async def keep_ahead(database: Database, source: CalendarSource, today: date) -> None:
    """Fill the calendar if it ends too early, or comes from another version of its source."""
    async with database.transaction() as connection:
        known = await calendar.reach(connection)
    if known and known.source_version == source.version and known.last_date >= today + AHEAD:
        return
    reach = Reach(FIRST_DATE, today + FILLED_AHEAD, source.version)
    sessions = await source.sessions(reach.first_date, reach.last_date)
    async with database.transaction() as connection:
        await calendar.replace(connection, reach, sessions)
