"""A child process is heard to its last word and leaves nothing behind."""

import asyncio
import os
import signal
import sys

from cli.stack.child import Child
from tests.cli.stack.conftest import wait_gone


class Ear:
    """Keeps what is said, and can be waited for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._heard = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._heard.set()

    async def first_line(self) -> str:
        await self._heard.wait()
        return self.lines[0]


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


async def test_everything_said_is_heard() -> None:
    said: list[str] = []
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr); print('no end', end='')"
    assert await Child(python(code), os.environ, said.append).ended() == 0
    assert said == ["out", "err", "no end"]


async def test_a_flood_is_heard_whole() -> None:
    said: list[str] = []
    await Child(python("print('x' * 100 + '\\n', end='') ; print('y\\n' * 200_000, end='')"), {}, said.append).ended()
    assert len(said) == 200_001


async def test_its_environment_is_what_it_was_given() -> None:
    said: list[str] = []
    await Child(python("import os; print(sorted(os.environ))"), {"ONLY": "1", "LC_CTYPE": "C"}, said.append).ended()
    assert said == ["['LC_CTYPE', 'ONLY']"]


async def test_its_session_is_its_own() -> None:
    said: list[str] = []
    child = Child(python("import os; print(os.getsid(0), os.getpgrp())"), os.environ, said.append)
    await child.ended()
    assert said == [f"{child.pid} {child.pid}"]


async def test_stopping_asks_first() -> None:
    said = Ear()
    code = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); signal.pause()"
    child = Child(python(code), os.environ, said)
    await said.first_line()
    await child.stop(grace_seconds=60.0)
    assert await child.ended() == 7
    assert not child.running


async def test_stopping_twice_or_after_the_end_is_nothing() -> None:
    child = Child(python(""), os.environ, lambda _: None)
    await child.ended()
    await child.stop(60.0)
    child.kill()
    assert await child.ended() == 0


async def test_who_does_not_listen_is_killed() -> None:
    said = Ear()
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    child = Child(python(code), os.environ, said)
    await said.first_line()
    await child.stop(grace_seconds=0.1)
    assert await child.ended() == -signal.SIGKILL


async def test_a_descendant_that_keeps_the_pipe_open_does_not_hold_up_the_end() -> None:
    said: list[str] = []
    daemon = "[sys.executable, '-c', 'import signal; signal.pause()']"
    code = f"import subprocess, sys; print(subprocess.Popen({daemon}, start_new_session=True).pid)"
    assert await Child(python(code), os.environ, said.append).ended() == 0
    (pid,) = map(int, said)
    os.kill(pid, signal.SIGKILL)
    assert wait_gone(pid, 5.0)
