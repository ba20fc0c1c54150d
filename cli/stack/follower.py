"""Reads what is appended to a log file that another process writes and now and then replaces."""

import os
from collections.abc import Iterator
from pathlib import Path

from cli.stack.lines import LineCutter

_CHUNK = 65_536


class Follower:
    """Follows one file from its present end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cutter = LineCutter()
        self._file = self._open()
        if self._file is not None:
            os.lseek(self._file, 0, os.SEEK_END)

    def new_lines(self) -> Iterator[str]:
        """Yield the lines that were completed since the last time."""
        yield from self._read()
        if self._replaced():
            self.close()
            self._file = self._open()
            yield from self._read()

    def close(self) -> None:
        """Stop following."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self) -> Iterator[str]:
        while self._file is not None and (chunk := os.read(self._file, _CHUNK)):
            yield from self._cutter.feed(chunk)

    def _replaced(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return self._file is None or os.fstat(self._file).st_ino != there.st_ino

    def _open(self) -> int | None:
        try:
            return os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return None
