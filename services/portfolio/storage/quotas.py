"""What users have used of what they may have each day, in PostgreSQL."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# One statement: of two calls at the same moment the second waits for the first, and sees its count.
TAKE = text("""
    INSERT INTO quota_uses AS uses (user_id, kind, day, used)
    SELECT users.user_id, limits.kind, CAST(now() AT TIME ZONE 'UTC' AS date), 1
    FROM users JOIN quota_limits AS limits ON limits.tier = users.tier AND limits.kind = :kind
    WHERE users.user_id = :user_id AND users.disabled_time IS NULL AND limits.per_day > 0
    ON CONFLICT (user_id, kind, day) DO UPDATE SET used = uses.used + 1
    WHERE uses.used < (
        SELECT limits.per_day FROM quota_limits AS limits JOIN users ON users.tier = limits.tier
        WHERE limits.kind = uses.kind AND users.user_id = uses.user_id
    )
    RETURNING uses.used""")
PER_DAY = text("""
    SELECT limits.per_day FROM users JOIN quota_limits AS limits ON limits.tier = users.tier AND limits.kind = :kind
    WHERE users.user_id = :user_id AND users.disabled_time IS NULL""")
FORGET = text("DELETE FROM quota_uses WHERE user_id = :user_id AND day < CAST(now() AT TIME ZONE 'UTC' AS date)")


@dataclass(frozen=True, slots=True)
class Use:
    """What became of an attempt to use something."""

    per_day: int
    """How often the user's tier may."""
    used: int | None
    """How often it was used today, this time included. None: this time was one too many."""


async def take(connection: AsyncConnection, user_id: str, kind: str) -> Use | None:
    """Use something once more today; None: there is no such account."""
    named = {"user_id": user_id, "kind": kind}
    used: int | None = await connection.scalar(TAKE, named)
    per_day: int | None = await connection.scalar(PER_DAY, named)
    await connection.execute(FORGET, {"user_id": user_id})
    return None if per_day is None else Use(per_day, used)
