"""Counting by name within windows of the clock, to know when somebody has had enough.

Counts live in this process, and are shared through Redis where there is one and a name asks for it. Windows are fixed:
at the turn of a minute a caller may have had twice the limit within a minute, for which each count is one number and
one addition.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

from chassis.optional_redis import OptionalRedis

if TYPE_CHECKING:
    from redis.asyncio import Redis

NAMES_KEPT = 100_000
"""Whoever sends more names than this starts to be forgotten, the longest silent first."""


@dataclass(frozen=True, slots=True)
class Count:
    """How often a name came in the present window, and how long the window goes on."""

    times: int
    seconds_left: int


class Counters:
    """Counts of one service."""

    def __init__(self, namespace: str, redis_url: str = "", clock: Callable[[], float] = time.time) -> None:
        self._namespace = namespace
        self._redis = OptionalRedis(redis_url)
        self._clock = clock
        self._counts: LRUCache[tuple[str, int], tuple[int, int]] = LRUCache(NAMES_KEPT)

    def add(self, name: str, period_seconds: int) -> Count:
        """Count one more under a name, in this process alone."""
        window, left = self._window(period_seconds)
        counted, times = self._counts.get((name, period_seconds), (window, 0))
        times = times + 1 if counted == window else 1
        self._counts[name, period_seconds] = window, times
        return Count(times, left)

    async def add_shared(self, name: str, period_seconds: int) -> Count:
        """Count one more under a name, together with the other processes where there is a Redis."""
        here = self.add(name, period_seconds)
        window, left = self._window(period_seconds)
        key = f"{self._namespace}:count:{period_seconds}:{name}:{window}"
        everywhere = await self._redis.ask(lambda redis: _increase(redis, key, period_seconds))
        return here if everywhere is None else Count(everywhere, left)

    def seen(self, name: str, period_seconds: int) -> Count:
        """Give how often a name was counted in the present window, in this process."""
        window, left = self._window(period_seconds)
        counted, times = self._counts.get((name, period_seconds), (window, 0))
        return Count(times if counted == window else 0, left)

    async def close(self) -> None:
        """Let go of Redis."""
        await self._redis.close()

    def _window(self, period_seconds: int) -> tuple[int, int]:
        """Give the number of the present window, and the seconds until it ends, at least 1."""
        window, into = divmod(self._clock(), period_seconds)
        return int(window), max(1, round(period_seconds - into))


async def _increase(redis: "Redis", key: str, period_seconds: int) -> int:
    async with redis.pipeline(transaction=True) as steps:
        steps.incr(key)
        steps.expire(key, period_seconds + 1)
        answers = await steps.execute()
    return int(answers[0])
