"""Parts are kept running and are given up when they never come up."""

import os
import signal
from collections.abc import Callable

from tests.cli.stack.conftest import FakeStack, wait_gone

Start = Callable[..., FakeStack]


def test_waves_start_in_order(fake_stack: Start) -> None:
    stack = fake_stack("database", "portfolio,risk", "gateway")
    stack.read_until("everything is up")
    (first, *middle, last) = stack.journal
    assert first == ("start", "database")
    assert sorted(middle) == [("start", "portfolio"), ("start", "risk")]
    assert last == ("start", "gateway")


def test_what_parts_say_stands_behind_their_names(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "risk")
    stack.read_until("everything is up")
    assert "portfolio | portfolio is here" in stack.lines
    assert "risk      | risk is here" in stack.lines
    assert (stack.home / "logs" / "risk.log").read_text() == "risk is here\n"


def test_a_part_that_dies_is_started_again(fake_stack: Start) -> None:
    stack = fake_stack("portfolio,risk")
    stack.read_until("everything is up")
    (first,) = stack.pids("start", "risk")
    os.kill(first, signal.SIGKILL)
    stack.read_until("risk was killed by SIGKILL; starting it again in 0.2 s")
    stack.read_until("risk is ready again")
    second = stack.pids("start", "risk")[-1]
    assert second != first
    risk = next(part for part in stack.record["parts"] if part["name"] == "risk")
    assert (risk["state"], risk["pid"], risk["restart_count"]) == ("ready", second, 1)
    assert len(stack.pids("start", "portfolio")) == 1


def test_what_a_dead_part_had_started_is_gone_before_it_starts_again(fake_stack: Start) -> None:
    stack = fake_stack("gateway=parent")
    stack.read_until("everything is up")
    (envoy,) = (int(event.partition("-")[2]) for event, _ in stack.journal if event.startswith("child-"))
    os.kill(stack.pids("start", "gateway")[0], signal.SIGKILL)
    stack.read_until("gateway is ready again")
    assert wait_gone(envoy, 0)


def test_a_part_that_never_comes_up_is_given_up(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "risk=broken")
    code, err = stack.finish()
    assert code == 1
    assert "risk ended with exit code 2 before it could be used, 4 times in a row" in err
    assert "the settings are wrong" in err
    assert str(stack.home / "logs" / "risk.log") in err
    assert stack.journal == [("start", "portfolio"), ("stop", "portfolio")]
    assert stack.alive() == []


def test_a_part_that_cannot_come_up_again_ends_the_stack(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "risk=brittle")
    stack.read_until("everything is up")
    os.kill(stack.pids("start", "risk")[0], signal.SIGKILL)
    code, err = stack.finish()
    assert code == 1
    assert "risk ended with exit code 3 before it could be used, 4 times in a row" in err
    assert stack.journal[-1] == ("stop", "portfolio")
    assert stack.alive() == []
