"""A cache keyed by content: the key names everything that the value was made from, so an entry is never wrong.

Entries live in this process, and in Redis as well where there is one. A dead Redis costs speed, never an answer. Of
several callers who miss the same key at once, one computes and the others wait for it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from cachetools import TTLCache

from chassis.errors import CannotStart

if TYPE_CHECKING:
    from redis.asyncio import Redis

MAX_BYTES = 64 << 20
ENTRY_BYTES = 256
"""What an entry costs beside its value, its key above all."""
LIFE_SECONDS = 3600
REDIS_SECONDS = 0.2
SILENCE_SECONDS = 10.0
"""After a failure Redis is left alone this long: a dead one would cost each call its time-out."""
log = logging.getLogger(__name__)


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
        self._flights: dict[str, asyncio.Task[tuple[bytes, bool]]] = {}
        self._redis = _connect(redis_url) if redis_url else None
        self._clock = clock
        self._silent_until = float("-inf")

    async def fetch(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> tuple[bytes, bool]:
        """Give the value under a key and whether it was there or under way; compute and keep it if it was not.

        What `compute` raises is raised to everyone who waits for it, and nothing is kept.
        """
        if (value := self._local.get(key)) is not None:
            return value, True
        # Shielded: the caller who came first may go away while others wait for the same value.
        if flight := self._flights.get(key):
            return (await asyncio.shield(flight))[0], True
        flight = self._flights[key] = asyncio.ensure_future(self._find(key, compute))
        flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return await asyncio.shield(flight)

    async def close(self) -> None:
        """Let go of Redis."""
        if self._redis:
            await self._redis.aclose()

    async def probe(self) -> None:
        """Raise if Redis does not answer."""
        if self._redis:
            await self._redis.ping()

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
        if self._redis is None or self._clock() < self._silent_until:
            return None
        try:
            found = await self._redis.get(f"{self._namespace}:{key}")
        except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, the answer is computed
            self._fall_silent(error)
            return None
        return found if isinstance(found, bytes) else None

    async def _remote_set(self, key: str, value: bytes) -> None:
        if self._redis is None or self._clock() < self._silent_until:
            return
        try:
            await self._redis.set(f"{self._namespace}:{key}", value, ex=LIFE_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, the answer is there
            self._fall_silent(error)

    def _fall_silent(self, error: Exception) -> None:
        if self._clock() >= self._silent_until:  # and not one of many calls that were under way when it failed
            log.warning("Redis does not answer and is left alone for %d s: %s", SILENCE_SECONDS, error)
        self._silent_until = self._clock() + SILENCE_SECONDS


def _size(value: bytes) -> int:
    return len(value) + ENTRY_BYTES


def _connect(url: str) -> "Redis":
    from redis.asyncio import Redis

    try:
        return Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, retry=None)
    except ValueError:  # whose text may hold a piece of the password
        raise CannotStart("REDIS_URL is not a URL like redis://host:6379/0") from None
