"""A cache keyed by content: the key names everything that the value was made from, so an entry is never wrong.

Entries live in this process, and in Redis as well where there is one. A dead Redis costs speed, never an answer. Of
several callers who miss the same key at once, one computes and the others wait for it.

Entries belong to whoever they were made for. No owner's take more than a share of the room, and each can see how many
there are and drop them.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cachetools import LRUCache, TTLCache

from chassis.flights import Flights
from chassis.optional_redis import OptionalRedis

MAX_BYTES = 64 << 20
MAX_OWNER_BYTES = 16 << 20
"""What one owner's entries may take in this process: nobody can crowd out all the others."""
MAX_OWNERS = 100_000
"""Owners of whom it is known which entries are theirs; of one who was not seen for long that is forgotten."""
ENTRY_BYTES = 256
"""What an entry costs beside its value, its key above all."""
LIFE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What one owner has had of a cache in this process."""

    hits: int
    misses: int
    entries: int
    bytes: int
    """With what an entry costs beside its value."""


@dataclass(slots=True)
class _Share:
    hits: int = 0
    misses: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    """Of the owner's entries, by key, the oldest first; some may have expired since."""


class Cache:
    """Bytes by content key, with single flight."""

    def __init__(
        self,
        namespace: str,
        redis_url: str = "",
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
        max_owner_bytes: int = MAX_OWNER_BYTES,
    ) -> None:
        self._namespace = namespace
        self._max_owner_bytes = max_owner_bytes
        self._shares: LRUCache[str, _Share] = LRUCache(MAX_OWNERS)
        self._local: TTLCache[str, bytes] = TTLCache(max_bytes, LIFE_SECONDS, timer=clock, getsizeof=_size)
        self._flights: Flights[tuple[bytes, bool]] = Flights()
        self._redis = OptionalRedis(redis_url, clock)

    async def fetch(self, key: str, compute: Callable[[], Awaitable[bytes]], owner: str = "") -> tuple[bytes, bool]:
        """Give the value under a key and whether it was there or under way; compute and keep it if it was not.

        What `compute` raises is raised to everyone who waits for it, and nothing is kept.

        Args:
            key: what the value is made from; keys of different owners are different keys.
            compute: makes the value.
            owner: whom it is made for. Empty: for all.
        """
        value, found = await self._fetch(f"{owner}:{key}" if owner else key, compute, owner)
        share = self._share(owner)
        share.hits, share.misses = share.hits + found, share.misses + (not found)
        return value, found

    async def _fetch(self, key: str, compute: Callable[[], Awaitable[bytes]], owner: str) -> tuple[bytes, bool]:
        if (value := self._local.get(key)) is not None:
            return value, True
        joined = key in self._flights
        value, there = await self._flights.join(key, lambda: self._find(key, compute, owner))
        return value, joined or there

    def stats(self, owner: str) -> CacheStats:
        """Say what an owner has had of this process's cache."""
        share = self._living(owner)
        return CacheStats(share.hits, share.misses, len(share.sizes), sum(share.sizes.values()))

    async def clear(self, owner: str) -> int:
        """Drop an owner's entries, those that this process put into Redis as well; say how many."""
        share = self._living(owner)
        dropped, share.sizes = share.sizes, {}
        for key in dropped:
            self._local.pop(key, None)
        if dropped:
            names = [f"{self._namespace}:{key}" for key in dropped]
            await self._redis.ask(lambda redis: redis.unlink(*names))
        return len(dropped)

    def cleanup(self) -> int:
        """Drop everybody's entries that are too old; say how many. They are never given out anyway."""
        return len(self._local.expire())

    async def close(self) -> None:
        """Let go of Redis."""
        await self._redis.close()

    async def probe(self) -> None:
        """Raise if Redis does not answer."""
        await self._redis.probe()

    async def _find(self, key: str, compute: Callable[[], Awaitable[bytes]], owner: str) -> tuple[bytes, bool]:
        if (value := await self._remote_get(key)) is not None:
            self._keep(key, value, owner)
            return value, True
        value = await compute()
        self._keep(key, value, owner)
        await self._remote_set(key, value)
        return value, False

    def _keep(self, key: str, value: bytes, owner: str) -> None:
        limit = min(self._max_owner_bytes, self._local.maxsize) if owner else self._local.maxsize
        if _size(value) > limit:
            return
        self._local[key] = value
        if not owner:
            return
        share = self._share(owner)
        share.sizes[key] = _size(value)
        if sum(share.sizes.values()) <= limit:
            return
        share = self._living(owner)
        while sum(share.sizes.values()) > limit:
            oldest = next(iter(share.sizes))
            del share.sizes[oldest]
            self._local.pop(oldest, None)

    def _share(self, owner: str) -> _Share:
        share: _Share = self._shares.setdefault(owner, _Share())
        return share

    def _living(self, owner: str) -> _Share:
        """Give an owner's share without what has expired or given way."""
        share = self._share(owner)
        share.sizes = {key: size for key, size in share.sizes.items() if key in self._local}
        return share

    async def _remote_get(self, key: str) -> bytes | None:
        found = await self._redis.ask(lambda redis: redis.get(f"{self._namespace}:{key}"))
        return found if isinstance(found, bytes) else None

    async def _remote_set(self, key: str, value: bytes) -> None:
        await self._redis.ask(lambda redis: redis.set(f"{self._namespace}:{key}", value, ex=LIFE_SECONDS))


def _size(value: bytes) -> int:
    return len(value) + ENTRY_BYTES
