"""The two templates: five columns for a quick start, twelve for options and closed positions.

The twelve are those of the SigmaSight template, with its names: four of them are needed. Both take three columns more,
`tags`, `strategy` and `note`: so an exported portfolio comes back as it was. In rows of class CASH a ticker such as
`CUR:USD` states a balance, or with a subtype such as DEPOSIT a movement.
"""

from collections.abc import Sequence
from dataclasses import replace

from services.portfolio.domain.book import MovementKind
from services.portfolio.domain.cell_text import unguarded
from services.portfolio.domain.imports import amounts, days, symbols
from services.portfolio.domain.imports.formats import Format, Record, Table, count_row, one_of, plain
from services.portfolio.domain.imports.issues import Issue, RowError, listed, malformed
from services.portfolio.domain.imports.statements import CashRow, Date, MovementRow, ParsedFile, PositionRow

MAX_TAGS = 20
MAX_TAG_LENGTH = 50
SEPARATOR = ";"
ALIASES = {
    "ticker": ("ticker", "symbol"),
    "quantity": ("quantity", "qty"),
    "entry_price": ("entry price", "price", "entry price per share"),
    "entry_date": ("entry date", "trade date"),
    "tags": ("tags",),
    "investment_class": ("investment class",),
    "investment_subtype": ("investment subtype",),
    "underlying_symbol": ("underlying symbol",),
    "strike_price": ("strike price",),
    "expiration_date": ("expiration date",),
    "option_type": ("option type",),
    "exit_date": ("exit date",),
    "exit_price": ("exit price per share", "exit price"),
    "strategy": ("strategy",),
    "note": ("note",),
}
COLUMN_OF = {alias: column for column, aliases in ALIASES.items() for alias in aliases}
TERMS = ("underlying_symbol", "strike_price", "expiration_date", "option_type")
CLASSES = ("PUBLIC", "OPTIONS", "PRIVATE", "CASH")
MAX_NOTE_LENGTH = 500
MOVEMENT_SIGNS: dict[MovementKind, int] = {"DEPOSIT": 1, "WITHDRAWAL": -1, "DIVIDEND": 0, "FEE": -1, "INTEREST": 0}
"""What a movement does to the cash; 0 is either."""
RIGHTS = {"C": "C", "CALL": "C", "P": "P", "PUT": "P"}


def read(table: Table) -> ParsedFile:
    """Read a file in one of the templates."""
    columns, ignored = _columns(table)
    parsed = ParsedFile(warnings=ignored)
    for line, cells in table.body():
        count_row(parsed)
        row = {column: cells[place] if place < len(cells) else "" for column, place in columns.items()}
        try:
            _read_row(parsed, line, row)
        except RowError as error:
            parsed.errors.append(error.at(line))
    parsed.warnings += _repeated(parsed.positions)
    return parsed


FIVE_COLUMNS = Format(
    "five_columns",
    "the template of five columns",
    tuple(one_of(*ALIASES[column]) for column in ("ticker", "quantity", "entry_price", "entry_date")),
    read,
)
TWELVE_COLUMNS = Format(
    "twelve_columns",
    "the template of twelve columns",
    (*FIVE_COLUMNS.needed[:2], one_of("entry price per share"), one_of("entry date"), one_of("investment class")),
    read,
)


def _columns(table: Table) -> tuple[dict[str, int], list[Issue]]:
    """Give the place of each known column, and a warning for each that is ignored."""
    columns: dict[str, int] = {}
    ignored = []
    for place, name in enumerate(table.header):
        column = COLUMN_OF.get(plain(name))
        if column is None:
            message = f"the column {name!r} is ignored"
            ignored.append(Issue(table.header_line, name, "", "unknown_column", message))
        elif column in columns:
            raise malformed(f"the header names {column} twice: {listed(table.header)}", table.header_line)
        else:
            columns[column] = place
    return columns, ignored


def _read_row(parsed: ParsedFile, line: int, row: Record) -> None:
    stated_class = _class(row.get("investment_class", ""))
    if row["ticker"].upper().startswith(symbols.CASH_PREFIX):
        _read_cash(parsed, line, row)
        return
    if stated_class == "CASH":
        raise RowError("ticker", row["ticker"], "unknown_currency", "the ticker of cash is CUR: and its currency")
    position = PositionRow(
        line=line,
        symbol=_symbol(row, stated_class),
        quantity=amounts.number("quantity", row["quantity"]),
        entry_price=amounts.price("entry_price", row["entry_price"]),
        entry_date=days.iso("entry_date", row["entry_date"]),
        tags=_tags(row.get("tags", "")),
        exit_date=_exit_date(row.get("exit_date", "")),
        exit_price=amounts.price("exit_price", price) if (price := row.get("exit_price", "")) else None,
        strategy=_text("strategy", row.get("strategy", ""), MAX_TAG_LENGTH),
        stated_class=stated_class,
    )
    if position.quantity == 0:
        raise RowError("quantity", row["quantity"], "zero_quantity", "the quantity must not be 0")
    if position.entry_price == 0:
        message = "the entry price is 0: the whole value counts as gain"
        parsed.warnings.append(Issue(line, "entry_price", row["entry_price"], "zero_price", message))
    parsed.positions.append(position)


def _read_cash(parsed: ParsedFile, line: int, row: Record) -> None:
    currency = row["ticker"].upper().removeprefix(symbols.CASH_PREFIX)
    if not symbols.CURRENCY.fullmatch(currency):
        raise RowError("ticker", row["ticker"], "unknown_currency", "after CUR: comes a currency of three letters")
    if row["entry_price"] and amounts.number("entry_price", row["entry_price"]) != 1:
        raise RowError("entry_price", row["entry_price"], "cash_price", "the price of cash is 1 or empty")
    amount = amounts.number("quantity", row["quantity"])
    day = days.iso("entry_date", row["entry_date"])
    if kind := row.get("investment_subtype", ""):
        parsed.movements.append(_movement(kind, row, MovementRow(line, "DEPOSIT", currency, amount, day)))
        return
    if any(cash.currency == currency for cash in parsed.cash):
        raise RowError("ticker", row["ticker"], "repeated_cash", f"the balance of {currency} is stated twice")
    parsed.cash.append(CashRow(line, currency, amount, day))


def _movement(text: str, row: Record, stated: MovementRow) -> MovementRow:
    kind = next((known for known in MOVEMENT_SIGNS if known == text.upper()), None)
    if kind is None:
        message = f"a movement of cash is one of {', '.join(MOVEMENT_SIGNS)}"
        raise RowError("investment_subtype", text, "unknown_movement", message)
    if stated.amount == 0 or stated.amount * MOVEMENT_SIGNS[kind] < 0:
        message = f"the amount of a {kind.lower()} is {'below' if MOVEMENT_SIGNS[kind] < 0 else 'above'} 0"
        raise RowError("quantity", row["quantity"], "wrong_sign" if stated.amount else "zero_quantity", message)
    symbol = row.get("underlying_symbol", "")
    return replace(
        stated,
        kind=kind,
        symbol=symbols.canonical(symbol, "underlying_symbol") if symbol else "",
        note=_text("note", row.get("note", ""), MAX_NOTE_LENGTH),
    )


def _class(text: str) -> str:
    if text and text.upper() not in CLASSES:
        raise RowError("investment_class", text, "unknown_class", f"the class is one of {', '.join(CLASSES)}, or empty")
    return text.upper()


def _symbol(row: Record, stated_class: str) -> str:
    """Give the symbol; that of an option also from its terms, which must then say the same."""
    symbol = symbols.canonical(row["ticker"])
    terms = {column: row.get(column, "") for column in TERMS}
    if stated_class != "OPTIONS" or not any(terms.values()):
        return symbol
    if absent := [column for column, text in terms.items() if not text]:
        raise RowError(absent[0], "", "missing", f"the terms of an option need the {absent[0].replace('_', ' ')} too")
    option = _option(terms)
    if symbol not in (option, symbols.canonical(terms["underlying_symbol"])):
        message = f"the terms are those of {option}, and the symbol is another"
        raise RowError("ticker", row["ticker"], "terms_differ", message)
    return option


def _option(terms: Record) -> str:
    right = RIGHTS.get(terms["option_type"].upper())
    if right is None:
        raise RowError("option_type", terms["option_type"], "unknown_option_type", "the option type is CALL or PUT")
    strike = amounts.price("strike_price", terms["strike_price"])
    underlying = symbols.canonical(terms["underlying_symbol"], "underlying_symbol")
    found = symbols.occ(underlying, days.iso("expiration_date", terms["expiration_date"]), right, strike)
    if found is None:
        message = "a strike is positive, below 100000, and has at most three decimals"
        raise RowError("strike_price", terms["strike_price"], "impossible_strike", message)
    return found


def _exit_date(text: str) -> Date | None:
    return days.iso("exit_date", text) if text else None


def _text(column: str, text: str, longest: int) -> str:
    free = unguarded(text).strip()
    if len(free) > longest:
        raise RowError(column, text, "too_long", f"the {column} has at most {longest} characters")
    return free


def _tags(text: str) -> tuple[str, ...]:
    text = unguarded(text)
    tags = tuple(dict.fromkeys(tag.strip() for tag in text.split(SEPARATOR) if tag.strip()))
    if len(tags) > MAX_TAGS:
        raise RowError("tags", text, "too_many_tags", f"a position has at most {MAX_TAGS} tags, this one {len(tags)}")
    if long := [tag for tag in tags if len(tag) > MAX_TAG_LENGTH]:
        raise RowError("tags", long[0], "tag_too_long", f"a tag has at most {MAX_TAG_LENGTH} characters")
    return tags


def _repeated(positions: Sequence[PositionRow]) -> list[Issue]:
    first: dict[tuple[str, Date], int] = {}
    warnings = []
    for row in positions:
        seen = first.setdefault((row.symbol, row.entry_date), row.line)
        if seen != row.line:
            message = f"{row.symbol} on {row.entry_date} stands in line {seen} already; both are kept"
            warnings.append(Issue(row.line, "ticker", row.symbol, "repeated_row", message))
    return warnings
