"""The command: it starts fast, and says in one sentence what is wrong."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.stack.test_ports import free_port

ROOT = Path(__file__).parents[2]


def plimsoll(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_installed_as_a_command() -> None:
    command = Path(sys.executable).with_name("plimsoll")
    said = subprocess.run([command, "version"], capture_output=True, text=True, check=True).stdout
    assert said == f"{version('plimsoll')}\n"


def test_what_only_some_subcommands_need_is_not_imported_by_all() -> None:
    heavy = "{'grpc', 'sqlalchemy', 'alembic', 'asyncpg', 'rich', 'httpx', 'numpy', 'google', 'asyncio'}"
    code = f"import sys, cli.main; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


@pytest.mark.parametrize("command", ["up", "down", "status", "migrate", "sync"])
def test_a_wrong_setting_is_named(command: str) -> None:
    refused = plimsoll(command, PLIMSOLL_GATEWAY_PORT="http", PLIMSOLL_RISK_PORT="-1")
    assert refused.returncode == 2
    first, second = refused.stderr.splitlines()
    assert first.startswith("plimsoll: PLIMSOLL_GATEWAY_PORT: ")
    assert first.endswith("got 'http'")
    assert second.startswith("plimsoll: PLIMSOLL_RISK_PORT: ")


def test_a_part_that_does_not_exist() -> None:
    refused = plimsoll("serve", "assistant")
    assert refused.returncode == 2
    assert "assistant" in refused.stderr


def test_serve_becomes_the_service_with_the_environment_as_it_is() -> None:
    refused = plimsoll("serve", "risk")
    assert refused.returncode == 2
    assert "plimsoll serve risk: PLIMSOLL_SERVICE_KEY is required" in refused.stderr


@pytest.mark.parametrize("command", [("gateway",), ("serve", "gateway")])
def test_the_gateway_can_be_run_alone(command: tuple[str, ...]) -> None:
    refused = plimsoll(*command, PLIMSOLL_GATEWAY_ADDRESS="nowhere")
    assert refused.returncode == 2
    assert "PLIMSOLL_GATEWAY_ADDRESS" in refused.stderr


def test_a_folder_of_that_name_is_not_taken_for_a_service(tmp_path: Path) -> None:
    stranger = tmp_path / "services" / "risk"
    stranger.mkdir(parents=True)
    (stranger / "__main__.py").write_text("print('a stranger')")
    command = Path(sys.executable).with_name("plimsoll")
    refused = subprocess.run(
        [command, "serve", "risk"], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert "stranger" not in refused.stdout
    assert "PLIMSOLL_SERVICE_KEY is required" in refused.stderr


def test_health_of_nobody() -> None:
    assert plimsoll("health", f"127.0.0.1:{free_port()}").returncode == 1
    assert plimsoll("health", f"http://127.0.0.1:{free_port()}/healthz").returncode == 1


def test_what_needs_a_stack_says_so(tmp_path: Path) -> None:
    for command in (("sync",), ("admin", "create", "ada@example.com"), ("admin", "rotate-key")):
        refused = plimsoll(*command, PLIMSOLL_HOME=str(tmp_path))
        assert refused.returncode == 1
        assert f"plimsoll: no stack runs in {tmp_path}" in refused.stderr
        assert "Traceback" not in refused.stderr
