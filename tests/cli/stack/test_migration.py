"""`plimsoll migrate` makes databases ready, the embedded one and those that the settings name."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chassis.migrations import head_revision
from chassis.settings import Secret
from cli.migration import migrate
from cli.stack.databases import DATABASED
from cli.stack.errors import AlreadyRunning, StackError
from cli.stack.settings import StackSettings
from tests import databases
from tests.cli.stack.conftest import FakeStack
from tests.cli.stack.test_ports import free_port

HEADS = {service: head_revision(service) for service in DATABASED}


@pytest.fixture
def database_home() -> Iterator[Path]:
    home = databases.make_home()
    yield home
    databases.remove_home(home)


def test_the_embedded_database_is_made_and_is_safe_to_migrate_again(database_home: Path) -> None:
    settings = StackSettings(home=database_home)
    assert migrate(settings) == HEADS
    assert migrate(settings) == HEADS
    assert {path.name for path in (database_home / "secrets").iterdir()} == {
        "marketdata_database_password",
        "portfolio_database_password",
        "risk_database_password",
    }


def test_a_running_stack_keeps_its_database_to_itself(fake_stack: Callable[..., FakeStack]) -> None:
    stack = fake_stack("portfolio")
    stack.read_until("everything is up")
    with pytest.raises(AlreadyRunning, match=f"process {stack.process.pid}"):
        migrate(StackSettings(home=stack.home))
    stack.signal(signal.SIGTERM)
    assert stack.finish() == (0, "")


def test_databases_that_the_settings_name(
    tmp_path: Path, database_url: Callable[[str], str], admin_url: Callable[[str], str]
) -> None:
    portfolio, marketdata = (Secret(admin_url(database_url(service))) for service in ("portfolio", "marketdata"))
    settings = StackSettings(home=tmp_path, database_url=portfolio, marketdata_database_url=marketdata)
    assert migrate(settings) == HEADS
    assert list(tmp_path.iterdir()) == []


def test_a_login_that_may_not(tmp_path: Path, database_url: Callable[[str], str]) -> None:
    with pytest.raises(StackError, match="portfolio_app"):
        migrate(StackSettings(home=tmp_path, database_url=Secret(database_url("portfolio"))))


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    url = Secret(f"postgresql://ada:hidden-word@127.0.0.1:{free_port()}/plimsoll")
    with pytest.raises(StackError, match=r"127\.0\.0\.1:\d+") as caught:
        migrate(StackSettings(home=tmp_path, database_url=url))
    assert "hidden-word" not in str(caught.value)
