"""The embedded PostgreSQL as a part of the stack."""

import asyncio
from collections.abc import Callable

from cli.stack.errors import StackError, StartFailed
from cli.stack.follower import Follower
from cli.stack.postgres import EmbeddedPostgres
from cli.stack.program import how_it_ended

_LISTEN_SECONDS = 0.5


class DatabaseProgram:
    """Runs the server, and says what its log says.

    The server has its own way of not outliving us (watchdog.py), and its start and stop block: they get a thread.
    """

    def __init__(self, server: EmbeddedPostgres, say: Callable[[str], None]) -> None:
        self._server = server
        self._say = say
        self._listening: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process that ends when the server does."""
        return self._server.pid

    async def start(self) -> None:
        """Start the server, and return when it answers."""
        try:
            await asyncio.to_thread(self._server.start)
        except StackError as error:
            raise StartFailed(f"did not start: {error}") from error
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="postgres log")

    async def ended(self) -> str:
        """Wait for the end of the server."""
        return how_it_ended(await asyncio.to_thread(self._server.wait))

    async def stop(self) -> None:
        """Stop the server; everything committed is kept."""
        await asyncio.to_thread(self._server.stop)
        if self._listening:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    def kill(self) -> None:
        """Do nothing: an orderly stop takes less time than to recover from another, and is bounded too."""

    def epitaph(self) -> str:
        """Say nothing more: the error already quotes the server."""
        return ""

    async def _listen(self) -> None:
        follower = Follower(self._server.log)
        try:
            while True:
                await asyncio.sleep(_LISTEN_SECONDS)
                for line in follower.new_lines():
                    self._say(line)
        finally:
            for line in follower.new_lines():
                self._say(line)
            follower.close()
