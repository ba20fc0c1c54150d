"""Where a home is, and that it is closed to others."""

import os
from pathlib import Path

import pytest

from chassis.settings import SettingsError, read
from cli.stack.home import Home, default_folder
from cli.stack.settings import StackSettings


def test_a_setting_names_the_home() -> None:
    assert read(StackSettings, {"PLIMSOLL_HOME": "/srv/plimsoll"}).home == Path("/srv/plimsoll")


def test_without_one_it_is_where_users_keep_such_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/share")
    assert default_folder() == Path("/srv/share/plimsoll")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_folder() == Path("/home/ada/.local/share/plimsoll")


def test_roots_database_must_run_as_somebody_who_cannot_enter_roots_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_folder() == Path("/var/lib/plimsoll")


def test_a_wrong_port_is_named() -> None:
    with pytest.raises(SettingsError, match=r"PLIMSOLL_RISK_PORT: .*got '65536'"):
        read(StackSettings, {"PLIMSOLL_RISK_PORT": "65536"})


def test_logs_and_secrets_are_closed_to_others(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")
    home.prepare()
    home.prepare()
    for folder in (home.logs, home.secrets):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert home.folder.stat().st_mode & 0o066 == 0
