"""`plimsoll down` and `plimsoll status`, on a fake stack."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cli.down import down
from cli.stack.home import Home
from tests.cli.stack.conftest import ROOT, FakeStack

Start = Callable[..., FakeStack]


def plimsoll(command: str, home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli.main", command],
        cwd=ROOT,
        env={**os.environ, "PLIMSOLL_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_down_stops_in_order_and_waits(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "gateway")
    stack.read_until("everything is up")
    ended = plimsoll("down", stack.home)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"stopped the stack in {stack.home}\n", "")
    assert stack.alive() == []
    assert stack.journal[2:] == [("stop", "gateway"), ("stop", "portfolio")]
    assert stack.finish() == (0, "")


def test_down_without_a_stack_is_no_error(home: Path) -> None:
    home.mkdir()
    ended = plimsoll("down", home)
    assert (ended.returncode, ended.stdout) == (0, f"no stack runs in {home}\n")


def test_down_kills_a_supervisor_that_does_not_listen(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "gateway")
    stack.read_until("everything is up")
    stack.signal(signal.SIGSTOP)
    said = down(Home(stack.home), patience_seconds=0.1)
    assert said == f"killed the stack in {stack.home}, which did not stop within 0.1 s"
    stack.process.wait()
    assert stack.alive() == []


def test_status_of_nothing(home: Path) -> None:
    home.mkdir()
    status = plimsoll("status", home)
    assert (status.returncode, status.stdout) == (3, f"no stack runs in {home}\n")


def test_status_shows_parts_that_do_not_answer(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "gateway")
    stack.read_until("everything is up")
    status = plimsoll("status", stack.home, COLUMNS="120")
    assert status.returncode == 1
    head, *rows, foot = status.stdout.splitlines()
    assert head.split() == ["part", "state", "address", "process", "restarts", "health"]
    assert [row.split() for row in rows] == [
        [name, "ready", "127.0.0.1:1", str(stack.pids("start", name)[0]), "0", "no", "answer"]
        for name in ("portfolio", "gateway")
    ]
    assert foot == f"home {stack.home}, supervisor {stack.process.pid}"
