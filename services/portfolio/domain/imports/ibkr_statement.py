"""Activity statements of Interactive Brokers as CSV, in English: open positions, and the cash at the end.

Every line begins with its section and with Header, Data, SubTotal or Total. What the columns mean:
ibkrguides.com/reportingreference/reportguide/openpositions_default.htm. Statements in other languages name their
sections otherwise, and are not known.
"""

from collections.abc import Mapping, Sequence

from services.portfolio.domain.imports import days, symbols
from services.portfolio.domain.imports.formats import Format, Record, Table, columns_of, one_of, record
from services.portfolio.domain.imports.ibkr_rows import OpenPosition, OpenPositions
from services.portfolio.domain.imports.issues import RowError
from services.portfolio.domain.imports.snapshots import Snapshot
from services.portfolio.domain.imports.statements import Date, ParsedFile
from services.portfolio.domain.imports.tables import Row

SECTIONS = ("open positions", "long open positions", "short open positions")
STATING = ("Summary", "Lot")
"""What a row of open positions is; others add up."""
LEAD = 2
"""Cells before the columns of a section: its name, and what the line is."""
Section = list[tuple[int, Record]]
ALL_CURRENCIES = "base currency summary"


def read(table: Table) -> ParsedFile:
    """Read the sections of a statement that state positions and cash."""
    sections = _sections(table.rows)
    snapshot = Snapshot(ParsedFile(), _day(sections) or table.file_date)
    positions = OpenPositions()
    for name in SECTIONS:
        rows = sections.get(name, ())
        positions.rows += [_position(line, row) for line, row in rows if row.get("datadiscriminator", "") in STATING]
    positions.state(snapshot)
    _take_cash(snapshot, sections)
    return snapshot.close()


def _sections(rows: Sequence[Row]) -> dict[str, Section]:
    """Give the lines of data of each section, by its name in lower case."""
    sections: dict[str, Section] = {}
    columns: dict[str, dict[str, int]] = {}
    for line, cells in rows:
        name, kind = (cell.lower() for cell in (*cells, "", "")[:LEAD])
        if kind == "header":
            columns[name] = columns_of(cells[LEAD:])
        elif kind == "data" and name in columns:
            sections.setdefault(name, []).append((line, record(columns[name], cells[LEAD:])))
    return sections


def _day(sections: Mapping[str, Section]) -> Date | None:
    """Give the last day of the statement's period."""
    for _, row in sections.get("statement", ()):
        if row.get("field name", "").lower() == "period":
            return days.mentioned(row.get("field value", ""))
    return None


def _position(line: int, row: Record) -> OpenPosition:
    return OpenPosition(
        line=line,
        account=row.get("account", ""),
        asset_class=row.get("asset category", ""),
        symbol=row.get("symbol", ""),
        quantity=row.get("quantity", ""),
        cost_price=row.get("cost price", ""),
        close_price=row.get("close price", ""),
        # Lots leave the multiplier of their summary out.
        multiplier=row.get("mult", ""),
        opened=row.get("open", ""),
        of_lot=row.get("datadiscriminator", "").lower() == "lot",
    )


def _take_cash(snapshot: Snapshot, sections: Mapping[str, Section]) -> None:
    """Add what there is of each currency, or of the only one if no other is named."""
    ending = [(n, row) for n, row in sections.get("cash report", ()) if row.get("currency summary") == "Ending Cash"]
    single = [(n, row) for n, row in ending if row.get("currency", "").lower() != ALL_CURRENCIES]
    for line, row in single or ending:
        currency = row.get("currency", "").upper() if single else _base_currency(sections)
        try:
            if not symbols.CURRENCY.fullmatch(currency):
                raise RowError("currency", row.get("currency", ""), "unknown_currency", "this is no currency")
            snapshot.take_cash(line, currency, row.get("total", ""), "total")
        except RowError as error:
            snapshot.parsed.errors.append(error.at(line))


def _base_currency(sections: Mapping[str, Section]) -> str:
    rows = (row for _, row in sections.get("account information", ()))
    named = (row.get("field value", "") for row in rows if row.get("field name", "").lower() == "base currency")
    return next(named, "").upper()


STATEMENT = Format(
    "ibkr_statement",
    "an activity statement of Interactive Brokers with open positions",
    (
        *map(one_of, ("header", "datadiscriminator", "asset category", "symbol", "quantity", "cost price")),
        one_of(*SECTIONS),
    ),
    read,
)
