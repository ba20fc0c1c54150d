"""Who the embedded PostgreSQL runs as: PostgreSQL refuses to be root, whose disk it could ruin.

An ordinary user runs it as himself. For root it runs as an account that exists on every machine; none is made.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from cli.stack.errors import StackError

CANDIDATES = ("postgres", "nobody")


class PopenUser(TypedDict, total=False):
    """The arguments of `subprocess` that give up root."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """An uid and gid that are not root's."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether it is not the account of this process."""
        return self.uid != os.geteuid()

    @property
    def popen_user(self) -> PopenUser:
        """What makes `subprocess` run as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def can_enter(self, path: Path) -> bool:
        """Tell whether the account may enter a folder, or execute a file, by trying: mode bits do not say all."""
        if not self.is_other:
            return os.access(path, os.X_OK)
        test = subprocess.run(  # noqa: S603 - a fixed program with a path for argument
            ["/bin/sh", "-c", 'test -x "$0"', str(path)], cwd="/", check=False, **self.popen_user
        )
        return test.returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or folder to the account."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)

    def __str__(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"


def account_for(data_folder: Path) -> Account:
    """Choose the account that runs the server of a data folder, which may not exist yet.

    Raises:
        StackError: there is no account that could.
    """
    if os.geteuid() != 0:
        return _ourselves(data_folder)
    if data_folder.exists() and (owner := data_folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise StackError(
        f"PostgreSQL refuses to run as root, and this machine has no account {' or '.join(CANDIDATES)} to run it as: "
        "start plimsoll as an ordinary user, or let DATABASE_URL name a PostgreSQL that runs"
    )


def _ourselves(data_folder: Path) -> Account:
    ourselves = Account(os.geteuid(), os.getegid())
    if data_folder.exists() and (owner := data_folder.stat().st_uid) != ourselves.uid:
        raise StackError(
            f"{data_folder} belongs to {Account(owner, 0)}, and you are {ourselves}: start plimsoll as before, "
            "or set PLIMSOLL_HOME to another folder"
        )
    return ourselves
