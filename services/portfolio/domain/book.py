"""A portfolio's book: positions, cash, and what of them is there on a given day."""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

Date = datetime.date


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """What an option contract promises."""

    underlying_symbol: str
    underlying_instrument_id: int
    expiry_date: Date
    right: str
    strike: float


@dataclass(frozen=True, slots=True)
class Position:
    """A signed quantity of one instrument, as the user stated it."""

    position_id: str
    symbol: str
    instrument_id: int
    quantity: Decimal
    entry_price: Decimal
    entry_date: Date
    currency: str
    multiplier: float
    tags: tuple[str, ...] = ()
    exit_date: Date | None = None
    exit_price: Decimal | None = None
    option: OptionTerms | None = None

    @property
    def type_name(self) -> str:
        """LONG or SHORT, and for options LC, LP, SC, SP: long or short, call or put."""
        if self.option is None:
            return "LONG" if self.quantity > 0 else "SHORT"
        return ("L" if self.quantity > 0 else "S") + self.option.right

    def opened_by(self, day: Date) -> bool:
        """Whether it had been entered at the close of a day."""
        return self.entry_date <= day

    def closed_by(self, day: Date) -> bool:
        """Whether it had been closed at the close of a day."""
        return self.exit_date is not None and self.exit_date <= day


@dataclass(frozen=True, slots=True)
class CashBalance:
    """A stated amount of one currency; it holds at its date."""

    currency: str
    amount: Decimal
    balance_date: Date


@dataclass(frozen=True, slots=True)
class Book:
    """A portfolio's contents on one day."""

    positions: tuple[Position, ...]
    closed_positions: tuple[Position, ...]
    cash: tuple[CashBalance, ...]

    @property
    def cash_reason(self) -> str:
        """Why the cash is not known. Empty: it is.

        Proceeds of a short sale and premiums of a written option are in the cash: where none was stated, nobody knows
        what the book is worth. A book of things bought outright simply has none.
        """
        owes = any(position.quantity < 0 for position in self.positions)
        return "cash_unknown" if owes and not self.cash else ""


def book_on(day: Date, positions: Sequence[Position], cash: Sequence[CashBalance]) -> Book:
    """Give what is held and what is closed at the close of a day, and the cash then.

    Stated cash holds at its date. At another day the trades in between are undone or applied, in their currency.
    """
    return Book(
        positions=tuple(p for p in positions if p.opened_by(day) and not p.closed_by(day)),
        closed_positions=tuple(p for p in positions if p.opened_by(day) and p.closed_by(day)),
        cash=tuple(_cash_on(day, balance, positions) for balance in cash),
    )


def _cash_on(day: Date, stated: CashBalance, positions: Iterable[Position]) -> CashBalance:
    amount = stated.amount
    for traded, flow in _flows(stated.currency, positions):
        if stated.balance_date < traded <= day:
            amount += flow
        elif day < traded <= stated.balance_date:
            amount -= flow
    return replace(stated, amount=amount, balance_date=day)


def _flows(currency: str, positions: Iterable[Position]) -> Iterator[tuple[Date, Decimal]]:
    """Yield what each trade in a currency put into the cash, with its day."""
    for position in positions:
        if position.currency != currency:
            continue
        size = position.quantity * Decimal(repr(position.multiplier))
        yield position.entry_date, -size * position.entry_price
        if position.exit_date is not None and position.exit_price is not None:
            yield position.exit_date, size * position.exit_price
