"""Password hashes: Argon2id, a few at a time, off the event loop.

A hash takes 19 MiB and some 20 ms of a core on purpose. A flood of logins must therefore queue, and past a short queue
be refused, so that everybody else is still served.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chassis.errors import Overloaded

T = TypeVar("T")
MEMORY_KIB = 19 * 1024
ROUNDS = 2
LONGEST_QUEUE = 40


class Passwords:
    """Hashes and verifies passwords."""

    def __init__(self, at_once: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=1)
        self._slots = asyncio.Semaphore(at_once)
        self._waiting = 0
        # Verified in place of a missing account's hash, so that an unknown address takes as long as a wrong password.
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Give the hash to store for a password."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Say whether a password belongs to a stored hash; without one, take as long and say no."""
        matches = await self._run(lambda: _matches(self._hasher, stored or self._nobody, password))
        return matches and stored is not None

    async def renewed(self, stored: str | None, password: str) -> str | None:
        """Give a new hash for a password whose stored one was made with other parameters than today's; else None."""
        if stored is None or not self._hasher.check_needs_rehash(stored):
            return None
        return await self.hash(password)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= LONGEST_QUEUE:
            raise Overloaded(f"{self._waiting} passwords are waiting to be checked")
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def _matches(hasher: PasswordHasher, stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
