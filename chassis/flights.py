"""Work that several callers want at the same time is done once, and outlives the caller who wanted it first."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Work under way, by what it is about."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    async def join(self, key: Hashable, start: Callable[[], Awaitable[T]]) -> T:
        """Wait for the work under way, or start it. Who stops waiting does not stop it."""
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.ensure_future(start())
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    def __contains__(self, key: Hashable) -> bool:
        """Whether somebody waits for it already."""
        return key in self._under_way

    async def close(self) -> None:
        """Stop all work, and wait until it has stopped."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
