"""A bucket of as many tokens as a vendor's plan allows calls a minute; a call takes one.

A token comes back a minute after it was taken. Buckets that refill evenly let through almost twice their size in the
first minute, and vendors who count by the minute refuse the second half.
"""

from collections import deque

from services.marketdata.clients.vendors.clock import Clock, Deadline
from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.domain.fetched import Reason

MINUTE = 60.0


class TokenBucket:
    """The calls that one provider may make; those who must wait are served in turn."""

    def __init__(self, calls_per_minute: int, clock: Clock) -> None:
        self._clock = clock
        self._size = calls_per_minute
        self._taken: deque[float] = deque(maxlen=calls_per_minute)
        """When the last tokens were, or will be, taken."""
        self._held_until = 0.0

    async def take(self, deadline: Deadline) -> None:
        """Take a token, and wait for it if need be.

        Raises:
            FetchFailed: none will be there before the deadline. None is taken.
        """
        now = self._clock.monotonic()
        back = self._taken[0] + MINUTE if len(self._taken) == self._size else now
        at = max(now, back, self._held_until)
        if at - now >= deadline.remaining:
            detail = f"the next call of {self._size} a minute is allowed in {at - now:.0f} s"
            raise FetchFailed(Reason.RATE_LIMITED, detail, at - now)
        self._taken.append(at)
        while (left := max(at, self._held_until) - self._clock.monotonic()) > 0:
            if left >= deadline.remaining:
                raise FetchFailed(Reason.RATE_LIMITED, f"the vendor asked to be left alone for {left:.0f} s more", left)
            await self._clock.sleep(left)

    def hold(self, seconds: float) -> None:
        """Give out no token for a while, to those who wait for one neither: the vendor asked for it."""
        now = self._clock.monotonic()
        self._held_until = max(self._held_until, now + seconds)
        # What was to be taken meanwhile is taken then, and comes back a minute after that.
        later = (max(at, self._held_until) if at > now else at for at in self._taken)
        self._taken = deque(later, maxlen=self._size)
