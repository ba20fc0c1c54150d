"""Keeps what every part says: in a log file each, of bounded size, and on a screen if there is one."""

import os
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from cli.stack.screen import Screen

LOG_BYTES = 5_000_000
"""Size at which a log file becomes `<part>.log.1`, replacing the one before: a part keeps twice this at most."""
_LAST_WORDS = 20


class LogFile:
    """A file that starts anew when it is full, keeping one predecessor."""

    def __init__(self, path: Path, limit: int = LOG_BYTES) -> None:
        self._path = path
        self._limit = limit
        self._open()

    def write(self, line: str) -> None:
        """Append a line; it is in the file when this returns."""
        text = f"{line}\n".encode()
        if self._size and self._size + len(text) > self._limit:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            full = self._file
            self._open()
            os.close(full)
        os.write(self._file, text)
        self._size += len(text)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._file).st_size


class Transcript:
    """The one place that everything said goes through.

    Log files are written at once, on the event loop: a line is a few microseconds into the page cache, and nothing is
    lost when the supervisor is killed.
    """

    def __init__(self, folder: Path, parts: Sequence[str], screen: Screen | None = None) -> None:
        self._folder = folder
        self._screen = screen
        self._files = {part: LogFile(self.path(part)) for part in parts}
        self._last_words: dict[str, deque[str]] = {part: deque(maxlen=_LAST_WORDS) for part in parts}
        self._writable = True

    def path(self, part: str) -> Path:
        """Give the log file of a part."""
        return self._folder / f"{part}.log"

    def say(self, part: str, line: str) -> None:
        """Keep a line, and show it."""
        self._last_words[part].append(line)
        if self._screen:
            self._screen.show(part, line)
        try:
            self._files[part].write(line)
            self._writable = True
        except OSError as error:
            # A full disk must not end the stack. It is said once, until writing works again.
            if self._writable:
                self._writable = False
                print(f"plimsoll: cannot write {self.path(part)}: {error.strerror}", file=sys.stderr)

    def last_words(self, part: str) -> list[str]:
        """Give the newest lines of a part."""
        return list(self._last_words[part])

    def close(self) -> None:
        """Close the files, and the screen as far as it still moves."""
        for file in self._files.values():
            file.close()
        if self._screen:
            self._screen.close()
