"""What users may have each day: counted in the database, so that no restart forgets it and no process gives twice."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from chassis.database import Database
from chassis.day_calls import Bunch
from chassis.errors import NotFound, RateLimited
from services.portfolio.domain.user import Tier
from services.portfolio.ports import Clock
from services.portfolio.storage import quotas

CALL = "call"
LARGEST_SHARE = 100
"""At most one part in so many of a day's uses is given at once: what the taker does not use of it is lost."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Uses that were taken."""

    uses: int
    per_day: int
    remaining: int
    reset_time: datetime.datetime
    """Midnight UTC, when the count starts again."""


class Quotas:
    """The uses of users' days."""

    def __init__(self, database: Database, clock: Clock, calls_per_day: Mapping[Tier, int]) -> None:
        self._database = database
        self._clock = clock
        self._calls_per_day = calls_per_day

    async def take(self, user_id: str, kind: str, uses: int = 1) -> Taken:
        """Take so many uses, or as many as there are.

        Raises:
            NotFound: the account was deleted or disabled.
            RateLimited: none are left.
        """
        reset = self._midnight()
        async with self._database.transaction(user_id) as connection:
            limit = await quotas.limit(connection, user_id, kind)
            if limit is None:
                raise NotFound("account", user_id)
            per_day = self._calls_per_day[limit.tier] if kind == CALL else limit.per_day
            step = min(uses, max(1, per_day // LARGEST_SHARE))
            used = await quotas.take(connection, user_id, kind, per_day, step)
        if used is None:
            seconds = int((reset - self._clock()).total_seconds()) + 1
            message = f"all {per_day} uses of today ({kind}) are taken: the next day begins at midnight UTC"
            raise RateLimited(message, limit=per_day, period="day", retry_after_seconds=seconds)
        return Taken(min(step, per_day - (used - step)), per_day, max(0, per_day - used), reset)

    async def take_calls(self, user_id: str, uses: int) -> Bunch | None:
        """Take calls of a user's day for this very process, which need not ask itself over the network."""
        reset = self._midnight()
        try:
            taken = await self.take(user_id, CALL, uses)
        except NotFound:
            return None
        except RateLimited as refused:
            return Bunch(0, int(refused.metadata["limit"]), 0, reset.timestamp())
        return Bunch(taken.uses, taken.per_day, taken.remaining, taken.reset_time.timestamp())

    def _midnight(self) -> datetime.datetime:
        today = self._clock().astimezone(datetime.UTC).date()
        return datetime.datetime.combine(today + datetime.timedelta(days=1), datetime.time(), datetime.UTC)
