"""`python -m gateway` as a command."""

import json
import os
import subprocess
import sys

import pytest

from gateway.assembly import assemble
from gateway.settings import Settings
from tests.gateway.running import ROOT


def gateway(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gateway", *arguments]
    environ = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_it_prints_what_it_would_run_with() -> None:
    assembly = assemble(Settings(gateway_address="127.0.0.1:9000"))
    printed = gateway("--print-config", PLIMSOLL_GATEWAY_ADDRESS="127.0.0.1:9000")
    assert json.loads(printed.stdout) == assembly.configuration
    assert json.loads(gateway("--print-openapi").stdout) == assembly.openapi


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PLIMSOLL_GATEWAY_ADDRESS", "nowhere"),
        ("PLIMSOLL_DRAIN_SECONDS", "soon"),
        ("PLIMSOLL_GATEWAY_ADMIN_ADDRESS", "0.0.0.0:9901"),
    ],
)
def test_what_is_wrong_is_told_by_variable(variable: str, value: str) -> None:
    done = gateway(**{variable: value})
    assert done.returncode == 2
    assert variable in done.stderr
    assert value in done.stderr
    assert "Traceback" not in done.stderr
