"""The audit log in PostgreSQL: lines and seals are added and read; the role of the service may do no more to them."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Interval, Row, Select, func, insert, literal, or_, select, text
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.audit import Action, AuditEvent, Origin, Seal
from services.portfolio.storage.account_tables import audit_events as events
from services.portfolio.storage.account_tables import audit_seals as seals

LONGEST_TRANSACTION = datetime.timedelta(minutes=10)
"""A line may become visible this much after its time; every transaction is ended long before."""
TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('plimsoll.audit_seals'))")
COLUMNS = (
    events.c.event_id,
    events.c.event_time,
    events.c.action,
    events.c.origin,
    events.c.actor_id,
    events.c.subject_id,
    events.c.sealed_payload,
)
LINKS = (seals.c.seal_number, seals.c.event_ids, seals.c.previous_hash, seals.c.hash)
SEALS_IT = seals.c.event_ids.contains(array([events.c.event_id]))
SEAL_NUMBER = func.coalesce(select(seals.c.seal_number).where(SEALS_IT).limit(1).scalar_subquery(), 0)
NEWEST_SEALED = select(func.coalesce(func.max(seals.c.sealed_time), text("'-infinity'::timestamptz"))).scalar_subquery()
SETTLED = NEWEST_SEALED - literal(LONGEST_TRANSACTION, Interval)
"""A time of which every line was visible when the newest seal was made."""


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """A line and the number of the seal that chains it; 0: none yet."""

    event: AuditEvent
    seal_number: int


async def add(
    connection: AsyncConnection,
    action: Action,
    origin: Origin,
    actor_id: str | None,
    subject_id: str | None,
    payload: bytes | None,
) -> None:
    """Add a line."""
    values = {"action": action, "origin": origin, "actor_id": actor_id, "subject_id": subject_id}
    # The time of the statement: that of the transaction may be long ago.
    await connection.execute(insert(events).values(**values, sealed_payload=payload, event_time=func.clock_timestamp()))


async def page(connection: AsyncConnection, before: int | None, size: int, user_id: str = "") -> list[ListedEvent]:
    """Give lines from the newest on; those before an id, and those in which a user has a part, if asked for."""
    statement: Select[Any] = select(*COLUMNS, SEAL_NUMBER).order_by(events.c.event_id.desc()).limit(size)
    if before is not None:
        statement = statement.where(events.c.event_id < before)
    if user_id:
        statement = statement.where(or_(events.c.subject_id == user_id, events.c.actor_id == user_id))
    return [ListedEvent(_event(row), row[-1]) for row in await connection.execute(statement)]


async def about(connection: AsyncConnection, user_id: str) -> list[ListedEvent]:
    """Give every line about a user, the oldest first."""
    statement = select(*COLUMNS, SEAL_NUMBER).where(events.c.subject_id == user_id).order_by(events.c.event_id)
    return [ListedEvent(_event(row), row[-1]) for row in await connection.execute(statement)]


async def lock_seals(connection: AsyncConnection) -> bool:
    """Keep others from sealing until this transaction ends; False: somebody is at it."""
    return bool(await connection.scalar(TRY_LOCK))


async def newest_seal(connection: AsyncConnection) -> Seal | None:
    """Give the head of the chain."""
    row = (await connection.execute(select(*LINKS).order_by(seals.c.seal_number.desc()).limit(1))).one_or_none()
    return _seal(row) if row else None


async def unsealed(connection: AsyncConnection, size: int) -> list[AuditEvent]:
    """Give lines that no seal chains yet, of those that can have appeared since the newest seal."""
    statement = select(*COLUMNS).where(events.c.event_time > SETTLED, ~_sealed()).order_by(events.c.event_id)
    return [_event(row) for row in await connection.execute(statement.limit(size))]


async def add_seal(connection: AsyncConnection, made: Seal) -> None:
    """Add a link to the chain."""
    values = {"seal_number": made.seal_number, "event_ids": made.event_ids, "previous_hash": made.previous_hash}
    await connection.execute(insert(seals).values(**values, hash=made.hash, sealed_time=func.clock_timestamp()))


async def seals_after(connection: AsyncConnection, number: int, size: int) -> list[Seal]:
    """Give links of the chain in order."""
    statement = select(*LINKS).where(seals.c.seal_number > number).order_by(seals.c.seal_number).limit(size)
    return [_seal(row) for row in await connection.execute(statement)]


async def events_by_id(connection: AsyncConnection, event_ids: Collection[int]) -> dict[int, AuditEvent]:
    """Give the lines of some ids."""
    statement = select(*COLUMNS).where(events.c.event_id == func.any(literal(list(event_ids), seals.c.event_ids.type)))
    return {row.event_id: _event(row) for row in await connection.execute(statement)}


async def count_unsealed(connection: AsyncConnection) -> tuple[int, int]:
    """Count the lines that no seal chains: those that wait for the next, and those that every seal has passed by."""
    waits = events.c.event_time > SETTLED
    statement = select(func.count().filter(waits), func.count().filter(~waits)).where(~_sealed())
    waiting, passed_by = (await connection.execute(statement)).one()
    return int(waiting), int(passed_by)


def _sealed() -> "ColumnElement[bool]":
    return select(literal(1, Integer)).where(SEALS_IT).exists()


def _event(row: "Row[*tuple[Any, ...]]") -> AuditEvent:
    return AuditEvent(*tuple(row)[: len(COLUMNS)])


def _seal(row: "Row[*tuple[Any, ...]]") -> Seal:
    return Seal(row.seal_number, tuple(row.event_ids), row.previous_hash, row.hash)
