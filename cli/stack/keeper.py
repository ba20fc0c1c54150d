"""Keeps one part running: starts it again when it ends, at growing intervals, and gives up when it never comes up."""

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum

from cli.stack.errors import PartFailed, StartFailed
from cli.stack.program import Program

ATTEMPTS = 4
"""Starts in a row that may fail before the stack gives up."""
FIRST_DELAY = 0.2
LONGEST_DELAY = 5.0
STEADY_SECONDS = 30.0
"""A part that stayed up this long and then ends has not been failing in a row."""


class State(StrEnum):
    """What a part is doing."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Keeper:
    """Keeps one program running until it is told to stop."""

    def __init__(self, name: str, program: Program, announce: Callable[[str], None], noted: Callable[[], None]) -> None:
        self.name = name
        self.state = State.WAITING
        self.restart_count = 0
        self._program = program
        self._announce = announce
        self._noted = noted
        self._came_up = asyncio.Event()
        self._stopping = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process that runs now; None when none does."""
        return self._program.pid

    async def start(self) -> None:
        """Begin to keep the part running; return when it can be used for the first time.

        Raises:
            PartFailed: it could not be started.
        """
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.name}")
        came_up = asyncio.ensure_future(self._came_up.wait())
        await asyncio.wait({self._keeping, came_up}, return_when=asyncio.FIRST_COMPLETED)
        came_up.cancel()
        if self._keeping.done():
            self._keeping.result()
            raise PartFailed(f"{self.name} was stopped while it started")

    @property
    def started(self) -> bool:
        """Whether there is, or was, something to stop."""
        return self._keeping is not None

    async def kept(self) -> None:
        """Wait as long as the part is kept running.

        Raises:
            PartFailed: it could not be started again.
        """
        assert self._keeping is not None
        await asyncio.shield(self._keeping)

    async def stop(self) -> None:
        """Stop the part for good."""
        if self._keeping is None:
            return
        self._stopping.set()
        self._note(State.STOPPING)
        await self._program.stop()
        await asyncio.wait([self._keeping])
        self._note(State.STOPPED)

    def kill(self) -> None:
        """Stop the part for good, and at once."""
        self._stopping.set()
        self._program.kill()

    async def _keep(self) -> None:
        failed_starts, ends_in_a_row = 0, 0
        while not self._stopping.is_set():
            self._note(State.STARTING)
            started = time.monotonic()
            try:
                await self._program.start()
                failed_starts = 0
                self._note(State.READY)
                if self._came_up.is_set():
                    self._announce(f"{self.name} is ready again")
                self._came_up.set()
                how = await self._program.ended()
            except StartFailed as error:
                failed_starts += 1
                how = str(error)
            if self._stopping.is_set():
                return
            if failed_starts == ATTEMPTS:
                self._note(State.FAILED)
                raise PartFailed(f"{self.name} {how}, {ATTEMPTS} times in a row. {self._program.epitaph()}")
            ends_in_a_row = 1 if time.monotonic() - started > STEADY_SECONDS else ends_in_a_row + 1
            await self._pause(how, min(LONGEST_DELAY, FIRST_DELAY * 2 ** (ends_in_a_row - 1)))

    async def _pause(self, how: str, seconds: float) -> None:
        self._announce(f"{self.name} {how}; starting it again in {seconds:g} s")
        self.restart_count += 1
        self._note(State.RESTARTING)
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([stopping], timeout=seconds)
        stopping.cancel()

    def _note(self, state: State) -> None:
        self.state = state
        self._noted()
