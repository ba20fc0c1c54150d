"""The first sheet of an Excel workbook as a table of text.

A workbook is a ZIP archive, and a small one can hold gigabytes: what it says that it unpacks to is added up first, and
no more than that is ever unpacked. Then the elements are counted, of which each costs the parser several microseconds
and up to 300 bytes: what passes is read in seconds. Nothing is calculated: a formula counts with the value that the
program which wrote it saved.
"""

import datetime
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from services.portfolio.domain.imports.issues import MAX_COLUMNS, MAX_ROWS, malformed, too_large

MAX_UNPACKED = 32 << 20
MAX_PARTS = 500
MAX_TABLE_TAGS = 800_000
"""Of sheets and shared strings: 10,000 rows of twelve columns have 500,000."""
MAX_OTHER_TAGS = 60_000
"""Of styles, names and the rest."""
TABLE_PARTS = ("xl/worksheets/", "xl/sharedStrings")
MAX_LINE = 50_001
"""A sheet may claim a row in the trillions, and all before it are empty ones then."""
SIGNATURE = b"PK\x03\x04"
CONTENT_TYPES = "[Content_Types].xml"


def is_workbook(content: bytes) -> bool:
    """Say whether a file is a ZIP archive, as workbooks are."""
    return content.startswith(SIGNATURE)


def cells_of(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first sheet that have anything in them, each with its number.

    Raises:
        InvalidRequest: it is no workbook, is damaged, or unpacks to more than is taken.
    """
    _weigh(content)
    workbook = _opened(content)
    try:
        for line, cells in enumerate(_rows(workbook), 1):
            if len(cells) > MAX_COLUMNS:
                raise malformed(f"line {line} has {len(cells)} columns, at most {MAX_COLUMNS} are taken", line)
            if cells.count(None) == len(cells):
                continue  # most rows of a sheet that claims a far one
            stripped = [_text(cell) for cell in cells]
            while stripped and not stripped[-1]:
                stripped.pop()
            if stripped:
                yield line, stripped
    finally:
        workbook.close()


def _weigh(content: bytes) -> None:
    """Refuse a workbook that would cost too much to read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            _weigh_parts(parts)
            _weigh_tags(archive, parts)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, EOFError, OSError) as error:
        raise malformed(f"line 1: this begins as a ZIP archive and is none: {error}", 1) from None


def _weigh_parts(parts: Sequence[zipfile.ZipInfo]) -> None:
    if CONTENT_TYPES not in {part.filename for part in parts}:
        raise malformed("this archive is no Excel workbook (.xlsx)")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED or len(parts) > MAX_PARTS:
        message = f"the workbook unpacks to {unpacked} bytes in {len(parts)} parts, at most {MAX_UNPACKED} are taken"
        raise too_large(message, limit_bytes=MAX_UNPACKED)


def _weigh_tags(archive: zipfile.ZipFile, parts: Sequence[zipfile.ZipInfo]) -> None:
    table_tags = other_tags = 0
    for part in parts:
        # Whatever the encoding and the prefixes, no element is without this byte.
        tags = archive.read(part).count(b"<")
        if part.filename.lstrip("/").startswith(TABLE_PARTS):
            table_tags += tags
        else:
            other_tags += tags
    if table_tags > MAX_TABLE_TAGS or other_tags > MAX_OTHER_TAGS:
        raise too_large("the workbook has more cells and styles than 10000 rows have", limit_rows=MAX_ROWS)


def _opened(content: bytes) -> Any:
    import openpyxl  # costs a quarter of a second: only where somebody sends a workbook

    try:
        return openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # noqa: BLE001 - openpyxl lets through whatever its parsers stumble over
        raise malformed(f"the workbook cannot be read: {_said(error)}") from None


def _rows(workbook: Any) -> Iterator[tuple[Any, ...]]:
    try:
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()  # what a sheet says of its own size need not be true
        yield from sheet.iter_rows(max_row=MAX_LINE, values_only=True)
    except Exception as error:  # noqa: BLE001 - see above
        raise malformed(f"the first sheet cannot be read: {_said(error)}") from None


def _text(cell: Any) -> str:
    """Give the text that a cell would have in a CSV."""
    if cell is None:
        return ""
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, float):
        return f"{cell:.15g}"  # as many digits as Excel shows: 0.1 + 0.2 is 0.3 there
    return str(cell).strip()


def _said(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
