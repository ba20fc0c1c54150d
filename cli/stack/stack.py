"""The stack as a whole: takes a home, starts the parts in order, keeps them running, and stops them in reverse."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cli.stack import record
from cli.stack.home import Home
from cli.stack.keeper import Keeper
from cli.stack.lock import HomeLock
from cli.stack.program import Program

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """A program with a name and a place to reach it."""

    name: str
    address: str
    program: Program


@dataclass(frozen=True, slots=True)
class Wave:
    """Parts that start at the same time. The next wave waits until all of them can be used."""

    parts: Sequence[Part]
    first: Callable[[], Awaitable[None]] | None = None
    """What must be done before they start."""


Plan = Callable[[], Awaitable[Sequence[Wave]]]


class Stack:
    """A running system. Use it through `foreground.run`, which stops it on every path."""

    def __init__(self, home: Home, plan: Plan, announce: Announce) -> None:
        """Prepare a stack; nothing happens before `start`.

        Args:
            home: the folder that the stack has for itself.
            plan: says what to start; called once the home is ours.
            announce: told what happens, in words for people.
        """
        self._home = home
        self._plan = plan
        self._announce = announce
        self._lock = HomeLock(home.lock)
        self._parts: list[tuple[Part, Keeper]] = []

    @property
    def gateway_url(self) -> str:
        """Where REST clients go."""
        return self.record().gateway_url

    def record(self) -> record.StackRecord:
        """Give what runs now."""
        parts = tuple(
            record.PartRecord(part.name, keeper.state, part.address, keeper.pid, keeper.restart_count)
            for part, keeper in self._parts
        )
        return record.StackRecord(os.getpid(), parts)

    async def start(self) -> None:
        """Start every part; return when all can be used.

        Raises:
            StackError: the home or a port is taken, or a part cannot be started.
        """
        self._home.prepare()
        self._lock.take()
        waves = await self._plan()
        keepers = {part.name: self._keeper(part) for wave in waves for part in wave.parts}
        self._parts = [(part, keepers[part.name]) for wave in waves for part in wave.parts]
        for wave in waves:
            if wave.first:
                await wave.first()
            self._announce("starting " + ", ".join(part.name for part in wave.parts))
            await _all(keepers[part.name].start() for part in wave.parts)

    async def wait(self) -> None:
        """Stay up, until the stack is stopped.

        Raises:
            PartFailed: a part ended and could not be started again.
        """
        await _all(keeper.kept() for _, keeper in self._parts)

    async def stop(self) -> None:
        """Stop every part in reverse order, each within its grace, and give the home back."""
        for part, keeper in reversed(self._parts):
            if keeper.started:
                self._announce(f"stopping {part.name}")
            await keeper.stop()
        if self._parts:
            self._home.record.unlink(missing_ok=True)
        self._lock.release()

    def hurry(self) -> None:
        """Cut every grace short."""
        for _, keeper in self._parts:
            keeper.kill()

    def _keeper(self, part: Part) -> Keeper:
        return Keeper(part.name, part.program, self._announce, self._note)

    def _note(self) -> None:
        record.write(self._home.record, self.record())


async def _all(waits: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all, or for the first that fails; wait for none any longer then."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
