"""API keys as a service meets them: exchanged at identity for an access token, which is kept for a while.

A service learns whose a key is from the token alone, which it verifies like any other. A key that was deleted goes on
until the token kept for it is dropped: a minute at most. Keys are remembered by their hash.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from contextvars import Context

from cachetools import TTLCache

from chassis.counters import Counters
from chassis.errors import RateLimited, Unauthenticated

HEADER = "x-api-key"
PREFIX = "plim_"
KEY = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}", re.ASCII)
"""What a key looks like: 256 random bits after the prefix, by which people and scanners know what they found."""
TOKEN_SECONDS = 120
"""How long identity makes the tokens live that it gives for keys."""
KEPT_SECONDS = 60.0
"""How long a token is used again: well below its life, so that calls made on behalf of a call still find it alive."""
REFUSAL_KEPT_SECONDS = 10.0
KEYS_KEPT = 10_000
REFUSALS_A_MINUTE = 20
"""Unknown keys that one address may try in a minute before they are refused unseen: a flood must not reach identity."""
MINUTE = 60
Exchange = Callable[[str], Awaitable[str]]
"""Gives the access token for a key; raises Unauthenticated where identity refuses it."""


class ApiKeys:
    """The keys that this process was shown lately."""

    def __init__(
        self, exchange: Exchange, counters: Counters | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._exchange = exchange
        self._counters = counters or Counters("api-keys")
        self._tokens: TTLCache[bytes, str] = TTLCache(KEYS_KEPT, KEPT_SECONDS, timer=clock)
        self._refused: TTLCache[bytes, bool] = TTLCache(KEYS_KEPT, REFUSAL_KEPT_SECONDS, timer=clock)
        self._under_way: dict[bytes, asyncio.Task[str]] = {}

    async def token(self, key: str, address: str) -> str:
        """Give an access token for a key that came from an address.

        Raises:
            Unauthenticated: the key is unknown, deleted or expired.
            RateLimited: the address has tried too many of those.
            Unavailable: identity, which alone knows, does not answer.
        """
        key_hash = hashlib.sha256(key.encode()).digest()
        if token := self._tokens.get(key_hash):
            return token
        if not KEY.fullmatch(key):
            raise refused()
        tried = self._counters.seen(address, MINUTE)
        if tried.times >= REFUSALS_A_MINUTE:
            message = f"{tried.times} unknown API keys came from this address within a minute"
            wait = tried.seconds_left
            raise RateLimited(message, limit=REFUSALS_A_MINUTE, period="minute", retry_after_seconds=wait)
        try:
            if key_hash in self._refused:
                raise refused()
            return await asyncio.shield(self._asking(key, key_hash))
        except Unauthenticated:
            self._counters.add(address, MINUTE)
            raise

    def _asking(self, key: str, key_hash: bytes) -> "asyncio.Task[str]":
        """Give the one question about a key that is under way; not in the context of the call that happens to ask."""
        if key_hash not in self._under_way:
            task = self._under_way[key_hash] = asyncio.create_task(self._ask(key, key_hash), context=Context())
            task.add_done_callback(lambda done: self._asked(key_hash, done))
        return self._under_way[key_hash]

    def _asked(self, key_hash: bytes, done: "asyncio.Task[str]") -> None:
        del self._under_way[key_hash]
        if not done.cancelled():
            done.exception()  # everyone who waited for it may have gone away

    async def _ask(self, key: str, key_hash: bytes) -> str:
        try:
            token = await self._exchange(key)
        except Unauthenticated:
            self._refused[key_hash] = True
            raise
        self._tokens[key_hash] = token
        return token


def refused() -> Unauthenticated:
    """Give the refusal of a key; an unknown one, a deleted one and an expired one look the same."""
    return Unauthenticated("TOKEN_INVALID", "the API key is not valid: it is unknown, expired or deleted")
