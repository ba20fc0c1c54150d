"""Work that a service repeats in the background while it runs.

A failure is logged and tried again, after pauses that grow: what is done here can wait, and must neither end the
service nor stop for good.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

LONGEST_SECONDS: Final = 60.0
"""How long failing work waits at most, unless it is done more seldom anyway."""
log = logging.getLogger(__name__)


def backoff(pause_seconds: float) -> Iterator[float]:
    """Give the pauses, in seconds, after one failure, two in a row, and so on: each twice as long, up to a minute."""
    longest = max(pause_seconds, LONGEST_SECONDS)
    while True:
        yield pause_seconds
        pause_seconds = min(2 * pause_seconds, longest)


class Repeating:
    """One kind of work, done again and again with a pause between."""

    def __init__(self, what: str, pause_seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        self._what = what
        self._pause = pause_seconds
        self._work = work
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=self._what)

    async def stop(self) -> None:
        """End; work that is under way is cancelled."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        failing: Iterator[float] | None = None
        while True:
            pause = self._pause
            try:
                await self._work()
                failing = None
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may succeed
                if failing is None:  # one line for an outage, however long it takes
                    log.warning("%s failed and is tried again in %g s and later: %r", self._what, pause, error)
                    failing = backoff(pause)
                pause = next(failing)
            await asyncio.sleep(pause)
