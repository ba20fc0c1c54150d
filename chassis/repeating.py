"""Work that a service repeats in the background while it runs.

A failure is logged and tried again: what is done here can wait, and must neither end the service nor stop for good.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


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
        failing = False
        while True:
            try:
                await self._work()
                failing = False
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may succeed
                if not failing:  # one line for an outage, however long it takes
                    log.warning("%s failed and is tried again every %g s: %r", self._what, self._pause, error)
                failing = True
            await asyncio.sleep(self._pause)
