"""A Redis that may be absent, dead or frozen: whoever asks it goes on without an answer.

A Redis that failed is left alone for a while. It would otherwise cost every call its time-out.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from chassis.errors import CannotStart

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")
REDIS_SECONDS = 0.2
SILENCE_SECONDS = 10.0
"""After a failure Redis is left alone this long."""
log = logging.getLogger(__name__)


class OptionalRedis:
    """What is asked of a Redis, where there is one."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = _connect(url) if url else None
        self._clock = clock
        self._silent_until = float("-inf")

    async def ask(self, what: "Callable[[Redis], Awaitable[T]]") -> T | None:
        """Give what Redis answers; None where there is none, where it fails, and while it is left alone."""
        if self._redis is None or self._clock() < self._silent_until:
            return None
        try:
            return await what(self._redis)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, the call goes on without it
            if self._clock() >= self._silent_until:  # and not one of many calls that were under way when it failed
                log.warning("Redis does not answer and is left alone for %d s: %s", SILENCE_SECONDS, error)
            self._silent_until = self._clock() + SILENCE_SECONDS
            return None

    async def probe(self) -> None:
        """Raise if Redis does not answer."""
        if self._redis:
            await self._redis.ping()

    async def close(self) -> None:
        """Let go of Redis."""
        if self._redis:
            await self._redis.aclose()


def _connect(url: str) -> "Redis":
    from redis.asyncio import Redis

    try:
        return Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, retry=None)
    except ValueError:  # whose text may hold a piece of the password
        raise CannotStart("REDIS_URL is not a URL like redis://host:6379/0") from None
