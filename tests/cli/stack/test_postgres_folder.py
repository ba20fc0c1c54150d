"""Where the embedded PostgreSQL keeps its data and programs, and as whom it runs."""

import os
import pwd
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.stack.errors import StackError
from cli.stack.postgres import EmbeddedPostgres
from cli.stack.postgres_account import Account, account_for
from cli.stack.postgres_binaries import LIBRARIES, MAJOR, PACKAGE, complaint, programs_for
from cli.stack.postgres_folder import OPEN_PLACE, folder_in
from cli.stack.watchdog import BoundedLog
from tests.cli.stack.postgres_probe import REPOSITORY, ask, ends, interpreter_for, postmaster, start_owner
from tests.databases import make_home, remove_home

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def home() -> Iterator[Path]:
    home = make_home()
    yield home
    remove_home(home)


@pytest.fixture
def nobody() -> Account:
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


@pytest.fixture
def nobodys_python(nobody: Account) -> Path:
    python = interpreter_for(nobody)
    if python is None:
        pytest.skip(f"{sys.executable} or {REPOSITORY} is closed to ordinary users")
    return python


@as_root
def test_an_ordinary_user_runs_it_as_himself(home: Path, nobody: Account, nobodys_python: Path) -> None:
    nobody.own(home)
    owner, url = start_owner(home, nobodys_python, nobody)
    try:
        assert ask(url, "SELECT 1") == 1
        server = postmaster(home)
        assert Path(f"/proc/{server}").stat().st_uid == nobody.uid
        assert (home / "postgres").stat().st_mode & 0o777 == 0o700
    finally:
        owner.communicate()
    assert ends(server, 0)


@as_root
def test_an_ordinary_user_is_refused_the_data_of_another(home: Path, nobody: Account, nobodys_python: Path) -> None:
    (home / "postgres" / "data").mkdir(parents=True)
    owner, first_line = start_owner(home, nobodys_python, nobody)
    owner.communicate()
    assert first_line.startswith("StackError")
    assert "postgres/data belongs to root, and you are nobody" in first_line


@as_root
def test_root_keeps_to_the_account_that_the_data_belongs_to(home: Path, nobody: Account) -> None:
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    nobody.own(data)
    assert account_for(data) == nobody


@as_root
def test_a_home_closed_to_the_account_gets_its_database_elsewhere(home: Path) -> None:
    home.chmod(0o700)
    with EmbeddedPostgres(home) as server:
        ask(server.admin_url, "CREATE TABLE berth AS SELECT 7 AS number")
        assert (home / "postgres").readlink().parent == OPEN_PLACE
        assert (home / "postgres" / "home").read_text() == f"{home}\n"
    with EmbeddedPostgres(home) as server:
        assert ask(server.admin_url, "SELECT number FROM berth") == 7
    assert home.stat().st_mode & 0o777 == 0o700
    shutil.rmtree((home / "postgres").readlink())
    with pytest.raises(StackError, match="which is gone: remove the link to start afresh"):
        EmbeddedPostgres(home).start()
    (home / "postgres").unlink()


@as_root
def test_a_home_that_was_closed_later_is_said_so(home: Path) -> None:
    folder_in(home)
    home.chmod(0o700)
    with pytest.raises(StackError, match=r"PostgreSQL must run as \w+, who cannot reach .*postgres: open the folders"):
        EmbeddedPostgres(home).start()


@as_root
def test_programs_closed_to_the_account_are_copied_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_in(home)
    programs = programs_for(folder.account, folder.path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = programs.parents[1]
    shutil.copytree(package.parent / LIBRARIES, closed / LIBRARIES)
    shutil.copytree(programs.parent, closed / PACKAGE / f"pginstall{MAJOR}")
    (closed / PACKAGE / "__init__.py").write_text("raise AssertionError('the package must not be imported')\n")
    monkeypatch.syspath_prepend(closed)

    assert programs_for(folder.account, folder.path).is_relative_to(folder.path)
    with EmbeddedPostgres(home) as server:
        assert ask(server.admin_url, "SELECT 1") == 1
        executable = Path(f"/proc/{postmaster(home)}/exe").readlink()
        assert executable.is_relative_to(folder.path)
    made = executable.stat().st_ctime_ns
    assert programs_for(folder.account, folder.path) == executable.parent
    assert executable.stat().st_ctime_ns == made


def test_a_log_is_bounded(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "server.log", limit=1000)
    for number in range(100):
        log.write(f"{number:99}\n".encode())
    assert (tmp_path / "server.log").stat().st_size <= 1000
    assert (tmp_path / "server.log.1").stat().st_size <= 1000
    assert (tmp_path / "server.log").read_text().split()[-1] == "99"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "2026-11-20 LOG:  starting\n"
            "2026-11-20 FATAL:  could not write to file: No space left on device\n"
            "2026-11-20 LOG:  database system is shut down\n",
            "2026-11-20 FATAL:  could not write to file: No space left on device",
        ),
        ("fixing permissions\ninitdb: error: could not create directory\ninitdb: removing", "initdb: error: could not"),
        ("exec format", "exec format"),
        ("", "it said nothing"),
    ],
)
def test_the_reason_is_picked_from_what_the_server_says(output: str, expected: str) -> None:
    assert complaint(output).startswith(expected)
