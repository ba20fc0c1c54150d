"""Positions as Fidelity exports them, of one account or of several.

The money of an account is a fund whose symbol ends in two asterisks. What is not settled yet stands as `Pending
activity`. Below the table come sentences, of which the last says when the file was downloaded. Samples:
github.com/open-portfolio/FINporterFido (Tests/FidoPositionsTests.swift), and
github.com/redstreet/beancount_reds_importers (importers/fidelity/fidelity_all_account_positions_csv.py).
"""

from services.portfolio.domain.imports import symbols
from services.portfolio.domain.imports.formats import Format, Record, Table, count_row, one_of
from services.portfolio.domain.imports.issues import Issue, RowError
from services.portfolio.domain.imports.snapshots import Snapshot, Stated, day_of
from services.portfolio.domain.imports.statements import ParsedFile

COST = ("cost basis total", "cost basis")
UNIT_COST = ("average cost basis", "cost basis per share")
PENDING = "pending activity"
MONEY_MARK = "**"
DOWNLOADED = "date downloaded"
CURRENCY = "USD"


def read(table: Table) -> ParsedFile:
    """Read a file of positions."""
    sentences = [cell for _, cells in table.body() for cell in cells if cell.lower().startswith(DOWNLOADED)]
    snapshot = Snapshot(ParsedFile(), day_of(sentences, table.file_date))
    for line, row in table.records():
        if not row["symbol"]:
            continue  # a sentence below the table
        count_row(snapshot.parsed)
        try:
            _take(snapshot, line, row)
        except RowError as error:
            snapshot.parsed.errors.append(error.at(line))
    return snapshot.close()


def _take(snapshot: Snapshot, line: int, row: Record) -> None:
    written = row["symbol"]
    if written.lower() == PENDING:
        message = "what is not settled yet is left out: neither the position nor the money is in the file for certain"
        snapshot.parsed.warnings.append(Issue(line, "ticker", written, "pending_activity", message))
    elif written.endswith(MONEY_MARK):
        snapshot.take_cash(line, CURRENCY, row["current value"], "current_value")
    else:
        cost, unit_cost = _first(row, COST), _first(row, UNIT_COST)
        symbol = symbols.canonical(written)
        snapshot.take(Stated(line, symbol, row["quantity"], cost, unit_cost, row["last price"]))


def _first(row: Record, names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if name in row), "")


POSITIONS = Format(
    "fidelity_positions",
    "positions exported from Fidelity",
    (
        *map(one_of, ("account number", "symbol", "description", "quantity", "last price", "current value")),
        one_of(*UNIT_COST),
    ),
    read,
)
