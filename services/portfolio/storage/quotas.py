"""What users have used of what they may have each day, in PostgreSQL."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.user import Tier

# The key of the user's row is held until the end: whoever deletes the account waits for the count, or is waited for.
LIMIT = text("""
    SELECT users.tier, coalesce(limits.per_day, 0) AS per_day
    FROM users LEFT JOIN quota_limits AS limits ON limits.tier = users.tier AND limits.kind = :kind
    WHERE users.user_id = :user_id AND users.disabled_time IS NULL
    FOR KEY SHARE OF users""")
# One statement: of two calls at the same moment the second waits for the first, and sees its count. The last step may
# go past the limit; what lies beyond was not given.
TAKE = text("""
    INSERT INTO quota_uses AS uses (user_id, kind, day, used)
    SELECT CAST(:user_id AS uuid), CAST(:kind AS text), CAST(now() AT TIME ZONE 'UTC' AS date), CAST(:step AS integer)
    WHERE CAST(:per_day AS integer) > 0
    ON CONFLICT (user_id, kind, day) DO UPDATE SET used = uses.used + :step WHERE uses.used < :per_day
    RETURNING uses.used""")
FORGET = text("DELETE FROM quota_uses WHERE user_id = :user_id AND day < CAST(now() AT TIME ZONE 'UTC' AS date)")


@dataclass(frozen=True, slots=True)
class Limit:
    """The tier of a user, and how often it may have a kind of thing each day by the table; 0: it is not in there."""

    tier: Tier
    per_day: int


async def limit(connection: AsyncConnection, user_id: str, kind: str) -> Limit | None:
    """Give what a user may have; None: there is no such account, or it is closed."""
    row = (await connection.execute(LIMIT, {"user_id": user_id, "kind": kind})).one_or_none()
    return Limit(row.tier, row.per_day) if row else None


async def take(connection: AsyncConnection, user_id: str, kind: str, per_day: int, step: int) -> int | None:
    """Use something `step` times more today; give how often that makes it, or None where none was left."""
    named = {"user_id": user_id, "kind": kind, "per_day": per_day, "step": step}
    used: int | None = await connection.scalar(TAKE, named)
    await connection.execute(FORGET, {"user_id": user_id})
    return used
