"""One run of a program as our child process: in a session of its own, on a leash, and heard.

Its own session keeps a Ctrl-C at the terminal away from it: that goes to the supervisor alone, which stops parts in
order. The leash (leash.py) ends it when the supervisor is gone. Its end is learnt from a pidfd before the process is
reaped, so that its process group can be killed with it without hitting a stranger that got the same number.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cli.stack.lines import LineCutter

_LEASH = Path(__file__).with_name("leash.py")
_CHUNK = 65_536
_LAST_LINES_SECONDS = 1.0


class Child:
    """A running program. Made, watched and stopped on one event loop, whose thread must live as long as it does."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._say = say
        self._cutter = LineCutter()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._fell_silent = asyncio.Event()
        self._ear, mouth = os.pipe()
        os.set_blocking(self._ear, False)
        try:
            self._process = subprocess.Popen(  # noqa: S603  the program is one of our own parts
                [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), *command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=mouth,
                stderr=mouth,
                start_new_session=True,
            )
        except OSError:
            os.close(self._ear)
            raise
        finally:
            os.close(mouth)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._ear, self._listen)
        self._loop.add_reader(self._pidfd, self._bury)

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its session and process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.done()

    async def ended(self) -> int:
        """Wait for its end and its last lines; give its exit code, negative for a signal."""
        code = await asyncio.shield(self._ended)
        with suppress(TimeoutError):  # a descendant that left the session may keep the pipe open for ever
            await asyncio.wait_for(self._fell_silent.wait(), _LAST_LINES_SECONDS)
        self._stop_listening()
        return code

    async def stop(self, grace_seconds: float) -> None:
        """Ask it to end; kill it and all that it started when it has not within the grace."""
        if self.running:
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
            await asyncio.wait([self._ended], timeout=grace_seconds)
        self.kill()
        await self.ended()

    def kill(self) -> None:
        """End it and all that it started, at once."""
        if self.running:
            self._kill_group()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _bury(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._kill_group()
        os.close(self._pidfd)
        self._ended.set_result(self._process.wait())

    def _listen(self) -> None:
        chunk = os.read(self._ear, _CHUNK)
        for line in self._cutter.feed(chunk):
            self._say(line)
        if not chunk:
            self._stop_listening()

    def _stop_listening(self) -> None:
        if not self._fell_silent.is_set():
            self._fell_silent.set()
            self._loop.remove_reader(self._ear)
            os.close(self._ear)
            for line in self._cutter.finish():
                self._say(line)
