"""The folder of the embedded PostgreSQL: its place, its lock, the superuser's password, and the database cluster.

    <home>/postgres/
      lock          held by the owner and the watchdog as long as a server may run
      password      of the superuser, made once
      server.log
      data/         the cluster, which belongs to the account that runs the server

Root's home may be closed to that account. The folder then stands below `OPEN_PLACE`, and `<home>/postgres` is a link to
it: no permission of a folder that is not ours is ever changed, and whoever removes the home starts afresh.
"""

import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cli.stack.errors import AlreadyRunning, StackError
from cli.stack.postgres_account import Account, account_for
from cli.stack.postgres_binaries import MAJOR, complaint

OPEN_PLACE = Path("/var/lib/plimsoll-postgres")
PASSABLE = 0o711
PRIVATE = 0o700
LOCK_SECONDS = 10.0
"""A watchdog whose owner was killed needs up to five seconds to stop the server."""
INITDB_OPTIONS = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    # Sorting is PostgreSQL's own, so that an index stays right when the system's libraries change.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where things are, and who runs the server."""

    path: Path
    account: Account

    @property
    def data(self) -> Path:
        """The cluster."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.path / "server.log"

    def lock(self) -> int:
        """Take the lock and give its descriptor; whoever inherits that holds the lock as well.

        Raises:
            AlreadyRunning: another stack uses this folder.
        """
        file = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + LOCK_SECONDS
        while not _locked(file):
            owner = os.pread(file, 32, 0).decode()
            if _lives(owner) or time.monotonic() > deadline:
                os.close(file)
                raise AlreadyRunning(
                    f"a stack (process {owner or 'unknown'}) already uses the database in {self.path}: stop it with "
                    "`plimsoll down`, or set PLIMSOLL_HOME to another folder"
                )
            time.sleep(0.05)
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        return file

    def password(self) -> str:
        """Give the superuser's password, making it when there is no cluster yet. Only the holder of the lock may."""
        path = self.path / "password"
        if path.exists():
            return path.read_text(encoding="ascii")
        if self.data.exists():
            raise StackError(f"{path} is missing, and without it nobody can use the database in {self.data}")
        password = secrets.token_urlsafe(32)
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
            stream.write(password)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
        return password

    def check_version(self) -> None:
        """Refuse a cluster that another major version made.

        Raises:
            StackError: it is one.
        """
        major = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if major != str(MAJOR):
            raise StackError(
                f"{self.data} was made by PostgreSQL {major}, and this is PostgreSQL {MAJOR}: dump it with the old "
                "version and restore it with this one, or set PLIMSOLL_HOME to another folder"
            )

    def create_cluster(self, programs: Path, password: str) -> None:
        """Run initdb. The cluster appears under its name when it is whole, so that a crash leaves nothing half made."""
        draft = self.path / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=PRIVATE)
        self.account.own(draft)
        with tempfile.NamedTemporaryFile("w", dir=self.path, prefix="initdb-") as note:
            note.write(password)
            note.flush()
            self.account.own(Path(note.name))
            initdb = subprocess.run(  # noqa: S603 - our own program; no shell
                [str(programs / "initdb"), "--pgdata", str(draft), "--pwfile", note.name, *INITDB_OPTIONS],
                cwd=draft,
                env={"LC_ALL": "C", "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                **self.account.popen_user,
            )
        if initdb.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise StackError(f"cannot create a database in {self.path}: {complaint(initdb.stderr)}")
        draft.replace(self.data)


def folder_in(home: Path) -> Folder:
    """Find or make the folder of a home.

    Raises:
        StackError: it cannot be made, or the account that must run the server cannot get there.
    """
    place = home / "postgres"
    if place.is_symlink() and not place.exists():
        raise StackError(f"{place} leads to {place.readlink()}, which is gone: remove the link to start afresh")
    account = account_for(place / "data")
    if not place.exists():
        _make(place, account)
    folder = Folder(place.resolve(), account)
    if not account.can_enter(folder.path):
        raise StackError(
            f"PostgreSQL must run as {account}, who cannot reach {folder.path}: open the folders above it to others "
            "(chmod o+x), or set PLIMSOLL_HOME to a folder that is"
        )
    return folder


def _make(place: Path, account: Account) -> None:
    mode = PASSABLE if account.is_other else PRIVATE
    place.parent.mkdir(parents=True, exist_ok=True, mode=mode)
    if account.can_enter(place.parent):
        place.mkdir(exist_ok=True)
        place.chmod(mode)
        return
    if not OPEN_PLACE.exists():
        OPEN_PLACE.mkdir()
        OPEN_PLACE.chmod(PASSABLE)
    folder = OPEN_PLACE / f"{place.parent.resolve().name}-{secrets.token_hex(6)}"
    folder.mkdir()
    folder.chmod(PASSABLE)
    (folder / "home").write_text(f"{place.parent.resolve()}\n", encoding="utf-8")
    place.symlink_to(folder)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, and alive
    return True
