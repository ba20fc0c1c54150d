"""One supervisor per home: a lock that the kernel drops with its owner, and whose owner the kernel can name.

A POSIX record lock needs no pid file that could go stale: `fcntl(F_GETLK)` answers who holds it now. Its one trap is
that closing any descriptor of the file drops it, so `owner` must not be asked by the process that holds the lock.
"""

import fcntl
import os
import struct
from pathlib import Path

from cli.stack.errors import AlreadyRunning

# struct flock of 64-bit Linux: type, whence, start, length, pid.
_FLOCK = "hhqqi"


class HomeLock:
    """Held by the supervisor of a home as long as it lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another process holds it.
        """
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(file)
            os.close(file)
            who = f"process {holder}" if holder else "a process of another container"
            raise AlreadyRunning(
                f"a stack already runs in {self._path.parent} ({who}): stop it with `plimsoll down`, "
                "or set PLIMSOLL_HOME to another folder"
            ) from None
        self._file = file

    def release(self) -> None:
        """Let the next supervisor have the home."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def owner(path: Path) -> int | None:
    """Give the process that holds the lock; None when nobody does."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        return _holder(file)
    finally:
        os.close(file)


def _holder(file: int) -> int | None:
    question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, question))
    return None if kind == fcntl.F_UNLCK else int(pid)
