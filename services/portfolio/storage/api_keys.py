"""API keys in PostgreSQL, by hash: a copy of the table opens nothing."""

import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import NotFound
from services.portfolio.domain.api_key import ApiKey
from services.portfolio.storage.account_tables import api_keys

COLUMNS = (
    api_keys.c.api_key_id,
    api_keys.c.user_id,
    api_keys.c.name,
    api_keys.c.prefix,
    api_keys.c.scope,
    api_keys.c.created_time,
    api_keys.c.expires_time,
    api_keys.c.last_used_time,
)
SHOW_HASH = text("SELECT set_config('plimsoll.api_key_hash', :key_hash, true)")
NOTED_EVERY = datetime.timedelta(minutes=1)
"""How old a time of last use must be to be written anew."""


async def count(connection: AsyncConnection, user_id: str) -> int:
    """Count a user's keys, and keep others from adding some until this transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:it, 0))"), {"it": f"keys {user_id}"})
    statement = select(func.count()).select_from(api_keys).where(api_keys.c.user_id == user_id)
    return int(await connection.scalar(statement) or 0)


async def add(connection: AsyncConnection, key: ApiKey, key_hash: bytes) -> None:
    """Add a key."""
    values = {"api_key_id": key.api_key_id, "user_id": key.user_id, "name": key.name, "prefix": key.prefix}
    values |= {"scope": key.scope}
    times = {"created_time": key.created_time, "expires_time": key.expires_time}
    await connection.execute(insert(api_keys).values(**values, **times, key_hash=key_hash))


async def page(
    connection: AsyncConnection, user_id: str, before: tuple[datetime.datetime, str] | None, size: int
) -> list[ApiKey]:
    """Give a user's keys from the newest on, or those before one of them."""
    order = (api_keys.c.created_time, api_keys.c.api_key_id)
    statement = select(*COLUMNS).where(api_keys.c.user_id == user_id)
    if before:
        statement = statement.where(tuple_(*order) < before)
    newest_first = statement.order_by(*(column.desc() for column in order)).limit(size)
    return [_key(row) for row in await connection.execute(newest_first)]


async def remove(connection: AsyncConnection, user_id: str, api_key_id: str) -> ApiKey:
    """Delete a key of a user, and give what it was.

    Raises:
        NotFound: there is none, or it is another's.
    """
    own = (api_keys.c.user_id == user_id) & (api_keys.c.api_key_id == api_key_id)
    row = (await connection.execute(delete(api_keys).where(own).returning(*COLUMNS))).one_or_none()
    if row is None:
        raise NotFound("API key", api_key_id)
    return _key(row)


async def remove_all(connection: AsyncConnection, user_id: str) -> None:
    """Delete every key of a user."""
    await connection.execute(delete(api_keys).where(api_keys.c.user_id == user_id))


async def by_hash(connection: AsyncConnection, key_hash: bytes) -> ApiKey | None:
    """Give the key of a hash. Nobody's rows need to be open for it: the hash itself opens its one row."""
    await connection.execute(SHOW_HASH, {"key_hash": key_hash.hex()})
    row = (await connection.execute(select(*COLUMNS).where(api_keys.c.key_hash == key_hash))).one_or_none()
    return _key(row) if row else None


async def note_use(connection: AsyncConnection, api_key_id: str) -> None:
    """Write down that a key is used now, unless that was written within the last minute."""
    stale = or_(api_keys.c.last_used_time.is_(None), api_keys.c.last_used_time < func.now() - NOTED_EVERY)
    statement = update(api_keys).where(api_keys.c.api_key_id == api_key_id, stale)
    await connection.execute(statement.values(last_used_time=func.now()))


def _key(row: "Row[*tuple[Any, ...]]") -> ApiKey:
    return ApiKey(*row)  # COLUMNS stand in the order of the fields
