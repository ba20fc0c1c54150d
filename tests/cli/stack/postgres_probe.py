"""What the tests of the embedded PostgreSQL look at: its processes and its answers."""

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg

from cli.stack.postgres_account import Account
from tests.databases import wait_for

LIBRARIES = Path(asyncpg.__file__).parents[1]
REPOSITORY = Path(__file__).parents[3]
OWNER = """
import sys
from pathlib import Path
from cli.stack.errors import StackError
from cli.stack.postgres import EmbeddedPostgres
try:
    with EmbeddedPostgres(Path(sys.argv[1])) as server:
        print(server.admin_url, flush=True)
        sys.stdin.read()
except StackError as error:
    print(type(error).__name__, error, flush=True)
"""


def ask(url: str, query: str) -> Any:
    """Give the first value of a query's answer."""

    async def fetch() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return wait_for(fetch())


def postmaster(home: Path) -> int:
    """Give the process id of the server of a home."""
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])


def parent(pid: int) -> int:
    """Give the process that started another."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def ends(pid: int, within_seconds: float) -> bool:
    """Wait for the end of a process that need not be our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        readable, _, _ = select.select([descriptor], [], [], within_seconds)
    finally:
        os.close(descriptor)
    return bool(readable)


def interpreter_for(account: Account) -> Path | None:
    """Find a Python that an account can run our code with; root's own may be closed to it."""
    system = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    found = [python for python in (Path(sys.executable), system) if account.can_enter(python)]
    open_to_all = account.can_enter(REPOSITORY) and account.can_enter(LIBRARIES)
    return found[0] if found and open_to_all else None


def start_owner(
    home: Path, python: Path = Path(sys.executable), account: Account | None = None
) -> "tuple[subprocess.Popen[str], str]":
    """Start a process that owns a server and wait for its first line: the URL, or the error."""
    owner = subprocess.Popen(
        [python, "-c", OWNER, home],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **(account.popen_user if account else {}),
    )
    assert owner.stdout is not None
    return owner, owner.stdout.readline().strip()


def running_owner(home: Path) -> "tuple[subprocess.Popen[str], str]":
    """Start a process that owns a server; give it and the server's URL."""
    owner, url = start_owner(home)
    assert url.startswith("postgresql://"), url
    return owner, url
