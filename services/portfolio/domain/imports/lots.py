"""Positions rebuilt from trades: what was bought first is sold first.

Every purchase is a lot. A sale closes lots from the oldest on, and splits the last of them if it must; what is never
sold stays open. Sales and purchases with the other sign, of options that were written, work the same way round.
"""

import datetime
from collections import deque
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal

from services.portfolio.domain.imports.amounts import tidy

Date = datetime.date
ARITHMETIC = Context(prec=40, rounding=ROUND_HALF_EVEN)
SMALLEST = Decimal("1E-8")


@dataclass(frozen=True, slots=True)
class Lot:
    """A signed quantity with its entry and, once it is closed, its exit."""

    line: int
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    entry_date: Date
    exit_price: Decimal | None = None
    exit_date: Date | None = None


class NothingToClose(Exception):
    """More is closed than was opened: so much of it."""

    def __init__(self, excess: Decimal) -> None:
        super().__init__(f"{excess}")
        self.excess = excess


@dataclass(slots=True)
class Ledger:
    """The lots of all symbols, open and closed."""

    closed: list[Lot] = field(default_factory=list)
    _open: dict[tuple[str, bool], deque[Lot]] = field(default_factory=dict)

    def open(self, lot: Lot) -> None:
        """Add a lot."""
        self._open.setdefault((lot.symbol, lot.quantity > 0), deque()).append(lot)

    def held(self, symbol: str, *, long: bool) -> Decimal:
        """Give what is open of a symbol on a side; without a sign."""
        return abs(sum((lot.quantity for lot in self._open.get((symbol, long), ())), Decimal(0)))

    def close(self, symbol: str, size: Decimal, price: Decimal, day: Date, *, long: bool) -> None:
        """Close lots of a symbol, oldest first.

        Args:
            symbol: of what.
            size: how much; without a sign.
            price: at which price.
            day: when.
            long: whether what was owned is sold; otherwise what is owed is bought back.

        Raises:
            NothingToClose: fewer are open; those are closed.
        """
        lots = self._open.get((symbol, long), deque())
        while size > 0 and lots:
            lot = lots.popleft()
            part = min(abs(lot.quantity), size)
            signed = part if long else -part
            self.closed.append(replace(lot, quantity=signed, exit_price=price, exit_date=max(day, lot.entry_date)))
            if part < abs(lot.quantity):
                lots.appendleft(replace(lot, quantity=lot.quantity - signed))
            size -= part
        if size > 0:
            raise NothingToClose(size)

    def split(self, symbol: str, received: Decimal) -> bool:
        """Spread shares that a split brought over the lots of a symbol, at the same cost; say whether there are any."""
        lots = self._open.get((symbol, True), deque())
        before = self.held(symbol, long=True)
        if not before or before + received <= 0:
            return False
        factor = ARITHMETIC.divide(before + received, before)
        for place, lot in enumerate(lots):
            lots[place] = replace(
                lot,
                quantity=_rounded(ARITHMETIC.multiply(lot.quantity, factor)),
                entry_price=_rounded(ARITHMETIC.divide(lot.entry_price, factor)),
            )
        return True

    def everything(self) -> list[Lot]:
        """Give every lot in the order of its entry."""
        still_open = (lot for lots in self._open.values() for lot in lots)
        return sorted([*self.closed, *still_open], key=lambda lot: (lot.entry_date, -lot.line))


def _rounded(number: Decimal) -> Decimal:
    return tidy(ARITHMETIC.quantize(number, SMALLEST))
