"""Reference sets: read at a version, and replaced under the next one."""

from collections.abc import Sequence

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import NotFound, StaleRevision
from services.marketdata.domain.reference import Entry, ReferenceKind, ReferenceSet, read_set, rows_of
from services.marketdata.storage.tables import reference_sets

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('marketdata.reference_sets.' || :kind, 0))")


async def get(connection: AsyncConnection, kind: ReferenceKind, version: int = 0) -> ReferenceSet:
    """Give a set at a version. 0: the newest.

    Raises:
        NotFound: there is no such version.
    """
    of = reference_sets.c
    query = select(of.version, of.body).where(of.kind == kind)
    query = query.where(of.version == version) if version else query.order_by(of.version.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"version of {kind}", version)
    return ReferenceSet(read_set(kind, row.body), row.version)


async def replace(
    connection: AsyncConnection, kind: ReferenceKind, entries: Sequence[Entry], read_version: int, actor: str
) -> int:
    """Add a set under the next version, which is given back.

    Args:
        connection: a transaction. Others who replace the same set wait until it ends.
        kind: the set.
        entries: all of it.
        read_version: the version that the caller read. 0: whatever is newest.
        actor: id of the admin.

    Raises:
        StaleRevision: the set has moved on since.
    """
    newest, _ = await _newest(connection, kind)
    if read_version not in (0, newest):
        raise StaleRevision(read_version, newest)
    await _add(connection, kind, newest + 1, entries, actor)
    return newest + 1


async def put_default(connection: AsyncConnection, kind: ReferenceKind, entries: Sequence[Entry]) -> None:
    """Make a set say what our default says, unless an admin has replaced it: then it is theirs."""
    newest, actor = await _newest(connection, kind)
    if actor is None and (newest == 0 or (await get(connection, kind, newest)).entries != entries):
        await _add(connection, kind, newest + 1, entries, None)


async def _newest(connection: AsyncConnection, kind: ReferenceKind) -> tuple[int, str | None]:
    """Give the newest version, 0 if there is none, and who made it; from here on nobody else can add one."""
    await connection.execute(LOCK, {"kind": kind})
    of = reference_sets.c
    query = select(of.version, of.actor).where(of.kind == kind).order_by(of.version.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return (row.version, row.actor) if row else (0, None)


async def _add(
    connection: AsyncConnection, kind: ReferenceKind, version: int, entries: Sequence[Entry], actor: str | None
) -> None:
    row = {"kind": kind, "version": version, "body": rows_of(entries), "actor": actor}
    await connection.execute(insert(reference_sets).values(row))
