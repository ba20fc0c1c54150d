"""The keys that sign access tokens, in PostgreSQL; private halves are encrypted before they come here."""

import datetime
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.storage.tables import signing_keys


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is kept."""

    kid: str
    public_key: bytes
    encrypted_private_key: bytes
    signs_from: datetime.datetime


async def lock(connection: AsyncConnection) -> None:
    """Keep other processes from making keys until this transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("plimsoll.signing_keys"))))


async def every(connection: AsyncConnection) -> list[StoredKey]:
    """Give all keys, the one that signs last at the end."""
    columns = (signing_keys.c.kid, signing_keys.c.public_key, signing_keys.c.encrypted_private_key)
    statement = select(*columns, signing_keys.c.signs_from).order_by(signing_keys.c.signs_from, signing_keys.c.kid)
    return [StoredKey(*row) for row in await connection.execute(statement)]


async def add(connection: AsyncConnection, key: StoredKey) -> None:
    """Add a key."""
    values = {"kid": key.kid, "public_key": key.public_key, "encrypted_private_key": key.encrypted_private_key}
    await connection.execute(insert(signing_keys).values(**values, created_time=func.now(), signs_from=key.signs_from))


async def drop(connection: AsyncConnection, kids: list[str]) -> None:
    """Remove keys; tokens that they signed are refused from then on."""
    await connection.execute(delete(signing_keys).where(signing_keys.c.kid.in_(kids)))
