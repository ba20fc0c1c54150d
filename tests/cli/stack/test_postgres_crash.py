"""Nothing of the embedded PostgreSQL is left behind, whoever is killed, and the next start finds its way."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.stack.postgres import EmbeddedPostgres
from cli.stack.postgres_binaries import programs_for
from cli.stack.postgres_folder import folder_in
from cli.stack.watchdog import server_pids
from tests.cli.stack.postgres_probe import ask, ends, parent, postmaster, running_owner
from tests.databases import make_home, remove_home

PROMISED_SECONDS = 5.0
PATIENCE_SECONDS = 30.0


@pytest.fixture
def home() -> Iterator[Path]:
    home = make_home()
    yield home
    remove_home(home)


def test_the_owner_killed_leaves_nothing(home: Path) -> None:
    owner, url = running_owner(home)
    server = postmaster(home)
    watchdog = parent(server)
    ask(url, "CREATE TABLE berth AS SELECT 7 AS number")
    owner.kill()
    assert ends(server, PROMISED_SECONDS)
    assert ends(watchdog, PROMISED_SECONDS)
    owner.wait()
    assert server_pids(home / "postgres" / "data") == []
    assert "database system is shut down" in (home / "postgres" / "server.log").read_text()
    with EmbeddedPostgres(home) as restarted:
        assert ask(restarted.admin_url, "SELECT number FROM berth") == 7


def test_a_start_right_after_the_owner_was_killed_waits_for_the_old_server(home: Path) -> None:
    owner, _ = running_owner(home)
    owner.kill()
    owner.wait()
    with EmbeddedPostgres(home) as restarted:
        assert ask(restarted.admin_url, "SELECT 1") == 1


def test_a_frozen_server_does_not_outlive_its_owner(home: Path) -> None:
    owner, _ = running_owner(home)
    server = postmaster(home)
    os.kill(server, signal.SIGSTOP)
    owner.kill()
    owner.wait()
    assert ends(server, PATIENCE_SECONDS)
    with EmbeddedPostgres(home) as restarted:
        assert ask(restarted.admin_url, "SELECT 1") == 1


def test_the_watchdog_killed_ends_the_server(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        process = postmaster(home)
        assert server.pid == parent(process)
        os.kill(server.pid, signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        assert ends(process, PROMISED_SECONDS)
        assert server.pid is None
        server.start()
        assert ask(server.admin_url, "SELECT 1") == 1


def test_owner_and_watchdog_killed_at_once_leave_nothing(home: Path) -> None:
    owner, _ = running_owner(home)
    server = postmaster(home)
    os.kill(parent(server), signal.SIGKILL)
    owner.kill()
    owner.wait()
    assert ends(server, PROMISED_SECONDS)


def test_the_watchdog_stops_the_server_when_asked_by_signal(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        assert server.pid
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0
        assert server_pids(home / "postgres" / "data") == []


def test_a_killed_server_is_noticed_and_started_again_with_all_that_was_committed(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        port = server.port
        ask(server.admin_url, "CREATE TABLE berth AS SELECT 7 AS number")
        os.kill(postmaster(home), signal.SIGKILL)
        assert server.wait() != 0
        server.start()
        assert server.port == port
        assert ask(server.admin_url, "SELECT number FROM berth") == 7


def test_a_stale_note_whose_number_now_belongs_to_a_stranger_is_cleared_away(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        ask(server.admin_url, "CREATE TABLE berth AS SELECT 7 AS number")
        note = (home / "postgres" / "data" / "postmaster.pid").read_text()
    folder = folder_in(home)
    stranger = subprocess.Popen(["sleep", "600"], **folder.account.popen_user)
    try:
        path = folder.data / "postmaster.pid"
        path.write_text("\n".join([str(stranger.pid), *note.splitlines()[1:]]) + "\n")
        folder.account.own(path)
        with EmbeddedPostgres(home) as restarted:
            assert ask(restarted.admin_url, "SELECT number FROM berth") == 7
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_orphaned_server_is_ended_first(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        port = server.port
    folder = folder_in(home)
    program = programs_for(folder.account, folder.path) / "postgres"
    orphan = subprocess.Popen(
        [str(program), "-D", str(folder.data), "--unix_socket_directories=", f"--port={port}"],
        cwd=folder.data,
        stderr=subprocess.PIPE,
        text=True,
        **folder.account.popen_user,
    )
    try:
        assert orphan.stderr is not None
        assert any("ready to accept connections" in line for line in orphan.stderr)
        with server:
            assert orphan.wait(PATIENCE_SECONDS) == 0
            assert server.port == port
            assert ask(server.admin_url, "SELECT 1") == 1
    finally:
        orphan.kill()
        orphan.wait()
