"""A program on a leash dies with its starter, and does not start without one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from cli.stack import leash
from tests.cli.stack.conftest import wait_gone

SCRIPT = str(Path(leash.__file__))
STARTER = """
import os, subprocess, sys
program = [sys.executable, "-c", "import os, signal; print(os.getpid(), flush=True); signal.pause()"]
sys.exit(subprocess.call([sys.executable, "-I", "-S", sys.argv[1], str(os.getpid()), *program]))
"""


def test_it_dies_with_its_starter() -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER, SCRIPT], stdout=subprocess.PIPE, text=True)
    assert starter.stdout
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    starter.stdout.close()
    died = wait_gone(pid, 5.0)
    if not died:
        os.kill(pid, signal.SIGKILL)
    assert died


def test_it_does_not_start_when_the_starter_is_gone() -> None:
    somebody_else = str(os.getppid())
    refused = subprocess.run(
        [sys.executable, "-I", "-S", SCRIPT, somebody_else, "true"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert refused.stderr == "the starter was gone before the leash was on\n"


def test_a_program_that_is_not_there_is_named() -> None:
    refused = subprocess.run(
        [sys.executable, "-I", "-S", SCRIPT, str(os.getpid()), "/nowhere/envoy"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr == "cannot run /nowhere/envoy: No such file or directory\n"
