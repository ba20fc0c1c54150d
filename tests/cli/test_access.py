"""How the command line reaches an installation: by settings, or by what runs in the home."""

from pathlib import Path

import pytest

from chassis.settings import read
from cli.access import portfolio_environment, service_access
from cli.stack.errors import NotRunning
from cli.stack.home import Home
from cli.stack.settings import StackSettings

KEY = "k" * 40
URL = "postgresql://somebody:secret@db.example:5432/plimsoll"


def test_the_environment_suffices(tmp_path: Path) -> None:
    environ = {"PLIMSOLL_SERVICE_KEY": KEY, "PLIMSOLL_MARKETDATA_ADDRESS": "marketdata:50052"}
    access = service_access(Home(tmp_path), environ)
    assert (access.service_key, access.marketdata_address) == (KEY, "marketdata:50052")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=r"no stack runs in .*, and PLIMSOLL_SERVICE_KEY is required"):
        service_access(Home(tmp_path), {"PLIMSOLL_MARKETDATA_ADDRESS": "marketdata:50052", "PLIMSOLL_SERVICE_KEY": ""})


def test_a_database_that_is_named_is_used_with_the_keys_of_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    (home.secrets / "key_secret").write_text("s" * 40)
    environ = {"PORTFOLIO_DATABASE_URL": URL, "DATABASE_URL": "postgresql://other", "PLIMSOLL_HOME": str(tmp_path)}
    environment = portfolio_environment(read(StackSettings, environ), environ)
    assert environment["DATABASE_URL"] == URL
    assert environment["PLIMSOLL_KEY_SECRET_FILE"] == str(home.secrets / "key_secret")
    assert "PLIMSOLL_SERVICE_KEY_FILE" not in environment


def test_a_key_of_the_environment_goes_before_that_of_the_home(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": URL, "PLIMSOLL_HOME": str(tmp_path), "PLIMSOLL_KEY_SECRET": KEY}
    assert portfolio_environment(read(StackSettings, environ), environ)["PLIMSOLL_KEY_SECRET"] == KEY


def test_no_database_and_no_stack(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="start it with `plimsoll up`, or set DATABASE_URL"):
        portfolio_environment(read(StackSettings, {"PLIMSOLL_HOME": str(tmp_path)}), {})
