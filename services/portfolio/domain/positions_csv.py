"""Reading the five-column CSV: ticker, quantity, entry_price, entry_date, tags.

What the file says becomes rows; what it says wrong becomes issues with the line and the text found. Whether a ticker
exists and a day was a session is for others to say (`application/import_positions.py`).
"""

import csv
import datetime
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from chassis.errors import InvalidRequest

MAX_BYTES = 10 << 20
MAX_ROWS = 10_000
MAX_COLUMNS = 100
MAX_TAGS = 20
MAX_TAG_LENGTH = 50
MAX_AMOUNT = Decimal(10) ** 15
MAX_DECIMALS = 12
CASH_PREFIX = "CUR:"
NUMBER = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?")
SYMBOL = re.compile(r"\^?[A-Z0-9][A-Z0-9.\-/=:]{0,31}")
CURRENCY = re.compile(r"[A-Z]{3}")
ALIASES = {
    "ticker": ("ticker", "symbol"),
    "quantity": ("quantity", "qty"),
    "entry_price": ("entry price", "price"),
    "entry_date": ("entry date", "trade date"),
    "tags": ("tags",),
}
REQUIRED = ("ticker", "quantity", "entry_price", "entry_date")
COLUMN_OF = {alias: column for column, aliases in ALIASES.items() for alias in aliases}


@dataclass(frozen=True, slots=True)
class Issue:
    """Something wrong, or worth a look, in one line of a file; line 0 is the file as a whole."""

    line: int
    field: str
    value: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A row that states a position."""

    line: int
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    entry_date: datetime.date
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CashRow:
    """A row that states a cash balance: `CUR:USD`."""

    line: int
    currency: str
    amount: Decimal
    balance_date: datetime.date


@dataclass(slots=True)
class ParsedFile:
    """What a file says, in its order."""

    row_count: int = 0
    positions: list[PositionRow] = field(default_factory=list)
    cash: list[CashRow] = field(default_factory=list)
    errors: list[Issue] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)


class _RowError(Exception):
    def __init__(self, column: str, value: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.column, self.value, self.reason, self.message = column, value, reason, message


def parse(content: bytes) -> ParsedFile:
    """Read a file.

    Raises:
        InvalidRequest: the file cannot be read as a whole: empty, too large, no text, no header that we know.
    """
    if len(content) > MAX_BYTES:
        raise InvalidRequest(
            "REQUEST_TOO_LARGE",
            f"the file has {len(content)} bytes, at most {MAX_BYTES} are taken",
            limit_bytes=MAX_BYTES,
        )
    rows = _rows(_text(content))
    header = next(rows, None)
    if header is None:
        raise malformed("the file is empty")
    columns, ignored = _columns(header[1])
    parsed = ParsedFile(warnings=ignored)
    for line, cells in rows:
        parsed.row_count += 1
        if parsed.row_count > MAX_ROWS:
            raise malformed(f"the file has more than {MAX_ROWS} rows", line)
        try:
            _read_row(parsed, line, _named(columns, cells))
        except _RowError as error:
            parsed.errors.append(Issue(line, error.column, error.value, error.reason, error.message))
    parsed.warnings += _repeated(parsed.positions)
    return parsed


def malformed(message: str, line: int | None = None) -> InvalidRequest:
    """Give the failure of a file that cannot be read as a whole."""
    return InvalidRequest("MALFORMED_FILE", message, **({} if line is None else {"line": line}))


def _text(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise malformed(f"line {line} is not {encoding.removesuffix('-sig').upper()} text", line) from None
    if (nul := text.find("\0")) >= 0:
        line = text.count("\n", 0, nul) + 1
        raise malformed(f"line {line} contains NUL", line)
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that has anything in it, with the line it begins on."""
    # newline="" lets the csv module see the line ends itself: quoted cells may hold some, and files mix them.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise malformed(f"line {begins} cannot be read: {error}", begins) from None


def _columns(header: list[str]) -> tuple[dict[str, int], list[Issue]]:
    """Give the place of each known column, and a warning for each that is ignored."""
    if len(header) > MAX_COLUMNS:
        raise malformed(f"the header has {len(header)} columns, at most {MAX_COLUMNS} are taken", 1)
    columns: dict[str, int] = {}
    ignored = []
    for place, name in enumerate(header):
        column = COLUMN_OF.get(" ".join(name.lower().replace("_", " ").split()))
        if column is None:
            message = f"the column {name.strip()!r} is ignored"
            ignored.append(Issue(1, name.strip(), "", "unknown_column", message))
        elif column in columns:
            raise malformed(f"the header names {column} twice: {_list(header)}", 1)
        else:
            columns[column] = place
    if missing := [column for column in REQUIRED if column not in columns]:
        raise malformed(f"the header has no column {_list(missing)}; it has {_list(header)}", 1)
    return columns, ignored


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(name.strip()[:40] for name in names[:20])
    return shown + (", ..." if len(names) > 20 else "")


def _named(columns: dict[str, int], cells: list[str]) -> dict[str, str]:
    return {column: cells[place].strip() if place < len(cells) else "" for column, place in columns.items()}


def _read_row(parsed: ParsedFile, line: int, row: dict[str, str]) -> None:
    symbol = row["ticker"].upper()
    if symbol.startswith(CASH_PREFIX):
        _read_cash(parsed, line, symbol, row)
        return
    position = PositionRow(
        line=line,
        symbol=_symbol(symbol),
        quantity=_number("quantity", row["quantity"]),
        entry_price=_number("entry_price", row["entry_price"]),
        entry_date=_date(row["entry_date"]),
        tags=_tags(row.get("tags", "")),
    )
    if position.quantity == 0:
        raise _RowError("quantity", row["quantity"], "zero_quantity", "the quantity must not be 0")
    if position.entry_price < 0:
        raise _RowError("entry_price", row["entry_price"], "negative_price", "the entry price must not be negative")
    if position.entry_price == 0:
        message = "the entry price is 0: the whole value counts as gain"
        parsed.warnings.append(Issue(line, "entry_price", row["entry_price"], "zero_price", message))
    parsed.positions.append(position)


def _read_cash(parsed: ParsedFile, line: int, symbol: str, row: dict[str, str]) -> None:
    currency = symbol.removeprefix(CASH_PREFIX)
    if not CURRENCY.fullmatch(currency):
        raise _RowError("ticker", row["ticker"], "unknown_currency", "after CUR: comes a currency of three letters")
    if row["entry_price"] and _number("entry_price", row["entry_price"]) != 1:
        raise _RowError("entry_price", row["entry_price"], "cash_price", "the price of cash is 1 or empty")
    if any(cash.currency == currency for cash in parsed.cash):
        raise _RowError("ticker", row["ticker"], "repeated_cash", f"the balance of {currency} is stated twice")
    amount = _number("quantity", row["quantity"])
    parsed.cash.append(CashRow(line, currency, amount, _date(row["entry_date"])))


def _symbol(text: str) -> str:
    """Give a symbol in the form that marketdata knows: options in their compact OCC form."""
    if not text:
        raise _RowError("ticker", text, "missing", "the ticker is missing")
    compact = "".join(text.removeprefix("O:").split())
    if not SYMBOL.fullmatch(compact):
        raise _RowError("ticker", text, "malformed_symbol", "this cannot be a ticker")
    return compact


def _number(column: str, text: str) -> Decimal:
    if not text:
        raise _RowError(column, text, "missing", f"the {column.replace('_', ' ')} is missing")
    if not NUMBER.fullmatch(text):
        raise _RowError(column, text, "not_a_number", "this is not a number such as 1250.75")
    number = Decimal(text)
    exponent = number.normalize().as_tuple().exponent
    if abs(number) > MAX_AMOUNT or not isinstance(exponent, int) or exponent < -MAX_DECIMALS:
        message = f"the number must not exceed {MAX_AMOUNT:.0E} or have more than {MAX_DECIMALS} decimals"
        raise _RowError(column, text, "out_of_range", message)
    return number


def _date(text: str) -> datetime.date:
    if not text:
        raise _RowError("entry_date", text, "missing", "the date is missing")
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # ISO 8601 has other forms, such as 20221228 and 2022-W52-3
        raise _RowError("entry_date", text, "not_a_date", "this is not a date such as 2022-12-28")
    return day


def _tags(text: str) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(tag.strip() for tag in text.split(";") if tag.strip()))
    if len(tags) > MAX_TAGS:
        raise _RowError("tags", text, "too_many_tags", f"a position has at most {MAX_TAGS} tags, this one {len(tags)}")
    if long := [tag for tag in tags if len(tag) > MAX_TAG_LENGTH]:
        raise _RowError("tags", long[0], "tag_too_long", f"a tag has at most {MAX_TAG_LENGTH} characters")
    return tags


def _repeated(positions: Sequence[PositionRow]) -> list[Issue]:
    first: dict[tuple[str, datetime.date], int] = {}
    warnings = []
    for row in positions:
        seen = first.setdefault((row.symbol, row.entry_date), row.line)
        if seen != row.line:
            message = f"{row.symbol} on {row.entry_date} stands in line {seen} already; both are kept"
            warnings.append(Issue(row.line, "ticker", row.symbol, "repeated_row", message))
    return warnings
