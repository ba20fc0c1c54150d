"""Snapshots in PostgreSQL. Every statement names the owner; row-level security is the second wall."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, text

from chassis.database import Database
from services.risk.domain.results import Excluded
from services.risk.domain.snapshot import Kept, Snapshot, SnapshotPage

COLUMNS: Final = tuple(field.name for field in fields(Snapshot))
# One statement and one parameter, however many sessions. A snapshot of the day itself stays, unless the portfolio has
# another revision since: what was known then is worth more than what can be made out later.
KEEP: Final = text(f"""
    INSERT INTO snapshots AS old (owner_id, portfolio_id, {", ".join(COLUMNS)})
    SELECT :owner_id, :portfolio_id, {", ".join(f"new.{name}" for name in COLUMNS)}
    FROM jsonb_populate_recordset(NULL::snapshots, CAST(:rows AS jsonb)) AS new
    ON CONFLICT (owner_id, portfolio_id, snapshot_date) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS)}
    WHERE old.digest <> excluded.digest AND (
        old.backfilled OR NOT excluded.backfilled OR old.portfolio_revision <> excluded.portfolio_revision)
    RETURNING (xmax = 0) AS created""")  # noqa: S608 - names of our own fields
PAGE: Final = text(f"""
    SELECT {", ".join(COLUMNS)} FROM snapshots
    WHERE owner_id = :owner_id AND portfolio_id = :portfolio_id AND snapshot_date BETWEEN :start AND :end
    ORDER BY snapshot_date LIMIT :size""")  # noqa: S608 - names of our own fields
DIGESTS: Final = text("""
    SELECT coalesce(string_agg(digest, '' ORDER BY snapshot_date), '') FROM snapshots
    WHERE owner_id = :owner_id AND portfolio_id = :portfolio_id""")


class StoredSnapshots:
    """Implements `ports.Snapshots`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, owner_id: str, portfolio_id: str, snapshots: Sequence[Snapshot]) -> Kept:
        """Keep snapshots, one a session; those that say what is there already change nothing.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = json.dumps([asdict(snapshot) for snapshot in snapshots], default=date.isoformat)
        told = {"owner_id": owner_id, "portfolio_id": portfolio_id, "rows": rows}
        async with self._database.transaction(owner_id) as connection:
            created = (await connection.execute(KEEP, told)).scalars().all()
        return Kept(sum(created), len(created) - sum(created))

    async def page(self, owner_id: str, portfolio_id: str, asked: SnapshotPage) -> list[Snapshot]:
        """Give the snapshots of a range of days, the oldest first.

        Raises:
            Unavailable: the database does not answer.
        """
        told = {"owner_id": owner_id, "portfolio_id": portfolio_id, **asdict(asked)}
        async with self._database.transaction(owner_id) as connection:
            return [_snapshot(row) for row in await connection.execute(PAGE, told)]

    async def digest(self, owner_id: str, portfolio_id: str) -> str:
        """Give a SHA-256, in hex, of all snapshots of a portfolio.

        Raises:
            Unavailable: the database does not answer.
        """
        told = {"owner_id": owner_id, "portfolio_id": portfolio_id}
        async with self._database.transaction(owner_id) as connection:
            digests: str = (await connection.execute(DIGESTS, told)).scalar_one()
        return hashlib.sha256(digests.encode()).hexdigest()


def _snapshot(row: Row[Any]) -> Snapshot:
    columns = dict(row._mapping)
    return Snapshot(**columns | {"excluded": tuple(Excluded(**each) for each in columns["excluded"])})
