"""A service as a process: it runs until it is told to end, and where it cannot run it says why in a sentence."""

import asyncio
import json
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chassis.contract import ContractError
from chassis.database import Database
from chassis.errors import CannotStart, Unavailable
from chassis.health import Health
from chassis.server import Service, run
from chassis.service_settings import ServiceSettings
from chassis.tokens import TokenVerifier
from tests.chassis import trial
from tests.chassis.identity import Identity
from tests.chassis.serving import SERVICE_KEY, Trial, client
from tests.chassis.trial import Cargo

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of the trial service; afterwards logging is as it was."""
    for name in [name for name in os.environ if name.startswith("PLIMSOLL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PLIMSOLL_LISTEN_ADDRESS", "127.0.0.1:0")
    monkeypatch.setenv("PLIMSOLL_SERVICE_KEY", SERVICE_KEY)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []
    yield
    root.handlers = handlers
    root.setLevel(level)


def built(**more: Any) -> Callable[[ServiceSettings], Service]:
    tokens = TokenVerifier("plimsoll", "plimsoll", Identity().fetch_keys)
    parts = {"register": [(trial.add_TrialServiceServicer_to_server, Trial())], **more}
    return lambda settings: Service(health=Health("trial"), tokens=tokens, **parts)


def exit_code(build: Callable[[ServiceSettings], Service]) -> object:
    with pytest.raises(SystemExit) as caught:
        run("trial", ServiceSettings, build)
    return caught.value.code


def messages(capsys: Output) -> list[str]:
    return [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(number: signal.Signals, capsys: Output) -> None:
    done = []

    async def use_and_end() -> None:
        done.append(type(asyncio.get_running_loop()).__module__)
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)

    async def closed() -> None:
        done.append("closed")

    run("trial", ServiceSettings, built(start=[use_and_end], close=[closed]))
    assert done == ["uvloop.loop" if done[0].startswith("uvloop.") else "uvloop", "closed"]
    told = messages(capsys)
    assert told[0].startswith("trial listens on 127.0.0.1:")
    assert not told[0].endswith(":0")
    assert told[-1] == "trial has stopped"


def test_it_answers_while_it_runs(capsys: Output) -> None:
    answers = []

    async def later() -> None:
        port = 0
        async with asyncio.timeout(10):
            while not port:
                await asyncio.sleep(0)
                port = int(capsys.readouterr().err.partition("listens on 127.0.0.1:")[2].partition('"')[0] or 0)
        async with client(port) as stub:
            answers.append(await stub.Open(Cargo(name="n")))
        os.kill(os.getpid(), signal.SIGTERM)

    async def begin() -> None:
        tasks.append(asyncio.create_task(later()))

    tasks: list[asyncio.Task[None]] = []
    run("trial", ServiceSettings, built(start=[begin]))
    assert answers == [Cargo(name="n")]


def test_settings_that_are_wrong_are_named_all_together(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.delenv("PLIMSOLL_LISTEN_ADDRESS")
    monkeypatch.setenv("PLIMSOLL_SERVICE_KEY", "too short")
    monkeypatch.setenv("PLIMSOLL_LOG_LEVEL", "loud")
    assert exit_code(built()) == 2
    assert capsys.readouterr().err.splitlines() == [
        "plimsoll serve trial: PLIMSOLL_LISTEN_ADDRESS is required",
        "plimsoll serve trial: PLIMSOLL_SERVICE_KEY: expected `str` of length >= 32",
        "plimsoll serve trial: PLIMSOLL_LOG_LEVEL: invalid enum value 'loud', got 'loud'",
    ]


def test_a_taken_port_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("PLIMSOLL_LISTEN_ADDRESS", address)
        assert exit_code(built()) == 2
    assert f"cannot start: cannot listen on {address}: is it taken?" in messages(capsys)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: CannotStart("schema portfolio must be migrated"), "cannot start: schema portfolio must be migrated"),
        (lambda: Unavailable("database"), "cannot start: database does not answer"),
        (lambda: ConnectionRefusedError(111, "refused"), "cannot start: [Errno 111] refused"),
    ],
)
def test_a_check_that_fails_ends_the_process_with_its_sentence(
    make: Callable[[], Exception], told: str, capsys: Output
) -> None:
    done = []

    async def fail() -> None:
        raise make()

    async def closed() -> None:
        done.append("closed")

    assert exit_code(built(start=[fail], close=[closed])) == 2
    assert told in messages(capsys)
    assert done == ["closed"]


def test_a_wiring_that_fails_ends_the_process_with_its_sentence(capsys: Output) -> None:
    def build(settings: ServiceSettings) -> Service:
        Database("hunter2", "portfolio")
        raise AssertionError

    assert exit_code(build) == 2
    assert "cannot start: DATABASE_URL is not a URL" in (said := capsys.readouterr().err)
    assert "hunter2" not in said


def test_a_defect_is_not_passed_off_as_a_setting() -> None:
    register = [(trial.add_UnfinishedServiceServicer_to_server, trial.UnfinishedServiceServicer())]
    with pytest.raises(ContractError):
        run("trial", ServiceSettings, built(register=register))


def test_log_lines_have_the_form_that_was_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    async def end() -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)

    monkeypatch.setenv("PLIMSOLL_LOG_FORMAT", "text")
    run("trial", ServiceSettings, built(start=[end]))
    assert " info    trial listens on " in capsys.readouterr().err
