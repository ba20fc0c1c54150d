"""The contents of a portfolio as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

from services.portfolio.domain.cell_text import guarded
from services.portfolio.domain.exports import contents_table
from services.portfolio.domain.exports.contents_table import Cell
from services.portfolio.domain.exports.portfolio_contents import PortfolioContents


def render(contents: PortfolioContents) -> bytes:
    """Write what the upload reads back: UTF-8, with the line ends of RFC 4180."""
    return write(contents_table.COLUMNS, contents_table.rows(contents))


def write(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a table; no text in it is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_shown(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _shown(cell: Cell) -> str:
    """Give a cell as it is written. A negative number is one, and no formula."""
    return plain(cell) if isinstance(cell, Decimal) else guarded(cell)


def plain(number: Decimal) -> str:
    """Give every digit of a number, without an exponent and without zeros that say nothing."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
