"""Shows lines of all parts on one terminal, each behind the name of its part.

A thread of its own writes them. A terminal can stand still for as long as somebody scrolls back in it, and supervision
must not stand still with it: what does not fit in the queue meanwhile is left out here (the log files have it).
"""

import os
import queue
import threading
from collections.abc import Sequence
from typing import TextIO

_WAITING_LINES = 5_000
_CLOSE_SECONDS = 1.0
_RESET = "\x1b[0m"
_COLOURS = ["\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[31m"]


class Screen:
    """A stream that people read: a terminal, or a file that standard output was sent to."""

    def __init__(self, stream: TextIO, parts: Sequence[str]) -> None:
        width = max(map(len, parts), default=0)
        coloured = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._prefixes = {
            part: _prefix(f"{part:{width}}", _COLOURS[place % len(_COLOURS)] if coloured else "")
            for place, part in enumerate(parts)
        }
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING_LINES)
        self._left_out = 0
        self._writer = threading.Thread(target=self._write, name="screen", daemon=True)
        self._writer.start()

    def show(self, part: str, line: str) -> None:
        """Show a line, soon; never waits."""
        try:
            if self._left_out:
                self._lines.put_nowait(f"({self._left_out} lines were left out while the terminal stood still)")
                self._left_out = 0
            self._lines.put_nowait(self._prefixes[part] + line)
        except queue.Full:
            self._left_out += 1

    def close(self) -> None:
        """Write what waits, as far as the terminal takes it within a second."""
        try:
            self._lines.put(None, timeout=_CLOSE_SECONDS)
        except queue.Full:
            return
        self._writer.join(_CLOSE_SECONDS)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                print(line, file=self._stream, flush=True)
            except (OSError, ValueError):
                # The terminal or the reader of the pipe is gone, which is no reason to stop: the log files go on.
                self._silence()

    def _silence(self) -> None:
        # The interpreter flushes standard output once more at exit, and would complain there.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def _prefix(name: str, colour: str) -> str:
    return f"{colour}{name} |{_RESET} " if colour else f"{name} | "
