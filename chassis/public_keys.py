"""Identity's public keys as one process knows them: fetched when first needed, and again before they are old.

Whoever needs a key waits for one fetch at most, which is made once for all who wait. Identity may be down for a while:
the keys it last gave go on, and a key that nobody can ask about makes the service unavailable, not the caller unknown.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextvars import Context
from typing import Any

import jwt

from chassis.errors import Unauthenticated, Unavailable

KEYS_KEPT_SECONDS = 300.0
"""How long public keys are trusted without asking again; a new key is published this long before it signs."""
KEYS_TRUSTED_SECONDS = 1200.0
"""How long they are trusted while identity does not answer: until the tokens that it last signed have expired."""
REFETCH_SECONDS = 5.0
"""An unknown key id makes us ask again, at most this often: a flood of forged ids must not reach identity."""
RETRY_SECONDS = 1.0
"""How long after an attempt that failed the next one is made."""
FETCH_SECONDS = 2.0
"""How long an attempt may take: well below the time of a call, which then still gets an answer."""
log = logging.getLogger(__name__)

KeySet = Mapping[str, Any]
"""A JSON Web Key Set (RFC 7517)."""


class PublicKeys:
    """The keys by their ids."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[KeySet]],
        clock: Callable[[], float] = time.monotonic,
        key_types: Collection[str] = ("OKP",),
        of: str = "identity",
    ) -> None:
        """Make the set; `of` is whose keys they are, and `key_types` the only types (RFC 7517) of them to be taken."""
        self._ask = fetch
        self._clock = clock
        self._key_types = key_types
        self._of = of
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._next_fetch = float("-inf")
        self._answered = False
        self._fetching: asyncio.Task[None] | None = None

    def fresh(self, kid: str) -> bool:
        """Whether a key is known and was asked about lately."""
        return kid in self._keys and self._age() < KEYS_KEPT_SECONDS

    async def get(self, kid: str) -> jwt.PyJWK:
        """Give a key.

        Raises:
            Unauthenticated: identity has no such key.
            Unavailable: identity does not answer, so nobody can tell.
        """
        if not self.fresh(kid):
            await self._refresh()
        if kid in self._keys and self._age() < KEYS_TRUSTED_SECONDS:
            return self._keys[kid]
        if self._answered:
            raise Unauthenticated("TOKEN_INVALID", "the token is signed by a key that we do not know")
        raise Unavailable(self._of)

    def _age(self) -> float:
        return self._clock() - self._fetched

    async def _refresh(self) -> None:
        if self._fetching is None and self._clock() >= self._next_fetch:
            # Not in the context of the call that happens to start it, nor by its deadline: others wait as well.
            self._fetching = asyncio.create_task(self._fetch(), context=Context())
        if self._fetching:
            await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                found = jwt.PyJWKSet.from_dict(dict(await self._ask()))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with identity, the keys that we have go on
            log.warning("%s does not give its public keys: %r", self._of, error)
            self._answered = False
            self._next_fetch = self._clock() + RETRY_SECONDS
        else:
            self._keys = {key.key_id: key for key in found.keys if key.key_id and key.key_type in self._key_types}
            self._answered = True
            self._fetched = self._clock()
            self._next_fetch = self._fetched + REFETCH_SECONDS
        finally:
            self._fetching = None
