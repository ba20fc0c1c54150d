"""However a stack ends, it ends in order where it can, and nothing of it is left."""

import os
import pty
import select
import signal
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.stack.conftest import PATIENCE_SECONDS, ROOT, FakeStack, wait_gone
from tests.signals import heed_signals

Start = Callable[..., FakeStack]
STOPPED_IN_ORDER = [("stop", "gateway"), ("stop", "risk"), ("stop", "portfolio")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_parts_in_reverse_order(fake_stack: Start, number: signal.Signals) -> None:
    stack = fake_stack("portfolio", "risk", "gateway")
    stack.read_until("everything is up")
    stack.signal(number)
    assert stack.finish() == (0, "")
    assert stack.journal[3:] == STOPPED_IN_ORDER
    assert stack.alive() == []
    assert not (stack.home / "stack.json").exists()


def test_a_signal_during_the_start_stops_what_has_started(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "risk=slow", "gateway")
    stack.read_until("risk is here")
    stack.signal(signal.SIGINT)
    assert stack.finish() == (0, "")
    assert [event for event in stack.journal if event[0] == "stop"] == STOPPED_IN_ORDER[1:]
    assert ("start", "gateway") not in stack.journal
    assert stack.alive() == []


def test_a_signal_while_a_part_waits_to_be_started_again(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "risk=broken")
    stack.read_until("starting it again in 0.8 s")
    stack.signal(signal.SIGINT)
    assert stack.finish() == (0, "")
    assert stack.alive() == []


def test_a_stubborn_part_is_killed_after_its_grace(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "risk=stubborn", "--grace", "0.2")
    stack.read_until("everything is up")
    stack.signal(signal.SIGTERM)
    assert stack.finish() == (0, "")
    assert stack.journal[2:] == STOPPED_IN_ORDER[1:]
    assert stack.alive() == []


def test_a_second_interrupt_does_not_wait_for_the_grace(fake_stack: Start) -> None:
    stack = fake_stack("portfolio=stubborn", "risk=stubborn", "--grace", "1000")
    stack.read_until("everything is up")
    stack.signal(signal.SIGINT)
    stack.read_until("stopping risk")
    stack.signal(signal.SIGINT)
    assert stack.finish() == (0, "")
    assert stack.alive() == []


def test_a_frozen_part_does_not_hold_up_the_end(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "risk", "--grace", "0.2")
    stack.read_until("everything is up")
    os.kill(stack.pids("start", "risk")[0], signal.SIGSTOP)
    stack.signal(signal.SIGTERM)
    assert stack.finish() == (0, "")
    assert stack.alive() == []


def test_kill_9_of_the_supervisor_leaves_nothing(fake_stack: Start) -> None:
    stack = fake_stack("portfolio=stubborn", "risk", "gateway")
    stack.read_until("everything is up")
    pids = stack.alive()
    assert len(pids) == 4
    stack.signal(signal.SIGKILL)
    assert all(wait_gone(pid, 5.0) for pid in pids)
    assert stack.alive() == []


def test_kill_9_during_the_start_leaves_nothing(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "risk=slow")
    stack.read_until("starting risk")
    pids = stack.alive()
    stack.signal(signal.SIGKILL)
    assert all(wait_gone(pid, 5.0) for pid in pids)
    stack.process.wait()
    assert all(wait_gone(pid, 5.0) for pid in stack.alive())


def test_a_reader_that_goes_away_does_not_stop_the_stack(fake_stack: Start) -> None:
    stack = fake_stack("portfolio")
    stack.read_until("everything is up")
    assert stack.process.stdout
    stack.process.stdout.close()
    first = stack.pids("start", "portfolio")[0]
    os.kill(first, signal.SIGKILL)
    assert wait_gone(first, 5.0)
    stack.signal(signal.SIGTERM)
    assert stack.process.wait() == 0
    assert stack.alive() == []
    assert "portfolio was killed by SIGKILL" in (stack.home / "logs" / "plimsoll.log").read_text()


class Terminal:
    """A fake stack on a terminal of its own, as after `plimsoll up` in a window."""

    def __init__(self, home: Path, *waves: str) -> None:
        self.said = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            heed_signals()
            os.chdir(ROOT)
            os.environ["TERM"] = "xterm"
            os.environ.pop("NO_COLOR", None)
            os.execv(sys.executable, [sys.executable, "-m", "tests.cli.stack.fake_stack", str(home), *waves])

    def read_until(self, text: bytes) -> None:
        while text not in self.said:
            assert select.select([self.master], [], [], PATIENCE_SECONDS)[0], self.said
            self.said += os.read(self.master, 4096)

    def exit_code(self) -> int:
        if not wait_gone(self.pid, PATIENCE_SECONDS):
            os.kill(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def journal(home: Path) -> list[str]:
    return [line.rpartition(" ")[0] for line in (home / "journal").read_text().splitlines()]


def test_ctrl_c_on_a_terminal_reaches_the_supervisor_alone(home: Path) -> None:
    terminal = Terminal(home, "portfolio", "risk")
    before = termios.tcgetattr(terminal.master)
    terminal.read_until(b"everything is up")
    os.write(terminal.master, b"\x03")
    assert terminal.exit_code() == 0
    # A part that had received the interrupt itself would have died of it without a note.
    assert journal(home) == ["start portfolio", "start risk", "stop risk", "stop portfolio"]
    assert termios.tcgetattr(terminal.master) == before
    assert b"\x1b[33mportfolio |\x1b[0m portfolio is here" in terminal.said
    os.close(terminal.master)


def test_closing_the_terminal_stops_the_stack_in_order(home: Path) -> None:
    terminal = Terminal(home, "portfolio", "risk")
    terminal.read_until(b"everything is up")
    os.close(terminal.master)
    assert terminal.exit_code() == 0
    assert journal(home) == ["start portfolio", "start risk", "stop risk", "stop portfolio"]
