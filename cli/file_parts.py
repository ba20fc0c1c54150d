"""Cutting a CSV into parts that fit into a call: each with the header, and none cut inside a row."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from cli.stack.errors import StackError

LARGEST = 8 << 20
"""Bytes of a part: the services take 10 MiB, and answer a smaller part sooner."""
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file that can be read by itself."""

    content: bytes
    lines_before: int
    """Lines of the file that are not in this part, and come before its second line: the first is the header."""
    size: int
    """Bytes of the file that it stands for."""
    whole: bool
    """Whether it is all of the file."""


def parts(path: Path, largest: int = LARGEST) -> Iterator[Part]:
    """Yield the parts of a file, in UTF-8.

    Raises:
        StackError: it cannot be opened, is no text, or has a row that fits into no part.
    """
    try:
        with path.open("rb") as file:
            encoding = "utf-16" if file.read(2) in UTF_16 else "utf-8-sig"
        # A byte that is no text is passed on as it is: the service says in which line it stands.
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as text:
            yield from _cut(path, text, largest)
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeError as error:
        raise StackError(f"{path} is no text: {error}") from error


def _cut(path: Path, text: TextIO, largest: int) -> Iterator[Part]:
    header = _encoded(text.readline())
    rows: list[bytes] = []
    size, line, first_line, quotes = len(header), 1, 1, 0
    safe = 0  # rows up to here end where no quoted cell is open
    for read in text:
        row = _encoded(read)
        while size + len(row) > largest:
            if not safe:
                raise StackError(f"{path}: line {line + 1} belongs to a row of more than {largest:,} bytes")
            whole = b"".join(rows[:safe])
            yield Part(header + whole, first_line - 1, len(whole), whole=False)
            rows, first_line, safe = rows[safe:], first_line + safe, 0
            size = len(header) + sum(map(len, rows))
        rows.append(row)
        size, line, quotes = size + len(row), line + 1, quotes + row.count(b'"')
        if quotes % 2 == 0:
            safe = len(rows)
    rest = b"".join(rows)
    yield Part(header + rest, first_line - 1, len(header) + len(rest), whole=first_line == 1)


def _encoded(row: str) -> bytes:
    return row.encode("utf-8", "surrogateescape")
