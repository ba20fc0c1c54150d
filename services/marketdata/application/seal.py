"""Sealing: declaring that the history up to a session is complete, so that it can be valued at."""

from dataclasses import dataclass
from datetime import date

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.marketdata.storage import calendar, versions


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is sealed now."""

    newest_sealed: date
    data_version: int


async def seal(database: Database, day: date) -> Sealed:
    """Seal a session. Sealing one that is sealed, or an earlier one, changes nothing of what can be valued.

    Raises:
        InvalidFields: the day is no session, or nothing has a price then.
    """
    async with database.transaction() as connection:
        if not await calendar.is_session(connection, day):
            raise _refused(day, "is not a session of the New York Stock Exchange")
        if not await versions.has_bars(connection, day):
            newest = await versions.newest_bar_date(connection)
            raise _refused(day, f"has no prices; the newest session that has any is {newest or 'none yet'}")
        standing = await versions.standing(connection)
        if standing.newest_sealed is None or day >= standing.newest_sealed:
            await versions.seal(connection, day, standing.data_version)
        return Sealed(max(day, standing.newest_sealed or day), standing.data_version)


def _refused(day: date, rule: str) -> InvalidFields:
    return InvalidFields([Violation("session_date", str(day), rule)])
