"""Positions as Charles Schwab exports them, of one account or of all.

A title with the day stands above the table, cash and totals stand among the positions. With several accounts in the
file, the header comes again for each. Samples: github.com/vroonhof/opensteuerauszug (importers/schwab/formats.md) and
github.com/jbms/beancount-import (testdata/source/schwab_csv).
"""

from services.portfolio.domain.imports import symbols
from services.portfolio.domain.imports.formats import Format, Record, Table, count_row, one_of
from services.portfolio.domain.imports.issues import RowError
from services.portfolio.domain.imports.snapshots import Snapshot, Stated, day_of
from services.portfolio.domain.imports.statements import ParsedFile

QUANTITY = one_of("qty (quantity)", "quantity")
VALUE = one_of("mkt val (market value)", "market value")
CASH = ("cash & cash investments", "cash and money market")
TOTALS = ("account total", "positions total", "total")
CURRENCY = "USD"


def read(table: Table) -> ParsedFile:
    """Read a file of positions."""
    snapshot = Snapshot(ParsedFile(), day_of(table.preamble(), table.file_date))
    header = [cell.lower() for cell in table.header]
    for (line, row), (_, cells) in zip(table.records(), table.body(), strict=True):
        # The name of the next account stands alone in its line, and the header follows again.
        if not any(cells[1:]) or [cell.lower() for cell in cells] == header or row["symbol"].lower() in TOTALS:
            continue
        count_row(snapshot.parsed)
        try:
            _take(snapshot, line, row)
        except RowError as error:
            snapshot.parsed.errors.append(error.at(line))
    return snapshot.close()


def _take(snapshot: Snapshot, line: int, row: Record) -> None:
    if row["symbol"].lower() in CASH:
        snapshot.take_cash(line, CURRENCY, _first(row, VALUE), "market_value")
        return
    symbol = symbols.canonical(row["symbol"])
    snapshot.take(Stated(line, symbol, _first(row, QUANTITY), cost=row["cost basis"], price=row["price"]))


def _first(row: Record, names: frozenset[str]) -> str:
    return next(row[name] for name in sorted(names) if name in row)


POSITIONS = Format(
    "schwab_positions",
    "positions exported from Schwab",
    (
        *map(one_of, ("symbol", "description", "price", "cost basis")),
        *(QUANTITY, VALUE, one_of("security type", "asset type")),
    ),
    read,
)
