"""`plimsoll demo` as a person meets it: twice in the same home, with the commands that it prints, and Ctrl-C."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.databases import make_home, remove_home
from tests.signals import heed_signals
from tests.system.conftest import PATIENCE_SECONDS, PLIMSOLL, command, environment, processes_of, wait_until

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[3]


@pytest.fixture
def home() -> Iterator[Path]:
    folder = make_home()
    yield folder
    left = processes_of(folder)
    remove_home(folder)
    assert not left, left


def test_two_visits_the_commands_they_print_and_ctrl_c(home: Path) -> None:
    first = command(home, "demo", "--free-ports", "--once")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "185,893 closes of 26 instruments" in first.stdout
    check_report(first.stdout)
    assert processes_of(home) == []

    curl = shutil.which("curl")
    with staying_demo(home) as page:
        assert "closes of" not in page, "prices are stored once"
        assert page.count("already there") == 3
        assert password(page) == password(first.stdout)
        check_report(page)
        if curl:
            check_commands(page, home)
    if not curl:
        pytest.skip("curl is not installed: all but the printed commands was tried")


@contextmanager
def staying_demo(home: Path) -> Iterator[str]:
    """A demo that stays up, by what it printed; ended by Ctrl-C."""
    printed = home / "demo.txt"
    with printed.open("wb") as output:
        demo = subprocess.Popen(
            [PLIMSOLL, "demo", "--free-ports"],
            env=environment(home),
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=heed_signals,
        )
    try:
        wait_until(lambda: "stays up" in printed.read_text() or demo.poll() is not None, "the report")
        assert demo.poll() is None, printed.read_text()
        yield printed.read_text()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(PATIENCE_SECONDS) == 0, printed.read_text()
    finally:
        demo.kill()
        demo.wait()


def check_report(page: str) -> None:
    glance = page.split("At a glance")[1].split("About these figures")[0]
    for line in (
        r"Individual +485,223 +95\.8% +0\.0% +95\.8% +95\.8% .* 16 +100\.0%",
        r"High net worth +2,850,068 .* 17 +100\.0%",
        r"Long/short +3,269,265 +166\.6% +-58\.9% +225\.5% +107\.7% .* 30 +100\.0%",
    ):
        assert re.search(line, glance), glance
    assert "26 have 252 sessions without a gap" in " ".join(glance.split())


def check_commands(page: str, home: Path) -> None:
    """Runs the commands in the order in which they are printed, and looks at the JSON of those that answer with any."""
    commands = re.findall(r"^(?:TOKEN|curl).*", page, re.MULTILINE)
    script = "; echo; ".join(commands).replace("cookies.txt", str(home / "cookies.txt"))
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    listed, complete, overview, by_cookie, uploaded = map(json.loads, filter(None, done.stdout.splitlines()))
    assert {portfolio["name"] for portfolio in listed["portfolios"]} >= {"Individual", "High net worth", "Long/short"}
    assert len(complete["positions"]) == 30
    assert overview["position_count"]["option_count"] == 12
    assert by_cookie["metadata"] == overview["metadata"]
    assert uploaded["report"]["positions_saved_count"] == 16


def password(page: str) -> str:
    return str(re.findall(r"password (\S+)", page)[0])
