"""A portfolio as an XLSX workbook: the table that the upload reads back first, then a sheet for each setting.

Text is written as text and never as a formula, and marked to stay so when a cell is edited. A number is one as long as
a spreadsheet keeps all its digits, which are 15; a longer one is text. Control characters, which XML has no room for,
become U+FFFD.
"""

import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from services.portfolio.domain.exports import contents_table
from services.portfolio.domain.exports.contents_table import Cell
from services.portfolio.domain.exports.csv_file import plain
from services.portfolio.domain.exports.portfolio_contents import BOOK_SECTIONS, PortfolioContents

if TYPE_CHECKING:
    from openpyxl import Workbook

DIGITS_OF_A_SPREADSHEET = 15
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def render(contents: PortfolioContents, sections: tuple[str, ...]) -> bytes:
    """Write the workbook. Takes about 0.2 ms a row: not for the event loop."""
    from openpyxl import Workbook  # heavy, and only for those who want a workbook

    workbook = Workbook(write_only=True)
    if set(sections) & set(BOOK_SECTIONS):
        _add_sheet(workbook, "Positions and cash", contents_table.COLUMNS, contents_table.rows(contents))
    _add_sheet(workbook, "Portfolio", ("Field", "Value"), _terms(contents))
    for section, (title, header, rows) in _settings(contents).items():
        if section in sections:
            _add_sheet(workbook, title, header, rows)
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


def _add_sheet(workbook: "Workbook", title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    from openpyxl.cell import WriteOnlyCell

    sheet = workbook.create_sheet(title)

    def cell(value: Cell) -> Any:
        if isinstance(value, Decimal):
            if len(value.normalize().as_tuple().digits) <= DIGITS_OF_A_SPREADSHEET:
                return WriteOnlyCell(sheet, value=float(value))
            value = plain(value)
        if not value:
            return None
        written = WriteOnlyCell(sheet, value=CONTROL.sub("\ufffd", value))
        written.data_type = "s"  # the library takes a text that begins with = for a formula
        written.quotePrefix = True
        return written

    sheet.append([cell(name) for name in header])
    for row in rows:
        sheet.append([cell(value) for value in row])


def _terms(contents: PortfolioContents) -> list[tuple[Cell, Cell]]:
    found = contents.portfolio
    return [
        ("Name", found.name),
        ("Base currency", found.base_currency),
        ("Benchmark", found.benchmark),
        ("Start date", found.start_date.isoformat() if found.start_date else ""),
        ("End date", found.end_date.isoformat() if found.end_date else ""),
        ("Revision", Decimal(found.revision)),
    ]


Sheet = tuple[str, tuple[str, ...], Sequence[Sequence[Cell]]]


def _settings(contents: PortfolioContents) -> dict[str, Sheet]:
    """Give title, header and rows of the sheet of each setting."""
    limits = {**contents.limits.every, **contents.limits.additional}
    proxies = sorted(contents.proxies.items())
    cash_map = contents.cash_map
    return {
        "risk_limits": (
            "Risk limits",
            ("Limit", "Value"),
            [(name, Decimal(repr(value))) for name, value in limits.items()],
        ),
        "factor_proxies": (
            "Factor proxies",
            ("Symbol", "Market", "Momentum", "Value", "Industry", "Subindustry"),
            [(s, p.market, p.momentum, p.value, p.industry, ";".join(p.subindustry)) for s, p in proxies],
        ),
        "expected_returns": (
            "Expected returns",
            ("Symbol", "Expected return", "Effective date"),
            [(e.symbol, e.expected_return, e.effective_date.isoformat()) for e in contents.expected],
        ),
        "cash_map": (
            "Cash map",
            ("Kind", "Name", "Means"),
            [("proxy", currency, symbol) for currency, symbol in cash_map.every_proxy.items()]
            + [("alias", ticker, currency) for ticker, currency in cash_map.every_alias.items()],
        ),
    }
