"""A cache keyed by content: the key names everything that the value was made from, so an entry is never wrong.

Entries live in this process, and in Redis as well where there is one. A dead Redis costs speed, never an answer. Of
several callers who miss the same key at once, one computes and the others wait for it.
"""

import time
from collections.abc import Awaitable, Callable

from cachetools import TTLCache

from chassis.flights import Flights
from chassis.optional_redis import OptionalRedis

MAX_BYTES = 64 << 20
ENTRY_BYTES = 256
"""What an entry costs beside its value, its key above all."""
LIFE_SECONDS = 3600


class Cache:
    """Bytes by content key, with single flight."""

    def __init__(
        self,
        namespace: str,
        redis_url: str = "",
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._namespace = namespace
        self._local: TTLCache[str, bytes] = TTLCache(max_bytes, LIFE_SECONDS, timer=clock, getsizeof=_size)
        self._flights: Flights[tuple[bytes, bool]] = Flights()
        self._redis = OptionalRedis(redis_url, clock)

    async def fetch(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> tuple[bytes, bool]:
        """Give the value under a key and whether it was there or under way; compute and keep it if it was not.

        What `compute` raises is raised to everyone who waits for it, and nothing is kept.
        """
        if (value := self._local.get(key)) is not None:
            return value, True
        joined = key in self._flights
        value, there = await self._flights.join(key, lambda: self._find(key, compute))
        return value, joined or there

    async def close(self) -> None:
        """Let go of Redis."""
        await self._redis.close()

    async def probe(self) -> None:
        """Raise if Redis does not answer."""
        await self._redis.probe()

    async def _find(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> tuple[bytes, bool]:
        if (value := await self._remote_get(key)) is not None:
            self._keep(key, value)
            return value, True
        value = await compute()
        self._keep(key, value)
        await self._remote_set(key, value)
        return value, False

    def _keep(self, key: str, value: bytes) -> None:
        if _size(value) <= self._local.maxsize:
            self._local[key] = value

    async def _remote_get(self, key: str) -> bytes | None:
        found = await self._redis.ask(lambda redis: redis.get(f"{self._namespace}:{key}"))
        return found if isinstance(found, bytes) else None

    async def _remote_set(self, key: str, value: bytes) -> None:
        await self._redis.ask(lambda redis: redis.set(f"{self._namespace}:{key}", value, ex=LIFE_SECONDS))


def _size(value: bytes) -> int:
    return len(value) + ENTRY_BYTES
