"""What goes when a portfolio or an account ends, and how far the events have been read: one transaction moves both."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import SET_USER, Database
from services.risk.domain.endings import Ending, EventPage

REACHED: Final = text("SELECT place FROM event_readers WHERE reader = :reader")
# Whoever else read the same page waits here for the lock of the row, and then finds that the place is another.
ADVANCE: Final = text("""
    INSERT INTO event_readers AS known (reader, place) VALUES (:reader, :place)
    ON CONFLICT (reader) DO UPDATE SET place = excluded.place WHERE known.place = :reached
    RETURNING place""")
OF_ACCOUNT: Final = (
    text("DELETE FROM results WHERE owner_id = :owner_id"),
    text("DELETE FROM snapshots WHERE owner_id = :owner_id"),
)
OF_PORTFOLIOS: Final = (
    text("DELETE FROM results WHERE owner_id = :owner_id AND portfolio_id = ANY(CAST(:portfolio_ids AS text[]))"),
    text("DELETE FROM snapshots WHERE owner_id = :owner_id AND portfolio_id = ANY(CAST(:portfolio_ids AS uuid[]))"),
)


class StoredEndings:
    """Implements `ports.Owned`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reached(self, reader: str) -> str:
        """Give the place that a reader has reached. Empty: it has read nothing yet.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.transaction() as connection:
            return await connection.scalar(REACHED, {"reader": reader}) or ""

    async def forget(self, reader: str, reached: str, page: EventPage) -> bool:
        """Delete what a page of events ends, and move its reader on; False: another process has done so before.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.transaction() as connection:
            moved = {"reader": reader, "reached": reached, "place": page.place}
            if await connection.scalar(ADVANCE, moved) is None:
                return False
            for owner_id, portfolio_ids in _by_owner(page.endings).items():
                await _delete(connection, owner_id, portfolio_ids)
        return True


def _by_owner(endings: Iterable[Ending]) -> Mapping[str, list[str]]:
    portfolios: defaultdict[str, list[str]] = defaultdict(list)
    for ending in endings:
        portfolios[ending.owner_id].append(ending.portfolio_id)
    return portfolios


async def _delete(connection: AsyncConnection, owner_id: str, portfolio_ids: list[str]) -> None:
    await connection.execute(SET_USER, {"user_id": owner_id})  # row-level security shows the rows of one user at a time
    told: dict[str, object] = {"owner_id": owner_id}
    whole_account = "" in portfolio_ids
    if not whole_account:
        told["portfolio_ids"] = portfolio_ids
    for statement in OF_ACCOUNT if whole_account else OF_PORTFOLIOS:
        await connection.execute(statement, told)
