"""One stack per home, and none on a port that somebody else has."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path

from cli.stack.home import Home
from cli.stack.lock import owner
from cli.stack.record import running
from tests.cli.stack.conftest import FakeStack

Start = Callable[..., FakeStack]


def test_a_second_stack_in_the_same_home_is_refused(fake_stack: Start) -> None:
    first = fake_stack("portfolio")
    first.read_until("everything is up")
    code, err = fake_stack("portfolio").finish()
    assert code == 1
    assert f"already runs in {first.home} (process {first.process.pid})" in err
    assert "plimsoll down" in err
    assert first.journal == [("start", "portfolio")]
    assert running(Home(first.home)) is not None
    first.signal(signal.SIGTERM)
    assert first.finish() == (0, "")


def test_a_killed_stack_does_not_block_the_next(fake_stack: Start) -> None:
    killed = fake_stack("portfolio")
    killed.read_until("everything is up")
    killed.signal(signal.SIGKILL)
    killed.process.wait()
    assert (killed.home / "stack.json").exists()
    assert owner(killed.home / "stack.lock") is None
    assert running(Home(killed.home)) is None
    following = fake_stack("portfolio")
    following.read_until("everything is up")
    assert owner(killed.home / "stack.lock") == following.process.pid


def test_the_record_says_what_runs_and_where(fake_stack: Start) -> None:
    stack = fake_stack("portfolio", "gateway")
    stack.read_until("everything is up")
    record = running(Home(stack.home))
    assert record
    assert record.pid == stack.process.pid
    assert [(part.name, part.state, part.pid) for part in record.parts] == [
        ("portfolio", "ready", stack.pids("start", "portfolio")[0]),
        ("gateway", "ready", stack.pids("start", "gateway")[0]),
    ]
    assert record.gateway_url == "http://127.0.0.1:1"
    assert (stack.home / "stack.json").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_named_with_its_setting_and_nothing_starts(fake_stack: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = fake_stack("portfolio", "--port", str(port))
        code, err = stack.finish()
    assert code == 1
    assert f"port {port} (PLIMSOLL_GATEWAY_PORT) is taken" in err
    assert stack.journal == []


def test_nobody_owns_a_home_that_never_was(tmp_path: Path) -> None:
    assert owner(tmp_path / "stack.lock") is None
    assert running(Home(tmp_path)) is None
