"""`plimsoll admin`: accounts and the audit log, from the command line. It shows a password to nobody."""

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
from services.portfolio.domain.user import Credentials
from services.portfolio.storage import users

PASSWORD = "correct horse battery"


@pytest.fixture
def settings(tmp_path: Path, database_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> StackSettings:
    for name in ("PLIMSOLL_SERVICE_KEY", "PLIMSOLL_KEY_SECRET"):
        monkeypatch.setenv(name, name.lower() * 3)
    return StackSettings(home=tmp_path, database_url=Secret(database_url("portfolio")))


def credentials_of(settings: StackSettings, email: str) -> Credentials:
    async def ask() -> Credentials:
        database = Database(settings.database_url, "portfolio")
        try:
            async with database.transaction() as connection:
                found = await users.by_email(connection, email)
        finally:
            await database.close()
        assert found is not None
        return found

    return asyncio.run(ask())


def role_of(settings: StackSettings, email: str) -> str:
    return credentials_of(settings, email).user.role


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


@pytest.fixture
def ada(settings: StackSettings, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PLIMSOLL_ADMIN_PASSWORD", PASSWORD)
    administration.create(settings, "ada@example.com")
    return "ada@example.com"


def test_a_password_is_reset(settings: StackSettings, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = credentials_of(settings, ada).password_hash
    monkeypatch.setenv("PLIMSOLL_ADMIN_PASSWORD", "another long password")
    administration.reset(settings, ada.upper())
    assert credentials_of(settings, ada).password_hash != before
    monkeypatch.setenv("PLIMSOLL_ADMIN_PASSWORD", "short")
    with pytest.raises(StackError, match="password must be at least 12 characters"):
        administration.reset(settings, ada)
    monkeypatch.setenv("PLIMSOLL_ADMIN_PASSWORD", PASSWORD)
    with pytest.raises(StackError, match=r"there is no account bob@example\.com"):
        administration.reset(settings, "bob@example.com")


def test_an_account_is_closed_and_opened_and_put_in_a_tier(settings: StackSettings, ada: str) -> None:
    administration.close(settings, ada)
    assert credentials_of(settings, ada).user.disabled_time is not None
    administration.reopen(settings, ada)
    assert credentials_of(settings, ada).user.disabled_time is None
    administration.put_in_tier(settings, ada, "paid")
    assert credentials_of(settings, ada).user.tier == "paid"
    for change in (administration.close, administration.reopen):
        with pytest.raises(StackError, match="there is no account"):
            change(settings, "bob@example.com")
    with pytest.raises(StackError, match="there is no account"):
        administration.put_in_tier(settings, "bob@example.com", "paid")


def test_the_audit_log_is_checked(
    settings: StackSettings, ada: str, admin_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, lines = administration.check_audit_log(settings, "")
    assert (sound, lines[0]) == (True, "1 seals, 1 lines; 0 wait to be sealed")
    head = lines[-1].removeprefix("head ")
    administration.close(settings, ada)
    assert administration.check_audit_log(settings, head)[0]
    sound, lines = administration.check_audit_log(settings, "0" * 64)
    assert not sound
    assert any("0" * 64 in line for line in lines)
    asyncio.run(_execute(admin_url(settings.database_url), "UPDATE portfolio.audit_events SET origin = 'user'"))
    sound, lines = administration.check_audit_log(settings, head)
    assert not sound
    assert "seal 1: one of its 1 lines was changed, or the seal itself" in lines


async def _execute(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize("noted", ["nonsense", "abcd", "0" * 63])
def test_what_was_noted_must_be_a_hash(settings: StackSettings, noted: str) -> None:
    with pytest.raises(StackError, match=f"--noted: '{noted}' is no hash of 64 hexadecimal digits"):
        administration.check_audit_log(settings, noted)
