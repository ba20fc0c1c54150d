"""The embedded PostgreSQL starts, answers, stops, and refuses with a sentence."""

import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from cli.stack.errors import AlreadyRunning, PortTaken, StackError
from cli.stack.postgres import EmbeddedPostgres
from cli.stack.watchdog import server_pids
from tests.cli.stack.postgres_probe import ask, postmaster
from tests.databases import make_home, remove_home


@pytest.fixture
def home() -> Iterator[Path]:
    home = make_home()
    yield home
    remove_home(home)


def test_keeps_what_was_written_over_a_restart(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        ask(server.admin_url, "CREATE TABLE berth AS SELECT 7 AS number")
    assert server.pid is None
    assert server_pids(home / "postgres" / "data") == []
    with EmbeddedPostgres(home) as server:
        assert ask(server.admin_url, "SELECT number FROM berth") == 7


def test_runs_with_settings_that_keep_data_safe_and_dates_unambiguous(home: Path) -> None:
    expected = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "TimeZone": "UTC",
        "DateStyle": "ISO, YMD",
        "server_encoding": "UTF8",
        "listen_addresses": "127.0.0.1",
    }
    with EmbeddedPostgres(home) as server:
        assert {name: ask(server.admin_url, f"SHOW {name}") for name in expected} == expected
        assert ask(server.admin_url, "SELECT current_setting('server_version_num')::int / 10000") == 18


def test_trusts_nobody(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        methods = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
        assert ask(server.admin_url, methods) == "scram-sha-256"
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres", "SELECT 1")


def test_its_files_are_closed_to_others_and_it_does_not_get_our_secrets(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLIMSOLL_KEY_SECRET", "never-to-be-seen")
    with EmbeddedPostgres(home) as server:
        files = [home / "postgres" / name for name in ("password", "server.log", "lock")]
        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
        assert stat.S_IMODE((home / "postgres" / "data").stat().st_mode) == 0o700
        assert server.log == home / "postgres" / "server.log"
        assert b"never-to-be-seen" not in Path(f"/proc/{postmaster(home)}/environ").read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give up its rights")
def test_never_runs_as_root(home: Path) -> None:
    with EmbeddedPostgres(home):
        assert Path(f"/proc/{postmaster(home)}").stat().st_uid != 0


def test_a_taken_port_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = EmbeddedPostgres(home, port)
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port}: another program does"):
            server.start()
    with server:
        assert server.admin_url.endswith(f"@127.0.0.1:{port}/postgres")


def test_a_free_port_is_kept_over_restarts(home: Path) -> None:
    server = EmbeddedPostgres(home)
    with server:
        port = server.port
    with server:
        assert server.port == port != 0


def test_a_second_stack_on_the_same_home_is_refused_at_once(home: Path) -> None:
    with EmbeddedPostgres(home) as first:
        with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\) already uses the database in .*postgres"):
            EmbeddedPostgres(home).start()
        assert ask(first.admin_url, "SELECT 1") == 1


def test_start_and_stop_can_be_repeated(home: Path) -> None:
    server = EmbeddedPostgres(home)
    server.stop()
    server.start()
    pid = server.pid
    server.start()
    assert server.pid == pid
    server.stop()
    server.stop()
    assert server.pid is None


def test_a_start_can_be_given_up_from_another_thread(home: Path) -> None:
    server = EmbeddedPostgres(home)
    complaints: list[StackError] = []

    def start() -> None:
        try:
            server.start()
        except StackError as error:
            complaints.append(error)

    starter = threading.Thread(target=start)
    starter.start()
    while not (home / "postgres" / "lock").exists():
        time.sleep(0.01)
    server.stop()
    starter.join()
    assert server.pid is None
    assert server_pids(home / "postgres" / "data") == []


def test_data_of_another_major_version_is_refused(home: Path) -> None:
    with EmbeddedPostgres(home):
        pass
    (home / "postgres" / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(StackError, match="was made by PostgreSQL 16, and this is PostgreSQL 18"):
        EmbeddedPostgres(home).start()


def test_a_lost_password_is_said_so(home: Path) -> None:
    with EmbeddedPostgres(home):
        pass
    (home / "postgres" / "password").unlink()
    with pytest.raises(StackError, match="password is missing"):
        EmbeddedPostgres(home).start()


def test_a_refused_setting_is_quoted_from_the_server(home: Path) -> None:
    with pytest.raises(StackError, match='invalid value for parameter "shared_buffers"'):
        EmbeddedPostgres(home, settings={"shared_buffers": "much"}).start()
    assert server_pids(home / "postgres" / "data") == []


def test_a_home_that_cannot_be_made_is_named(home: Path) -> None:
    (home / "file").write_text("not a folder")
    with pytest.raises(StackError, match=r"cannot run a database in .*file/below: Not a directory"):
        EmbeddedPostgres(home / "file" / "below").start()


def test_initdb_that_was_interrupted_is_done_again(home: Path) -> None:
    (home / "postgres" / "data.draft" / "base").mkdir(parents=True)
    (home / "postgres").chmod(0o711)
    with EmbeddedPostgres(home) as server:
        assert ask(server.admin_url, "SELECT 1") == 1
    assert not (home / "postgres" / "data.draft").exists()
