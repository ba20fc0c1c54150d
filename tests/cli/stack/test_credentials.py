"""Secrets are made once and are closed to others."""

from pathlib import Path

import pytest

from cli.stack.credentials import Credentials
from cli.stack.errors import StackError


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    first = Credentials(tmp_path).read("service_key")
    assert len(first) >= 32
    assert Credentials(tmp_path).read("service_key") == first
    assert Credentials(tmp_path).read("key_secret") != first
    assert (tmp_path / "service_key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key_secret", "service_key"]


def test_what_a_crash_left_half_written_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "service_key.draft").write_text("ha")
    assert len(Credentials(tmp_path).read("service_key")) >= 32


def test_a_secret_does_not_show(tmp_path: Path) -> None:
    secret = Credentials(tmp_path).read("service_key")
    assert str(secret) not in repr(secret)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    credentials.path("service_key").chmod(0o640)
    with pytest.raises(StackError, match=r"service_key is open to other users \(mode bits 040\)"):
        credentials.path("service_key")
