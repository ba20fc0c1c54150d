"""The stack under faults: parts that die, a supervisor that dies, a second start, taken ports. Nothing stays behind."""

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx

from tests.system.conftest import (
    NO_TLS,
    PATIENCE_SECONDS,
    PLIMSOLL,
    command,
    environment,
    processes_of,
    start,
    stop,
    wait_until,
)


def test_a_part_that_is_killed_is_back_and_a_signal_stops_everything(home: Path):
    running = start(home)
    try:
        for part in ("risk", "marketdata", "portfolio", "gateway"):
            before = running.pid(part)
            os.kill(before, signal.SIGKILL)
            wait_until(lambda part=part, before=before: running.pid(part) != before, f"{part} was started again")
            wait_until(lambda: _well(running.url), f"all is well after {part} was killed")
    finally:
        code = stop(running, signal.SIGTERM)
    assert code == 0
    assert processes_of(home) == []


def _well(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/healthz", timeout=10, verify=NO_TLS).status_code == 200
    return False


def test_the_end_of_the_terminal_stops_everything(home: Path):
    running = start(home)
    assert stop(running, signal.SIGHUP) == 0
    assert processes_of(home) == []


def test_the_death_of_the_supervisor_leaves_no_orphan(home: Path):
    running = start(home)
    assert len(processes_of(home)) > 5
    running.supervisor.kill()
    running.supervisor.wait()
    wait_until(lambda: processes_of(home) == [], "the last process is gone")
    # What the crash left must not stand in the way of the next start, nor cost what was stored.
    again = start(home)
    assert stop(again, signal.SIGINT) == 0
    assert processes_of(home) == []


def test_a_second_stack_in_the_same_home_is_refused_and_down_stops_the_first(home: Path):
    running = start(home)
    try:
        second = command(home, "up", "--free-ports")
        assert second.returncode == 1
        assert str(running.supervisor.pid) in second.stderr
        assert command(home, "status").returncode == 0
        assert command(home, "down").returncode == 0
        assert running.supervisor.wait(PATIENCE_SECONDS) == 0
    finally:
        stop(running)
    assert command(home, "status").returncode == 3


def test_a_taken_port_is_named_before_anything_starts(home: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = subprocess.run(
            [PLIMSOLL, "up"],
            env={**environment(home), "PLIMSOLL_GATEWAY_PORT": port},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert refused.returncode == 1
    assert port in refused.stderr
    assert "PLIMSOLL_GATEWAY_PORT" in refused.stderr
    assert processes_of(home) == []


def test_a_wrong_setting_is_named(home: Path):
    refused = subprocess.run(
        [PLIMSOLL, "up"],
        env={**environment(home), "PLIMSOLL_GATEWAY_PORT": "eighty"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert refused.returncode == 2
    assert "PLIMSOLL_GATEWAY_PORT" in refused.stderr
    assert "eighty" in refused.stderr
