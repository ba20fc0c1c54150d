"""Time, as something that is handed in: a test moves it, and waits for nothing."""

import asyncio
import time
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


def deadline_in(clock: Clock, seconds: float) -> Deadline:
    """Give the deadline that many seconds from now."""
    return Deadline(clock, clock.monotonic() + seconds)
