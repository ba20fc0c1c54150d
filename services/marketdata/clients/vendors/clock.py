"""Time, as something that is handed in: a test moves it, and waits for nothing."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from services.marketdata.clients.vendors.failure import FetchFailed


class Clock(Protocol):
    """What tells the time and lets it pass."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; they never go back."""
        ...

    def now(self) -> datetime:
        """Give the time in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def now(self) -> datetime:
        """Give the time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which a fetch is over, with all its calls, waits and repetitions."""

    clock: Clock
    at: float
    """In seconds of `clock.monotonic`."""

    @property
    def remaining(self) -> float:
        """Seconds left; never less than 0."""
        return max(0.0, self.at - self.clock.monotonic())

    async def sleep(self, seconds: float, failure: FetchFailed) -> None:
        """Wait, or fail at once if the wait would outlast the deadline.

        Raises:
            FetchFailed: the failure given.
        """
        if seconds >= self.remaining:
            raise failure
        if seconds > 0:
            await self.clock.sleep(seconds)


_allotted: ContextVar[Deadline | None] = ContextVar("the time allotted to whoever is asked now", default=None)


def deadline_in(clock: Clock, seconds: float) -> Deadline:
    """Give the deadline that many seconds from now, or the one allotted if that is earlier."""
    own, allotted = Deadline(clock, clock.monotonic() + seconds), _allotted.get()
    return own if allotted is None or own.at <= allotted.at else allotted


@contextmanager
def allotting(deadline: Deadline) -> Iterator[None]:
    """Let every deadline that is made inside end by then, whoever makes it.

    A context variable, because sources of other kinds stand between who allots the time and who uses it, and a file
    needs no deadline.
    """
    token = _allotted.set(deadline)
    try:
        yield
    finally:
        _allotted.reset(token)
