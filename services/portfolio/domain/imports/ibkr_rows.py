"""What both exports of Interactive Brokers say of a position, and which of their rows count.

A position stands once as a summary and, if the account owner asked for it, once more as lots with the time each was
opened. Lots are taken where every one of them says when and together they are the whole position: they say more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from services.portfolio.domain.imports import amounts, days, symbols
from services.portfolio.domain.imports.formats import count_row
from services.portfolio.domain.imports.issues import RowError
from services.portfolio.domain.imports.snapshots import CONTRACT_SIZE, Snapshot, Stated, is_option
from services.portfolio.domain.imports.statements import PositionRow

STOCK_CLASSES = ("stk", "stocks", "fund", "mutual funds")
OPTION_CLASSES = ("opt", "equity and index options")
NO_TIME = ("", "-", "--")


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """A row of open positions, as text."""

    line: int
    account: str
    asset_class: str
    symbol: str
    quantity: str
    cost_price: str
    close_price: str
    multiplier: str
    opened: str
    of_lot: bool


@dataclass(slots=True)
class OpenPositions:
    """Collects rows of open positions, and then tells which of them count."""

    rows: list[OpenPosition] = field(default_factory=list)

    def state(self, snapshot: Snapshot) -> None:
        """Add the positions to what the file says."""
        for _, same in groupby(sorted(self.rows, key=_key), key=_key):
            for row in _counting(list(same)):
                count_row(snapshot.parsed)
                try:
                    _take(snapshot, row)
                except RowError as error:
                    snapshot.parsed.errors.append(error.at(row.line))
        snapshot.parsed.positions.sort(key=lambda position: position.line)


def _key(row: OpenPosition) -> tuple[str, str, str]:
    return row.account, row.asset_class.lower(), row.symbol


def _counting(rows: Sequence[OpenPosition]) -> Sequence[OpenPosition]:
    """Give of one position's rows those that count: its lots, or its summary."""
    lots = [row for row in rows if row.of_lot]
    summaries = [row for row in rows if not row.of_lot]
    if not summaries:
        return lots
    timed = lots and all(lot.opened.strip() not in NO_TIME for lot in lots)
    return lots if timed and _sum(lots) == _sum(summaries) != 0 else summaries


def _sum(rows: Iterable[OpenPosition]) -> Decimal:
    """Give what rows add up to; 0 where one of them states no number."""
    try:
        return sum((amounts.number("quantity", row.quantity) for row in rows), Decimal(0))
    except RowError:
        return Decimal(0)


def _take(snapshot: Snapshot, row: OpenPosition) -> None:
    symbol = _symbol(row)
    if row.opened.strip() in NO_TIME:
        stated = Stated(row.line, symbol, row.quantity, unit_cost=row.cost_price, price=row.close_price)
        snapshot.take(stated)
        return
    snapshot.parsed.positions.append(
        PositionRow(
            line=row.line,
            symbol=symbol,
            quantity=amounts.number("quantity", row.quantity),
            entry_price=amounts.price("cost_price", row.cost_price),
            entry_date=days.stamped("open", row.opened),
        )
    )


def _symbol(row: OpenPosition) -> str:
    known = row.asset_class.lower()
    if known not in STOCK_CLASSES + OPTION_CLASSES:
        message = "only stocks, funds and options on them are taken from this broker"
        raise RowError("asset_class", row.asset_class, "unsupported_asset_class", message)
    symbol = symbols.canonical(row.symbol)
    if known in OPTION_CLASSES and not is_option(symbol):
        raise RowError("ticker", row.symbol, "malformed_symbol", "this cannot be an option contract")
    multiplier = amounts.number_or_none("multiplier", row.multiplier)
    usual = CONTRACT_SIZE if is_option(symbol) else Decimal(1)
    if multiplier not in (None, usual):
        message = f"a contract of {row.multiplier} units is not known; the usual one is of {usual}"
        raise RowError("multiplier", row.multiplier, "unusual_multiplier", message)
    return symbol
