"""Flex queries of Interactive Brokers as CSV: open positions and, if it was asked for, the cash report.

The owner of the account chooses the columns and the sections; each section has a header of its own, and records such
as BOF and EOS may stand between them. What the columns mean: ibkrguides.com/reportingreference/reportguide
(open positionsfq.htm). Sample: github.com/jhalmu/dividendsomatic (test/dividendsomatic/portfolio/csv_parser_test.exs).
"""

from collections.abc import Sequence

from services.portfolio.domain.imports import days
from services.portfolio.domain.imports.formats import Format, Record, Table, columns_of, one_of, plain, record
from services.portfolio.domain.imports.ibkr_rows import OpenPosition, OpenPositions
from services.portfolio.domain.imports.issues import RowError
from services.portfolio.domain.imports.snapshots import Snapshot
from services.portfolio.domain.imports.statements import Date, ParsedFile

NEEDED = tuple(map(one_of, ("symbol", "quantity", "costbasisprice", "markprice", "assetclass", "currencyprimary")))
CASH_REPORT = {"currencyprimary", "endingcash", "todate"}
CURRENCY_COLUMN = "currencyprimary"
RECORDS = {"bof", "boa", "bos", "eos", "eoa", "eof", "msg"}
ALL_CURRENCIES = "BASE_SUMMARY"
CASH_CLASS = "cash"


def read(table: Table) -> ParsedFile:
    """Read the sections of a file; those that state neither positions nor cash are passed over."""
    positions, balances = OpenPositions(), []
    section: dict[str, int] = {}
    day: Date | None = None
    for line, cells in table.rows:
        names = {plain(cell) for cell in cells}
        if CURRENCY_COLUMN in names:
            section = columns_of(cells)
        elif section and cells[0].lower() not in RECORDS:
            row = record(section, cells)
            if all(names & section.keys() for names in NEEDED):
                day = day or _day(row.get("reportdate", ""))
                positions.rows += [_position(line, row)] if row["assetclass"].lower() != CASH_CLASS else []
            elif section.keys() >= CASH_REPORT and row[CURRENCY_COLUMN] != ALL_CURRENCIES:
                balances.append((line, row))
    snapshot = Snapshot(ParsedFile(), day or table.file_date)
    positions.state(snapshot)
    _take_cash(snapshot, balances)
    return snapshot.close()


def _day(text: str) -> Date | None:
    try:
        return days.stamped("report_date", text)
    except RowError:
        return None


def _position(line: int, row: Record) -> OpenPosition:
    return OpenPosition(
        line=line,
        account=row.get("clientaccountid", ""),
        asset_class=row["assetclass"],
        symbol=row["symbol"],
        quantity=row["quantity"],
        cost_price=row["costbasisprice"],
        close_price=row["markprice"],
        multiplier=row.get("multiplier", ""),
        opened=row.get("opendatetime", ""),
        of_lot=row.get("levelofdetail", "").lower() == "lot",
    )


def _take_cash(snapshot: Snapshot, balances: Sequence[tuple[int, Record]]) -> None:
    for line, row in balances:
        snapshot.day = snapshot.day or _day(row["todate"])
        try:
            snapshot.take_cash(line, row[CURRENCY_COLUMN].upper(), row["endingcash"], "ending_cash")
        except RowError as error:
            snapshot.parsed.errors.append(error.at(line))


FLEX = Format("ibkr_flex", "a Flex query of Interactive Brokers with open positions", NEEDED, read)
