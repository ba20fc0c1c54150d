"""A fake stack under test: started as a process, watched from outside, and never left behind."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.stack import leash
from tests.cli.stack.fake_stack import journal_lines
from tests.signals import heed_signals

ROOT = Path(__file__).parents[3]
LEASH = [sys.executable, "-I", "-S", leash.__file__]
PATIENCE_SECONDS = 60.0
"""Far beyond what anything here needs: it ends a test that would hang."""


def wait_gone(pid: int, seconds: float) -> bool:
    """Wait for the end of any process; say whether it came."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], seconds)[0])
    finally:
        os.close(pidfd)


class FakeStack:
    """A fake stack in a process of its own."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.lines: list[str] = []
        self._mark = f"PLIMSOLL_TEST_MARK={uuid.uuid4()}"
        name, _, value = self._mark.partition("=")
        # On a leash itself: nothing stays behind when pytest is killed.
        self.process = subprocess.Popen(
            [*LEASH, str(os.getpid()), sys.executable, "-m", "tests.cli.stack.fake_stack", str(home), *arguments],
            cwd=ROOT,
            env={**os.environ, name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_signals,
        )
        self._guard = threading.Timer(PATIENCE_SECONDS, self.process.kill)
        self._guard.start()

    def read_until(self, text: str) -> str:
        """Read what it prints until a line with a text comes."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if text in line:
                return line
        raise AssertionError(f"it ended without saying {text!r}: {self.lines} {self.process.stderr.read()}")  # type: ignore[union-attr]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def finish(self) -> tuple[int, str]:
        """Wait for its end; give its exit code and what it said on standard error."""
        out, err = self.process.communicate()
        self.lines += out.splitlines()
        return self.process.returncode, err

    @property
    def journal(self) -> list[tuple[str, str]]:
        """What the parts noted: event and part."""
        return [(event, name) for event, name, _ in journal_lines(self.home)]

    def pids(self, event: str, name: str) -> list[int]:
        """The processes in which a part noted an event."""
        return [int(pid) for its, who, pid in journal_lines(self.home) if its.startswith(event) and who == name]

    @property
    def record(self) -> Any:
        return json.loads((self.home / "stack.json").read_text())

    def alive(self) -> list[int]:
        """All living processes that this stack started, itself included, however far removed."""
        return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if self._is_ours(folder)]

    def _is_ours(self, folder: Path) -> bool:
        try:
            return self._mark.encode() in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def close(self) -> None:
        self._guard.cancel()
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        for pid in self.alive():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def fake_stack(home: Path) -> Iterator[Callable[..., FakeStack]]:
    """Start fake stacks in one home: `fake_stack("a,b", "c=stubborn")`."""
    started: list[FakeStack] = []

    def start(*arguments: str) -> FakeStack:
        started.append(FakeStack(home, *arguments))
        return started[-1]

    yield start
    for stack in started:
        stack.close()
