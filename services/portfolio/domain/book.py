"""A portfolio's book: positions, cash, and what of them is there on a given day."""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

Date = datetime.date
MovementKind = Literal["DEPOSIT", "WITHDRAWAL", "DIVIDEND", "FEE", "INTEREST"]


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """What an option contract promises."""

    underlying_symbol: str
    underlying_instrument_id: int
    expiry_date: Date
    right: str
    strike: float
    style: str = ""
    """`AMERICAN` or `EUROPEAN`. Empty: it was entered before that was kept."""


@dataclass(frozen=True, slots=True)
class Position:
    """A signed quantity of one instrument, as the user stated it, or as splits have made it since.

    Where it is saved, and from which revision of the portfolio on it is as it is, are empty until it is.
    """

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
    strategy: str = ""
    portfolio_id: str = ""
    revision: int = 0
    entered: "Position | None" = None
    """What the user stated, where this is what splits have made of it (see `splits`). None: this is what was stated."""

    @property
    def type_name(self) -> str:
        """LONG or SHORT, and for options LC, LP, SC, SP: long or short, call or put."""
        if self.option is None:
            return "LONG" if self.quantity > 0 else "SHORT"
        return ("L" if self.quantity > 0 else "S") + self.option.right

    @property
    def underlying_symbol(self) -> str:
        """Symbol of what moves its price: the underlying's for an option, its own otherwise."""
        return self.option.underlying_symbol if self.option else self.symbol

    @property
    def underlying_instrument_id(self) -> int:
        """The instrument that moves its price."""
        return self.option.underlying_instrument_id if self.option else self.instrument_id

    @property
    def realized_pnl(self) -> Decimal | None:
        """quantity x (exit - entry) x multiplier, in its currency; None while it is open."""
        if self.exit_price is None:
            return None
        return self.quantity * (self.exit_price - self.entry_price) * Decimal(repr(self.multiplier))

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
class CashMovement:
    """Money that came in or went out on a day, other than by a trade; signed as it changed the cash.

    Where it is saved, and in which revision it was stated, are empty until it is.
    """

    movement_id: str
    kind: MovementKind
    currency: str
    amount: Decimal
    movement_date: Date
    symbol: str = ""
    note: str = ""
    portfolio_id: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """A portfolio's contents on one day."""

    positions: tuple[Position, ...]
    closed_positions: tuple[Position, ...]
    cash: tuple[CashBalance, ...]
    movements: tuple[CashMovement, ...] = ()

    @property
    def cash_reason(self) -> str:
        """Why the cash is not known. Empty: it is.

        Proceeds of a short sale and premiums of a written option are in the cash: where none was stated, nobody knows
        what the book is worth. A book of things bought outright simply has none.
        """
        owes = any(position.quantity < 0 for position in self.positions)
        return "cash_unknown" if owes and not self.cash else ""


def book_on(
    day: Date, positions: Sequence[Position], cash: Sequence[CashBalance], movements: Sequence[CashMovement] = ()
) -> Book:
    """Give what is held and what is closed at the close of a day, and the cash then.

    Stated cash holds at its date. At another day the trades and movements in between are undone or applied, in their
    currency. Without a balance they make no cash: nobody knows what there was before them.
    """
    return Book(
        positions=tuple(p for p in positions if p.opened_by(day) and not p.closed_by(day)),
        closed_positions=tuple(p for p in positions if p.opened_by(day) and p.closed_by(day)),
        cash=cash_on(day, positions, cash, movements),
        movements=tuple(movement for movement in movements if movement.movement_date <= day),
    )


def cash_on(
    day: Date, positions: Sequence[Position], cash: Sequence[CashBalance], movements: Sequence[CashMovement]
) -> tuple[CashBalance, ...]:
    """Give the cash at the close of a day, by currency; see `book_on`."""
    return tuple(
        _balance_on(day, stated, (*_trades(stated.currency, positions), *_payments(stated.currency, movements)))
        for stated in cash
    )


def _balance_on(day: Date, stated: CashBalance, flows: Iterable[tuple[Date, Decimal]]) -> CashBalance:
    amount = stated.amount
    for moved, flow in flows:
        if stated.balance_date < moved <= day:
            amount += flow
        elif day < moved <= stated.balance_date:
            amount -= flow
    return replace(stated, amount=amount, balance_date=day)


def _payments(currency: str, movements: Iterable[CashMovement]) -> Iterator[tuple[Date, Decimal]]:
    """Yield each movement of a currency, with its day."""
    return ((movement.movement_date, movement.amount) for movement in movements if movement.currency == currency)


def _trades(currency: str, positions: Iterable[Position]) -> Iterator[tuple[Date, Decimal]]:
    """Yield what each trade in a currency put into the cash, with its day."""
    for position in positions:
        if position.currency != currency:
            continue
        size = position.quantity * Decimal(repr(position.multiplier))
        yield position.entry_date, -size * position.entry_price
        if position.exit_date is not None and position.exit_price is not None:
            yield position.exit_date, size * position.exit_price
