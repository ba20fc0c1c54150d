"""Files as tables of text: rows of cells, each with the line it begins on. What the cells mean is for others to say."""

import csv
import io
from collections.abc import Iterator

from services.portfolio.domain.imports import workbooks
from services.portfolio.domain.imports.issues import MAX_BYTES, MAX_COLUMNS, malformed, too_large

MAX_LINES = 50_000
"""Of the whole file: statements have more than the positions in them, and a bomb of line ends has none."""
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
MAX_CELLS = 1_000_000
Row = tuple[int, list[str]]


def rows_of(content: bytes) -> list[Row]:
    """Give each row that has anything in it, with its line; cells without the blanks around them.

    Raises:
        InvalidRequest: the file cannot be read as a whole: it is empty, too large, or no table.
    """
    if len(content) > MAX_BYTES:
        message = f"the file has {len(content)} bytes, at most {MAX_BYTES} are taken"
        raise too_large(message, limit_bytes=MAX_BYTES)
    source = workbooks.cells_of(content) if workbooks.is_workbook(content) else _cells(_text(content))
    rows: list[Row] = []
    cell_count = 0
    for line, cells in source:
        if len(cells) > MAX_COLUMNS:
            raise malformed(f"line {line} has {len(cells)} columns, at most {MAX_COLUMNS} are taken", line)
        if len(rows) == MAX_LINES:
            raise too_large(f"the table has more than {MAX_LINES} lines", limit_rows=MAX_LINES)
        cell_count += len(cells)
        if cell_count > MAX_CELLS:
            raise too_large(f"the table has more than {MAX_CELLS} cells", limit_cells=MAX_CELLS)
        rows.append((line, cells))
    if not rows:
        raise malformed("the file is empty")
    return rows


def _text(content: bytes) -> str:
    encoding = "utf-16" if content.startswith(UTF_16) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise malformed(f"line {line} is not {encoding.removesuffix('-sig').upper()} text", line) from None
    if (nul := text.find("\0")) >= 0:
        line = text.count("\n", 0, nul) + 1
        raise malformed(f"line {line} contains NUL", line)
    return text


def _cells(text: str) -> Iterator[Row]:
    """Yield the rows of separated values that have anything in them."""
    # newline="" lets the csv module see the line ends itself: quoted cells may hold some, and files mix them.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text))
    begins = 1
    try:
        for cells in reader:
            if any(stripped := [cell.strip() for cell in cells]):
                yield begins, stripped
            begins = reader.line_num + 1
    except csv.Error as error:
        raise malformed(f"line {begins} cannot be read: {error}", begins) from None


def _delimiter(text: str) -> str:
    """Tell a comma from the tab that Excel separates its Unicode text by."""
    first = text.lstrip().partition("\n")[0]
    return "\t" if "\t" in first and "," not in first else ","
