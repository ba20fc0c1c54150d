"""Links to accounts at another identity provider, and its tokens that were used already, in PostgreSQL."""

import datetime

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.storage.account_tables import oidc_identities, oidc_used_tokens


async def use_once(connection: AsyncConnection, token_hash: bytes, expires: datetime.datetime) -> bool:
    """Write down that a token is used; False: it was before."""
    await connection.execute(delete(oidc_used_tokens).where(oidc_used_tokens.c.expires_time < func.now()))
    statement = insert(oidc_used_tokens).values(token_hash=token_hash, expires_time=expires).on_conflict_do_nothing()
    return (await connection.execute(statement)).rowcount == 1


async def lock(connection: AsyncConnection, issuer: str, subject: str) -> None:
    """Keep others from linking the same subject until this transaction ends."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:it, 0))"), {"it": f"oidc {issuer} {subject}"}
    )


async def user_of(connection: AsyncConnection, issuer: str, subject: str) -> str | None:
    """Give the id of the user who is linked; None: nobody is."""
    linked = (oidc_identities.c.issuer == issuer) & (oidc_identities.c.subject == subject)
    found: str | None = await connection.scalar(select(oidc_identities.c.user_id).where(linked))
    return found


async def link(connection: AsyncConnection, issuer: str, subject: str, user_id: str) -> None:
    """Link a user."""
    values = {"issuer": issuer, "subject": subject, "user_id": user_id}
    await connection.execute(insert(oidc_identities).values(**values, created_time=func.now()))
