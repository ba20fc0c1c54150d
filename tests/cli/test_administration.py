"""`plimsoll admin create` makes an administrator, and shows the password to nobody."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from chassis.database import Database
from chassis.settings import Secret
from cli import administration
from cli.stack.errors import StackError
from cli.stack.settings import StackSettings
from services.portfolio.storage import users

PASSWORD = "correct horse battery"


@pytest.fixture
def settings(tmp_path: Path, database_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> StackSettings:
    for name in ("PLIMSOLL_SERVICE_KEY", "PLIMSOLL_KEY_SECRET"):
        monkeypatch.setenv(name, name.lower() * 3)
    return StackSettings(home=tmp_path, database_url=Secret(database_url("portfolio")))


def role_of(settings: StackSettings, email: str) -> str:
    async def ask() -> str:
        database = Database(settings.database_url, "portfolio")
        try:
            async with database.transaction() as connection:
                found = await users.credentials(connection, email)
        finally:
            await database.close()
        assert found is not None
        return found.user.role

    return asyncio.run(ask())


def test_the_password_may_come_from_the_environment(settings: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIMSOLL_ADMIN_PASSWORD", PASSWORD)
    administration.create(settings, "ada@example.com")
    assert role_of(settings, "ada@example.com") == "admin"
    with pytest.raises(StackError, match=r"ada@example\.com"):
        administration.create(settings, "ada@example.com")


def test_the_password_may_come_from_standard_input(settings: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\r\nanother line\n"))
    administration.create(settings, "bob@example.com")
    assert role_of(settings, "bob@example.com") == "admin"


def test_no_password(settings: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(StackError, match="no password: set PLIMSOLL_ADMIN_PASSWORD"):
        administration.create(settings, "ada@example.com")


@pytest.mark.parametrize(
    ("email", "password", "complaint"),
    [
        ("ada", PASSWORD, "email must be a valid email address"),
        ("ada@example.com", "short", "password must be at least 12 characters"),
    ],
)
def test_the_rules_of_the_contract_hold_here_too(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch, email: str, password: str, complaint: str
) -> None:
    monkeypatch.setenv("PLIMSOLL_ADMIN_PASSWORD", password)
    with pytest.raises(StackError, match=complaint) as caught:
        administration.create(settings, email)
    assert password not in str(caught.value)


def test_a_new_signing_key(settings: StackSettings) -> None:
    first, second = administration.rotate_key(settings), administration.rotate_key(settings)
    assert first != second
