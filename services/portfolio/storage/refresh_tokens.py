"""Refresh tokens in PostgreSQL, by hash: a copy of the table opens no session."""

import datetime
import uuid

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.user import RefreshToken
from services.portfolio.storage.tables import refresh_tokens, token_families


async def open_family(connection: AsyncConnection, user_id: str) -> tuple[str, datetime.datetime]:
    """Begin a session; give its family, and when it began."""
    family_id = str(uuid.uuid4())
    values = {"family_id": family_id, "user_id": user_id, "created_time": func.now()}
    statement = insert(token_families).values(**values).returning(token_families.c.created_time)
    return family_id, (await connection.execute(statement)).scalar_one()


async def add(connection: AsyncConnection, family_id: str, token_hash: bytes, life: datetime.timedelta) -> None:
    """Add a session's next token."""
    values = {"family_id": family_id, "token_hash": token_hash, "created_time": func.now()}
    await connection.execute(insert(refresh_tokens).values(**values, expires_time=func.now() + life))


async def lock(connection: AsyncConnection, token_hash: bytes) -> RefreshToken | None:
    """Give a token and keep others from using it until this transaction ends."""
    statement = (
        select(
            refresh_tokens.c.family_id,
            token_families.c.user_id,
            token_families.c.created_time,
            refresh_tokens.c.expires_time,
            refresh_tokens.c.used_time,
            token_families.c.revoked_time,
        )
        .join(token_families, token_families.c.family_id == refresh_tokens.c.family_id)
        .where(refresh_tokens.c.token_hash == token_hash)
        .with_for_update()
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    used, revoked = row.used_time is not None, row.revoked_time is not None
    return RefreshToken(row.family_id, row.user_id, row.created_time, row.expires_time, used, revoked)


async def mark_used(connection: AsyncConnection, token_hash: bytes) -> None:
    """Say that a token was exchanged."""
    statement = update(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash)
    await connection.execute(statement.values(used_time=func.now()))


async def revoke_family(connection: AsyncConnection, family_id: str) -> None:
    """End a session."""
    statement = update(token_families).where(
        token_families.c.family_id == family_id, token_families.c.revoked_time.is_(None)
    )
    await connection.execute(statement.values(revoked_time=func.now()))


async def revoke_all(connection: AsyncConnection, user_id: str, but: str | None = None) -> None:
    """End every session of a user, or all but one family."""
    statement = update(token_families).where(
        token_families.c.user_id == user_id, token_families.c.revoked_time.is_(None)
    )
    if but:
        statement = statement.where(token_families.c.family_id != but)
    await connection.execute(statement.values(revoked_time=func.now()))
