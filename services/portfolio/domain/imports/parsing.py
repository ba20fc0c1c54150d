"""Reading a file: what format it is in, and what it says. Whether a ticker exists is for others to say."""

import datetime
from collections.abc import Sequence

from services.portfolio.domain.imports import fidelity, ibkr_flex, ibkr_statement, robinhood, schwab, templates
from services.portfolio.domain.imports.formats import Format, Table
from services.portfolio.domain.imports.issues import listed, malformed
from services.portfolio.domain.imports.statements import ParsedFile
from services.portfolio.domain.imports.tables import Row, rows_of

# In this order: a format that asks for more comes before one that asks for part of it.
FORMATS: tuple[Format, ...] = (
    templates.TWELVE_COLUMNS,
    templates.FIVE_COLUMNS,
    schwab.POSITIONS,
    fidelity.POSITIONS,
    ibkr_flex.FLEX,
    ibkr_statement.STATEMENT,
    robinhood.ACTIVITY,
)


def parse(content: bytes, file_date: datetime.date | None = None) -> ParsedFile:
    """Read a file.

    Args:
        content: the file: CSV as UTF-8 or UTF-16, or an Excel workbook.
        file_date: the day to take where the file states neither days of entry nor its own day.

    Raises:
        InvalidRequest: the file cannot be read as a whole: it is empty, too large, no table, or of no known format.
    """
    rows = rows_of(content)
    found, place = recognised(rows)
    parsed = found.read(Table(rows, place, file_date))
    parsed.format = found.name
    return parsed


def recognised(rows: Sequence[Row]) -> tuple[Format, int]:
    """Give the format of a table, and the place of its header among the rows.

    Raises:
        InvalidRequest: it has the columns of none.
    """
    for place, (_, cells) in enumerate(rows):
        for each in FORMATS:
            if not each.missing(cells):
                return each, place
    raise _unknown(rows)


def _unknown(rows: Sequence[Row]) -> Exception:
    line, header = max(rows[:20], key=lambda row: sum(map(bool, row[1])))
    nearest = min(FORMATS, key=lambda each: len(each.missing(header)) / len(each.needed))
    message = (
        f"the columns of line {line} are those of no format that we know: {listed(header)}; "
        f"for {nearest.title} the file has no column {listed(nearest.missing(header))}"
    )
    return malformed(message, line)
