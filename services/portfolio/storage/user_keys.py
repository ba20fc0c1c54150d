"""The keys of users in PostgreSQL, encrypted before they come here. A key goes with its user."""

from collections.abc import Collection

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.storage.account_tables import user_keys
from services.portfolio.storage.tables import users


async def get_or_add(connection: AsyncConnection, user_id: str, new: bytes) -> bytes | None:
    """Give the key of a user, which is `new` if there was none; None if there is no such user."""
    owner = select(users.c.user_id, literal(new)).where(users.c.user_id == user_id)
    columns = [user_keys.c.user_id, user_keys.c.encrypted_key]
    await connection.execute(insert(user_keys).from_select(columns, owner).on_conflict_do_nothing())
    return (await of_users(connection, {user_id})).get(user_id)


async def of_users(connection: AsyncConnection, user_ids: Collection[str]) -> dict[str, bytes]:
    """Give the keys of the users who are still there."""
    statement = select(user_keys.c.user_id, user_keys.c.encrypted_key).where(user_keys.c.user_id.in_(user_ids))
    return {row.user_id: row.encrypted_key for row in await connection.execute(statement)}
