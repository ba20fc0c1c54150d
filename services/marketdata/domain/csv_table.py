"""CSV files in columns: a million rows are read a chunk at a time, and their numbers and days by the column.

Reading cell by cell would take minutes. A chunk whose cells all have the usual form is converted as a whole; only where
one has not, each is looked at by itself.
"""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from chassis.errors import InvalidRequest
from services.marketdata.domain.bars import Days, Prices

CHUNK_ROWS = 1000
"""Few enough to stay in the processor's cache: with 50,000 the same file takes twice as long."""
MOST_COLUMNS = 200
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
UNUSUAL = re.compile(r"[^0-9.eE+-]")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
DAY_LENGTH = 10
FIRST_DAY = np.datetime64("1800-01-01")
NO_DAY = np.datetime64("NaT", "D")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file, by column. A row that is too short has empty cells."""

    lines: NDArray[np.int64]
    """The line on which each row ends, from 1, header included."""
    columns: Mapping[str, Sequence[str]]
    """Cells by the names of the header, in lower case."""

    def row(self, place: int) -> dict[str, str]:
        """Give a row by itself."""
        return {name: cells[place] for name, cells in self.columns.items()}


def _checked(content: bytes) -> bytes:
    """Give a file as UTF-8, which it is, or UTF-16 that says so.

    Raises:
        InvalidRequest: it is neither, or holds NUL.
    """
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise malformed(f"line {line} is not {encoding.upper()} text", line) from None
    if (nul := text.find("\0")) >= 0:
        line = text.count("\n", 0, nul) + 1
        raise malformed(f"line {line} contains NUL", line)
    return content if encoding == "utf-8" else text.encode()


def malformed(message: str, line: int = 1) -> InvalidRequest:
    """Give the failure of a file that cannot be read as a whole."""
    return InvalidRequest("MALFORMED_FILE", message, line=line)


def header_of(content: bytes) -> list[str]:
    """Give the names of a file's columns, in lower case.

    Raises:
        InvalidRequest: there are none.
    """
    return _header(_reader(content))


def read_chunks(content: bytes, required: Sequence[str]) -> Iterator[Chunk]:
    """Yield the rows of a file that have anything in them.

    Args:
        content: the file.
        required: columns that must be there.

    Raises:
        InvalidRequest: it cannot be read as a whole, or lacks a column.
    """
    reader = _reader(content)
    header = _header(reader)
    if missing := [name for name in required if name not in header]:
        raise malformed(f"the header has no column {', '.join(missing)}; it has {', '.join(header)[:400]}")
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            rows.append(row)
            lines.append(reader.line_num)
            if len(rows) == CHUNK_ROWS:
                yield _chunk(header, rows, lines)
                rows, lines = [], []
    except csv.Error as error:
        raise malformed(f"line {reader.line_num} cannot be read: {error}", reader.line_num) from None
    if rows:
        yield _chunk(header, rows, lines)


def _reader(content: bytes) -> "csv._reader":  # type: ignore[name-defined] # typeshed has no public name for it
    # newline="" lets the csv module see the line ends itself: quoted cells may hold some, and files mix them.
    text = io.TextIOWrapper(io.BytesIO(_checked(content)), encoding="utf-8-sig", newline="")
    return csv.reader(text, strict=True)


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        (names,) = islice(reader, 1)
    except ValueError:
        raise malformed("the file is empty") from None
    except csv.Error as error:
        raise malformed(f"the header cannot be read: {error}") from None
    if len(names) > MOST_COLUMNS:
        raise malformed(f"the header has {len(names)} columns, at most {MOST_COLUMNS} are taken")
    header = [" ".join(name.lower().replace("_", " ").split()).replace(" ", "_") for name in names]
    if repeated := {name for name in header if name and header.count(name) > 1}:
        raise malformed(f"the header names a column twice: {', '.join(sorted(repeated))[:400]}")
    return header


def _chunk(header: Sequence[str], rows: list[list[str]], lines: list[int]) -> Chunk:
    width = len(header)
    if set(map(len, rows)) != {width}:
        filled = [place for place, row in enumerate(rows) if any(cell.strip() for cell in row)]
        lines = [lines[place] for place in filled]
        rows = [(rows[place] + [""] * width)[:width] for place in filled]
    columns = zip(*rows, strict=True) if rows else [()] * width
    return Chunk(np.array(lines, dtype=np.int64), dict(zip(header, columns, strict=True)))


def plain_number(text: str) -> float | None:
    """Read a number such as 1250.75 or 1e-3. None: it is none, or none that is finite."""
    if not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def numbers(cells: Sequence[str]) -> tuple[Prices, NDArray[np.bool_]]:
    """Read a column of numbers.

    Returns:
        The numbers, NaN where a cell is empty or none; and where a cell is none though it is not empty.
    """
    if UNUSUAL.search("".join(cells)) is None:
        try:
            values = np.array([float(cell) if cell else math.nan for cell in cells], dtype=np.float64)
        except ValueError:
            return _numbers_by_cell(cells)
        infinite = np.isinf(values)
        values[infinite] = np.nan
        return values, infinite
    return _numbers_by_cell(cells)


def _numbers_by_cell(cells: Sequence[str]) -> tuple[Prices, NDArray[np.bool_]]:
    stripped = [cell.strip() for cell in cells]
    read = [plain_number(cell) for cell in stripped]
    values = np.array([math.nan if number is None else number for number in read], dtype=np.float64)
    bad = [number is None and cell != "" for number, cell in zip(read, stripped, strict=True)]
    return values, np.array(bad, dtype=np.bool_)


def days(cells: Sequence[str]) -> Days:
    """Read a column of days such as 2024-01-31; NaT where a cell is none."""
    if set(map(len, cells)) == {DAY_LENGTH} and all(cell[4] == cell[7] == "-" for cell in cells):
        try:
            read: Days = np.array(cells).astype("datetime64[D]")
        except ValueError:
            return _days_by_cell(cells)
        read[read < FIRST_DAY] = NO_DAY
        return read
    return _days_by_cell(cells)


def _days_by_cell(cells: Sequence[str]) -> Days:
    return np.array([_day(cell.strip()) for cell in cells], dtype="datetime64[D]")


def _day(cell: str) -> np.datetime64:
    if not DAY.fullmatch(cell):
        return NO_DAY
    try:
        day = np.datetime64(cell, "D")
    except ValueError:
        return NO_DAY
    return day if day >= FIRST_DAY else NO_DAY
