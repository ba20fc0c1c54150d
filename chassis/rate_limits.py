"""How many calls a caller may make: so many a second, a minute and a day, by the tier of the account.

A call with a valid token is counted for its user, whichever token or key it came with. A public call is counted for the
address it came from, for each method apart, and not by the day. Calls of our own services are not counted: what they do
for a user was counted where the user called. The answer says how much is left of the minute or of the day, whichever is
less; a refusal says when to come back.
"""

import time
from collections.abc import Callable, Collection

from google.protobuf.message import Message

from chassis.call import Call
from chassis.counters import Counters
from chassis.day_calls import DayCalls, TakeCalls
from chassis.errors import RateLimited
from chassis.service_settings import ServiceSettings

MINUTE = 60
PUBLIC = "public"


class RateLimits:
    """The guard that counts calls."""

    def __init__(
        self,
        service: str,
        settings: ServiceSettings,
        uncounted: Collection[str] = (),
        clock: Callable[[], float] = time.time,
        take_calls: TakeCalls | None = None,
    ) -> None:
        """Make the guard of a service.

        Args:
            service: its name.
            settings: its settings.
            uncounted: paths of methods that anyone may call as often as they like.
            clock: gives the time in seconds since the epoch.
            take_calls: takes calls of a user's day. None: days are not counted.
        """
        self._on = settings.rate_limits == "on"
        self._counters = Counters(f"plimsoll:{service}", settings.redis_url, clock)
        self._days = DayCalls(take_calls, clock) if take_calls else None
        self._uncounted = frozenset(uncounted)
        self._per_second = settings.calls_per_second
        self._per_minute = {
            PUBLIC: settings.calls_per_minute_public,
            "registered": settings.calls_per_minute_registered,
            "paid": settings.calls_per_minute_paid,
        }

    async def __call__(self, call: Call, request: Message) -> None:
        """Count the call, or refuse it."""
        method = call.method
        if not self._on or method is None or method.internal or call.calling_service or method.path in self._uncounted:
            return
        if call.principal:
            minute_left = await self._take(call, call.principal.user_id, call.principal.tier)
            await self._take_of_day(call, call.principal.user_id, minute_left)
        else:
            await self._take(call, f"{call.client_network} {method.path}", PUBLIC)

    async def _take(self, call: Call, caller: str, tier: str) -> int:
        """Count a call for its second and minute, or refuse it; give what is left of the minute."""
        # A tier that this version does not know was made by a newer one: its limits are not known, so the least.
        limit = self._per_minute.get(tier, self._per_minute[PUBLIC])
        # In this process alone: a burst is a matter of what one process can take.
        burst = self._counters.add(caller, 1)
        if burst.times > self._per_second:
            # What was refused for its haste does not count for the minute as well.
            minute = self._counters.seen(caller, MINUTE)
            _tell(call, limit, max(0, limit - minute.times), minute.seconds_left)
            raise _refusal(self._per_second, "second", burst.seconds_left)
        minute = await self._counters.add_shared(caller, MINUTE)
        minute_left = max(0, limit - minute.times)
        _tell(call, limit, minute_left, minute.seconds_left)
        if minute.times > limit:
            raise _refusal(limit, "minute", minute.seconds_left)
        return minute_left

    async def _take_of_day(self, call: Call, user_id: str, minute_left: int) -> None:
        """Count a call for its day, or refuse it. What the minute refused is not counted."""
        day = await self._days.count(user_id) if self._days else None
        if day is None:
            return
        if day.used_up or day.left < minute_left:
            _tell(call, day.per_day, day.left, day.seconds_left)
        if day.used_up:
            raise _refusal(day.per_day, "day", day.seconds_left)

    async def close(self) -> None:
        """Let go of Redis."""
        await self._counters.close()


def _tell(call: Call, limit: int, remaining: int, reset_seconds: int) -> None:
    call.headers["x-ratelimit-limit"] = str(limit)
    call.headers["x-ratelimit-remaining"] = str(remaining)
    call.headers["x-ratelimit-reset"] = str(reset_seconds)


def _refusal(limit: int, period: str, retry_after_seconds: int) -> RateLimited:
    message = f"more than {limit} calls in a {period}: try again in {retry_after_seconds} s"
    return RateLimited(message, limit=limit, period=period, retry_after_seconds=retry_after_seconds)
