"""What the lines of a broker's statement amount to: positions, and cash.

A broker states no entries. A position is entered at the day of the import, at what was paid for it in all where the
broker knows that, and else at the broker's price. A sweep fund that marketdata does not know counts as cash, a dollar a
share, which is what such a fund is kept at.
"""

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.portfolio.domain import entries
from services.portfolio.domain.book import CashBalance, Position
from services.portfolio.domain.brokerage import BrokerLine
from services.portfolio.domain.cash_map import PREFIX
from services.portfolio.domain.entries import DIVISION, SMALLEST_QUANTITY
from services.portfolio.domain.imports.issues import Issue
from services.portfolio.domain.imports.symbols import CURRENCY, SYMBOL
from services.portfolio.domain.market import Instrument
from services.portfolio.domain.whole_import import WholeImport


@dataclass(frozen=True, slots=True)
class Market:
    """What is known of the market on the day of an import."""

    day: datetime.date
    days: entries.Days
    instruments: Mapping[str, Instrument | str]
    """By symbol, or why there is none."""


def symbols_of(lines: Sequence[BrokerLine]) -> list[str]:
    """Give the symbols that have to be known, each once."""
    found = (symbol_of(line) for line in lines if not line.is_cash)
    return list(dict.fromkeys(symbol for symbol in found if symbol))


def symbol_of(line: BrokerLine) -> str:
    """Give the symbol of a line as marketdata has it. Empty: it has none."""
    symbol = "".join(line.ticker.upper().split())
    return symbol if SYMBOL.fullmatch(symbol) and not symbol.startswith(PREFIX) else ""


def take(lines: Sequence[BrokerLine], market: Market) -> WholeImport:
    """Give the positions and the cash of lines, with what cannot be taken."""
    taken = WholeImport(len(lines))
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for number, line in enumerate(lines, 1):
        found = market.instruments.get(symbol_of(line), "no_symbol")
        if line.is_cash or (line.is_sweep and isinstance(found, str)):
            _take_cash(taken, number, line, amounts)
        elif isinstance(found, str):
            message = f"{line.ticker or line.name} is no instrument that is known"
            taken.errors.append(Issue(number, "ticker", line.ticker, found, message))
        else:
            _take_position(taken, number, line, found, market)
    taken.cash += [CashBalance(currency, amount, market.day) for currency, amount in amounts.items()]
    return taken


def _take_cash(taken: WholeImport, number: int, line: BrokerLine, amounts: dict[str, Decimal]) -> None:
    if not CURRENCY.fullmatch(line.currency):
        message = f"{line.ticker or line.name} is in no currency of ISO 4217"
        taken.errors.append(Issue(number, "currency", line.currency, "unknown_currency", message))
        return
    amounts[line.currency] += line.counted_value
    if line.counted_value != line.value:
        message = f"{line.value - line.counted_value:f} of it stands in a sweep fund, too, and is counted there"
        taken.warnings.append(Issue(number, "ticker", line.ticker, "counted_once", message))
    elif not line.is_cash:
        message = f"{line.ticker or line.name} is a sweep fund that has no prices here: it counts as cash"
        taken.warnings.append(Issue(number, "ticker", line.ticker, "taken_as_cash", message))


def _take_position(taken: WholeImport, number: int, line: BrokerLine, found: Instrument, market: Market) -> None:
    price = _entry_price(line, Decimal(repr(found.multiplier)))
    statement = entries.Statement(symbol_of(line), price, market.day, quantity=line.quantity)
    position = entries.take(statement, found, market.days)
    if isinstance(position, Position):
        taken.positions.append(position)
        message = f"the broker states no entry: it is entered on {market.day}"
        taken.warnings.append(Issue(number, "entry_date", "", "entry_unknown", message))
    else:
        taken.errors += [Issue(number, p.field, p.value, p.reason, p.message) for p in position]


def _entry_price(line: BrokerLine, multiplier: Decimal) -> Decimal:
    """Give what was paid a share, where the broker knows what was paid in all; else its price."""
    if line.cost_basis and line.quantity:
        paid = DIVISION.divide(line.cost_basis, line.quantity * multiplier)
        if paid > 0:
            return DIVISION.quantize(paid, SMALLEST_QUANTITY).normalize()
    return max(line.price, Decimal(0))
