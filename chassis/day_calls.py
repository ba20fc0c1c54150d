"""How many calls a user has left today.

Identity keeps the count, so that no restart forgets it and services share it. It gives calls out in bunches: one call
in many pays for the question, and what a process does not use of a bunch is lost, a hundredth of the day at most. While
identity does not answer, nobody is refused: a limit that cannot be looked up must not stop the work.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cachetools import LRUCache

BUNCH = 100
"""Calls that are asked for at once."""
USERS_KEPT = 10_000
SILENCE_SECONDS = 10.0
"""After a failure identity is left alone this long."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bunch:
    """Calls that a user was given."""

    taken: int
    """How many; 0: the day's are used up."""
    per_day: int
    remaining: int
    """How many are left at identity after these."""
    ends: float
    """When the day ends, in seconds since the epoch."""


TakeCalls = Callable[[str, int], Awaitable[Bunch | None]]
"""Takes so many calls of a user's day, or as many as there are; None: there is no such account."""


@dataclass(frozen=True, slots=True)
class Day:
    """What is left of a user's day, after the present call."""

    per_day: int
    left: int
    seconds_left: int
    used_up: bool
    """Whether there was none left for the present call."""


@dataclass(slots=True)
class _Account:
    bunch: Bunch = field(default_factory=lambda: Bunch(0, 0, 0, 0.0))
    left: int = 0
    """Calls of the bunch that are not used yet."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def has_some(self, now: float) -> bool:
        return self.left > 0 and now < self.bunch.ends


class DayCalls:
    """The calls of the day that this process was given for its users."""

    def __init__(self, take: TakeCalls, clock: Callable[[], float] = time.time) -> None:
        self._take = take
        self._clock = clock
        self._accounts: LRUCache[str, _Account] = LRUCache(USERS_KEPT)
        self._silent_until = float("-inf")

    async def count(self, user_id: str) -> Day | None:
        """Count a call of a user; None where nobody knows how many there may be."""
        account = self._accounts.get(user_id)
        if account is None:
            account = self._accounts[user_id] = _Account()
        if not account.has_some(self._clock()):
            async with account.asking:  # of many calls at once one asks
                if not account.has_some(self._clock()) and not await self._fill(account, user_id):
                    return None
        seconds_left = max(1, round(account.bunch.ends - self._clock()))
        if account.left == 0:
            return Day(account.bunch.per_day, 0, seconds_left, used_up=True)
        account.left -= 1
        return Day(account.bunch.per_day, account.left + account.bunch.remaining, seconds_left, used_up=False)

    async def _fill(self, account: _Account, user_id: str) -> bool:
        """Ask for the next bunch; False: there is no answer."""
        if self._clock() < self._silent_until:
            return False
        try:
            bunch = await self._take(user_id, BUNCH)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with identity, the call goes on without it
            if self._clock() >= self._silent_until:  # and not one of many questions that were under way
                log.warning("calls of the day are not counted for %d s: identity fails: %r", SILENCE_SECONDS, error)
            self._silent_until = self._clock() + SILENCE_SECONDS
            return False
        if bunch is None:
            return False
        account.bunch, account.left = bunch, bunch.taken
        return True
