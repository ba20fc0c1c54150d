"""What a part of the stack runs: something that starts until it can be used, ends, and can be stopped."""

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cli.stack.child import Child
from cli.stack.errors import StartFailed
from cli.stack.probes import Probe, until
from cli.stack.transcript import Transcript

KILL_SECONDS = 2.0
"""How much longer than its drain a part may take to end before it is killed."""


class Program(Protocol):
    """Runs one part. A start after an end begins afresh."""

    @property
    def pid(self) -> int | None:
        """The process to look at; None when there is none."""

    async def start(self) -> None:
        """Start it, and return when it can be used.

        Raises:
            StartFailed: it ended before, or was stopped, or took too long.
        """

    async def ended(self) -> str:
        """Wait for its end, and say how it ended."""

    async def stop(self) -> None:
        """Stop it within its grace, even in the middle of a start; nothing of it runs afterwards."""

    def kill(self) -> None:
        """Make it end at once."""

    def epitaph(self) -> str:
        """Say what is known of why it does not come up."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a process is started, known to be usable, and stopped."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    probe: Probe
    start_seconds: float = 60.0
    """How long it may take until the probe says yes."""
    grace_seconds: float = 12.0
    """How long it may take to end after SIGTERM."""


class ProcessProgram:
    """A part that is a process of ours."""

    def __init__(self, name: str, launch: Launch, transcript: Transcript) -> None:
        self._name = name
        self.launch = launch
        self._transcript = transcript
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process; None when it does not run."""
        return self._child.pid if self._child and self._child.running else None

    async def start(self) -> None:
        """Start the process, and return when its probe says yes."""
        try:
            child = self._child = Child(self.launch.command, self.launch.environment, self._say)
        except OSError as error:
            raise StartFailed(f"could not be started: {error.strerror}") from error
        usable = asyncio.ensure_future(until(self.launch.probe))
        ended = asyncio.ensure_future(child.ended())
        await asyncio.wait({usable, ended}, timeout=self.launch.start_seconds, return_when=asyncio.FIRST_COMPLETED)
        usable.cancel()
        if ended.done():
            raise StartFailed(f"{how_it_ended(ended.result())} before it could be used")
        if not usable.done():
            child.kill()
            await ended
            raise StartFailed(f"could not be used after {self.launch.start_seconds:g} s")

    async def ended(self) -> str:
        """Wait for the end of the process."""
        assert self._child is not None
        return how_it_ended(await self._child.ended())

    async def stop(self) -> None:
        """Ask the process to end, and kill it after its grace."""
        if self._child:
            await self._child.stop(self.launch.grace_seconds)

    def kill(self) -> None:
        """Kill the process and what it started."""
        if self._child:
            self._child.kill()

    def epitaph(self) -> str:
        """Give its last words, and where the others are."""
        words = [f"    {line}" for line in self._transcript.last_words(self._name)]
        return "\n".join(["Its last words:", *words, f"All of them: {self._transcript.path(self._name)}"])

    def _say(self, line: str) -> None:
        self._transcript.say(self._name, line)


def how_it_ended(code: int) -> str:
    """Put an exit code into words; a negative one is a signal."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
