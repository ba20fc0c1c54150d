"""Treasury par yields from a CSV file as the Treasury publishes them: a day, and a column per maturity, in per cent.

    Date,1 Mo,2 Mo,3 Mo,4 Mo,6 Mo,1 Yr,2 Yr,3 Yr,5 Yr,7 Yr,10 Yr,20 Yr,30 Yr
    12/29/23,5.6,5.59,5.4,5.41,5.26,4.79,4.23,4.01,3.84,3.88,3.88,4.2,4.03

The Treasury writes days as MM/DD/YYYY, collections of its files also as MM/DD/YY or ISO. An empty cell, or `N/A`, is a
maturity that was not issued then.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import Days
from services.marketdata.domain.csv_complaints import Complaints
from services.marketdata.domain.csv_table import Chunk, days, malformed, numbers, read_chunks
from services.marketdata.domain.fetched import RejectedRow, RowKind
from services.marketdata.domain.observations import YieldSeries, from_per_cent

TENOR = re.compile(r"(\d{1,2})_?(m|mo|month|months|y|yr|year|years)")
AMERICAN_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2}|\d{4})", re.ASCII)
FIRST_YEAR = 1962
"""Two digits stand for a year from 1962, the first with daily yields, to 2061."""
NOT_ISSUED = ("", "N/A", "n/a", ".")


@dataclass(frozen=True, slots=True)
class FileYields:
    """The yields of one tenor, in order of days, and the line of each."""

    series: YieldSeries
    lines: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class YieldsFile:
    """What a file says."""

    row_count: int
    """Rows with anything in them, header excluded."""
    by_tenor: Mapping[str, FileYields]
    """In the order of the columns."""
    rejected: Sequence[RejectedRow]
    """By line."""


def tenor_of(column: str) -> str:
    """Give the tenor that a column is of: `10Y` for `10 Yr`. Empty: it is of none, such as `1.5 Month`."""
    match = TENOR.fullmatch(column.strip().lower().replace(" ", "_"))
    return f"{int(match[1])}{match[2][0].upper()}" if match else ""


def read_yields(content: bytes, source: str) -> YieldsFile:
    """Read a file.

    Args:
        content: the file.
        source: who the rejected cells are from. A cell is rejected alone: the others of its row are used.

    Raises:
        InvalidRequest: the file cannot be read as a whole, or has no column of a tenor.
    """
    parts: dict[str, list[tuple[Days, NDArray[np.float64], NDArray[np.int64]]]] = {}
    rejected: list[RejectedRow] = []
    row_count = 0
    for chunk in read_chunks(content, ["date"]):
        row_count += len(chunk.lines)
        day_column = days([_iso(cell.strip()) for cell in chunk.columns["date"]])
        complaints = Complaints(chunk, day_column, RowKind.YIELD, source)
        complaints.add("date", np.isnat(day_column), "unreadable_date")
        for column, tenor in _tenors(chunk).items():
            cells = ["" if cell.strip() in NOT_ISSUED else cell for cell in chunk.columns[column]]
            per_cent, bad = numbers(cells)
            complaints.add_cells(column, bad & complaints.unblamed, "not_a_number")
            good = ~(np.isnan(per_cent) | np.isnat(day_column))
            parts.setdefault(tenor, []).append((day_column[good], from_per_cent(per_cent[good]), chunk.lines[good]))
        rejected += complaints.rows()
    return YieldsFile(row_count, {tenor: _joined(tenor, columns) for tenor, columns in parts.items()}, rejected)


def _tenors(chunk: Chunk) -> dict[str, str]:
    tenors = {column: tenor for column in chunk.columns if (tenor := tenor_of(column))}
    if not tenors:
        raise malformed(f"the header has no column of a tenor such as 10 Yr; it has {', '.join(chunk.columns)[:400]}")
    if len(set(tenors.values())) < len(tenors):
        raise malformed(f"the header names a tenor twice: {', '.join(tenors)[:400]}")
    return tenors


def _joined(tenor: str, parts: Sequence[tuple[Days, NDArray[np.float64], NDArray[np.int64]]]) -> FileYields:
    day_column, yields, lines = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(day_column, kind="stable")
    return FileYields(YieldSeries(tenor, day_column[order], yields[order]), lines[order])


def _iso(cell: str) -> str:
    match = AMERICAN_DAY.fullmatch(cell)
    if match is None:
        return cell
    month, day, year = (int(part) for part in match.groups())
    if year < 100:
        year += 1900 if year >= FIRST_YEAR - 1900 else 2000
    return f"{year:04}-{month:02}-{day:02}"
