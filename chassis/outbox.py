"""Events for other services, written in the transaction of what they tell of: there is one if and only if it happened.

Others ask for what came after the point that they have reached. An event gets its position when it is first listed, by
one lister at a time: positions then follow the order of commits, and none can appear before one that was listed.
"""

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Interval,
    MetaData,
    Table,
    Text,
    Uuid,
    delete,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

KEPT = datetime.timedelta(days=90)
LOCK = text("SELECT pg_advisory_xact_lock(hashtext('plimsoll.outbox'))")
NUMBER = text("""
    UPDATE outbox SET position = numbered.position
    FROM (
        SELECT event_id, nextval('outbox_positions') AS position
        FROM (SELECT event_id FROM outbox WHERE position IS NULL ORDER BY created_time, event_id) AS waiting
    ) AS numbered
    WHERE outbox.event_id = numbered.event_id""")

outbox = Table(
    "outbox",
    MetaData(),
    Column("event_id", Uuid(as_uuid=False), primary_key=True),
    Column("position", BigInteger),
    Column("kind", Text),
    Column("payload", JSONB),
    Column("created_time", DateTime(timezone=True)),
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    event_id: str
    position: int
    """Its place in the order of events; rising, with gaps."""
    kind: str
    payload: Mapping[str, Any]
    created_time: datetime.datetime


async def append(connection: AsyncConnection, kind: str, payload: Mapping[str, Any]) -> None:
    """Add an event, in the transaction of what it tells of."""
    values = {"event_id": str(uuid.uuid4()), "kind": kind, "payload": dict(payload)}
    # The time of the statement: two changes of one thing are then in the order of their locks.
    await connection.execute(insert(outbox).values(**values, created_time=func.clock_timestamp()))


async def after(connection: AsyncConnection, position: int, size: int) -> list[Event]:
    """Give the events after a position, in order, in a transaction of its own."""
    if await connection.scalar(select(outbox.c.event_id).where(outbox.c.position.is_(None)).limit(1)):
        await connection.execute(LOCK)
        await connection.execute(NUMBER)
    columns = (outbox.c.event_id, outbox.c.position, outbox.c.kind, outbox.c.payload, outbox.c.created_time)
    statement = select(*columns).where(outbox.c.position > position).order_by(outbox.c.position).limit(size)
    return [Event(*row) for row in await connection.execute(statement)]


async def forget(connection: AsyncConnection) -> None:
    """Drop the events that are too old for anybody to ask for."""
    old = outbox.c.created_time < func.now() - literal(KEPT, Interval)
    await connection.execute(delete(outbox).where(old, outbox.c.position.is_not(None)))
