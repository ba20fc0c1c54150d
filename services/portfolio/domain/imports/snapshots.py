"""What the positions files of brokers have in common: they say what was there on a day, and not since when.

Such a position counts as entered on the day of the file, at what it cost on average. Where the broker does not know
what it cost, at its price on that day: gains before that day are then in no figure, rather than in a wrong one.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal

from services.portfolio.domain.imports import amounts, days
from services.portfolio.domain.imports.issues import Issue, RowError
from services.portfolio.domain.imports.statements import CashRow, ParsedFile, PositionRow

CONTRACT_SIZE = Decimal(100)
SMALLEST_PRICE = Decimal("1E-8")
DIVISION = Context(prec=40, rounding=ROUND_HALF_EVEN)
OPTION_TAIL = 15


@dataclass(frozen=True, slots=True)
class Stated:
    """What a broker says of a position, as text; what it says nothing of is empty."""

    line: int
    symbol: str
    quantity: str
    cost: str = ""
    """What all of it cost."""
    unit_cost: str = ""
    """What a share cost, or the contract per share."""
    price: str = ""
    """What a share is worth on the day of the file."""


@dataclass(slots=True)
class Snapshot:
    """Collects what a file says of its day."""

    parsed: ParsedFile
    day: datetime.date | None
    balances: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    """By currency: the line of the first balance, and the sum over the accounts in the file."""

    def take(self, stated: Stated) -> None:
        """Add a position.

        Raises:
            RowError: it cannot be taken.
        """
        quantity = amounts.number("quantity", stated.quantity)
        if quantity == 0:
            raise RowError("quantity", stated.quantity, "zero_quantity", "the quantity must not be 0")
        price = self._entry_price(stated, quantity)
        day = self._day()
        self.parsed.positions.append(PositionRow(stated.line, stated.symbol, quantity, price, day, entry_known=False))

    def take_cash(self, line: int, currency: str, text: str, column: str) -> None:
        """Add a balance to what there is in its currency.

        Raises:
            RowError: it is none.
        """
        amount = amounts.number_or_none(column, text)
        if amount is not None:
            self._day()
            first, sum_before = self.balances.get(currency, (line, Decimal(0)))
            self.balances[currency] = (first, sum_before + amount)

    def close(self) -> ParsedFile:
        """Give what was collected, with what has to be said of the file as a whole."""
        day = self.day
        if day is not None:
            self.parsed.cash += [CashRow(line, name, amount, day) for name, (line, amount) in self.balances.items()]
        if any(not row.entry_known for row in self.parsed.positions):
            message = f"the file does not say when positions were entered: they count from its day, {day}, on"
            self.parsed.warnings.append(Issue(0, "entry_date", f"{day}", "entry_date_assumed", message))
        return self.parsed

    def _day(self) -> datetime.date:
        if self.day is None:
            message = "neither the row nor the file says of which day it is: send entry_date with the file"
            raise RowError("entry_date", "", "missing", message)
        return self.day

    def _entry_price(self, stated: Stated, quantity: Decimal) -> Decimal:
        size = CONTRACT_SIZE if is_option(stated.symbol) else Decimal(1)
        if (cost := _known("cost_basis", stated.cost)) is not None:
            return _rounded(abs(DIVISION.divide(cost, quantity * size)))
        if (unit_cost := _known("cost_basis", stated.unit_cost)) is not None:
            return _rounded(abs(unit_cost))
        price = _known("price", stated.price)
        if price is None:
            message = "the file knows neither what the position cost nor what it is worth"
            raise RowError("cost_basis", stated.cost or stated.unit_cost, "no_cost_basis", message)
        message = f"the file does not know what {stated.symbol} cost: its price of that day counts as the entry price"
        self.parsed.warnings.append(Issue(stated.line, "cost_basis", stated.cost, "no_cost_basis", message))
        return _rounded(abs(price))


def is_option(symbol: str) -> bool:
    """Say whether a canonical symbol is an option's."""
    return len(symbol) > OPTION_TAIL and symbol[-8:].isdigit() and symbol[-9] in "CP" and symbol[-15:-9].isdigit()


def day_of(texts: Iterable[str], otherwise: datetime.date | None) -> datetime.date | None:
    """Give the day that the texts around a table mention, or another."""
    mentioned = (days.mentioned(text) for text in texts)
    return next((day for day in mentioned if day), otherwise)


def _known(column: str, text: str) -> Decimal | None:
    return None if text.strip().lower() == "incomplete" else amounts.number_or_none(column, text)


def _rounded(price: Decimal) -> Decimal:
    return amounts.tidy(DIVISION.quantize(price, SMALLEST_PRICE))
