"""What a position must satisfy to be entered or changed, whether it comes in a file or in a call."""

import datetime
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from services.portfolio.domain.book import Position
from services.portfolio.domain.market import Calendar, Instrument

Date = datetime.date
SMALLEST_QUANTITY = Decimal("1E-12")
DIVISION = Context(prec=40, rounding=ROUND_HALF_EVEN)
ROUND_THE_CLOCK = {"CRYPTO", "PRIVATE"}
"""Kinds of instruments that change hands on days when the exchange is closed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that a position breaks: the field, what was found there, why it is wrong in snake case and in words."""

    field: str
    value: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Days:
    """What is known of the days that a position may name."""

    today: Date
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Statement:
    """A position as its owner states it: so many shares or contracts, or for so much money."""

    symbol: str
    entry_price: Decimal
    entry_date: Date
    quantity: Decimal | None = None
    amount: Decimal | None = None
    exit_date: Date | None = None
    exit_price: Decimal | None = None
    tags: tuple[str, ...] = ()
    strategy: str = ""


def take(statement: Statement, found: Instrument | str, days: Days) -> Position | list[Problem]:
    """Give the position that a statement means, or everything that is wrong with it.

    Args:
        statement: what the owner says.
        found: its instrument, or the reason why there is none.
        days: what is known of the days that it may name.
    """
    if isinstance(found, str):
        return [Problem("symbol", statement.symbol, found, f"no instrument {statement.symbol} is known")]
    if statement.quantity is None and not statement.entry_price:
        message = "an amount says no quantity where the entry price is 0"
        return [Problem("amount", f"{statement.amount}", "no_entry_price", message)]
    position = _position(statement, found)
    problems = [*instrument_problems(found, statement.symbol), *state_problems(position)]
    for field, day in (("entry_date", position.entry_date), ("exit_date", position.exit_date)):
        problems += [problem] if day and (problem := day_problem(field, day, found.kind, days)) else []
    return problems or position


def change(position: Position, sent: Mapping[str, Any]) -> Position:
    """Give a position with what was sent in place of what was there; one that is open again has no exit price."""
    changed = replace(position, **sent)
    reopened = "exit_date" in sent and changed.exit_date is None and "exit_price" not in sent
    return replace(changed, exit_price=None) if reopened else changed


def instrument_problems(instrument: Instrument, symbol: str) -> Iterator[Problem]:
    """Yield why an instrument cannot be owned."""
    if instrument.kind == "INDEX":
        message = f"{symbol} is an index: it has levels and cannot be owned"
        yield Problem("symbol", symbol, "not_tradable", message)


def day_problem(field: str, day: Date, kind: str, days: Days) -> Problem | None:
    """Say what is wrong with a day of entry or exit, for an instrument of a kind."""
    calendar = days.calendar
    if day > days.today:
        return Problem(field, str(day), "date_in_future", f"{day} has not come yet")
    known = calendar.first_date <= day <= calendar.last_date
    if known and day not in calendar.sessions and kind not in ROUND_THE_CLOCK:
        return Problem(field, str(day), "market_closed", f"the exchange was closed on {day:%A, %Y-%m-%d}")
    return None


def state_problems(position: Position) -> Iterator[Problem]:
    """Yield what contradicts itself in a position."""
    quantity, exit_date, option = position.quantity, position.exit_date, position.option
    if abs(quantity) < SMALLEST_QUANTITY:
        yield Problem("quantity", f"{quantity}", "zero_quantity", f"the quantity is below {SMALLEST_QUANTITY}")
    if exit_date is not None and exit_date < position.entry_date:
        message = f"the exit is before the entry on {position.entry_date}"
        yield Problem("exit_date", str(exit_date), "exit_before_entry", message)
    if exit_date is not None and position.exit_price is None:
        yield Problem("exit_price", "", "missing", "an exit date comes with an exit price")
    if exit_date is None and position.exit_price is not None:
        yield Problem("exit_date", "", "missing", "an exit price comes with an exit date")
    if option and quantity != quantity.to_integral_value():
        yield Problem("quantity", f"{quantity}", "fractional_contracts", "options are owned in whole contracts")
    if option and option.expiry_date < position.entry_date:
        message = f"the contract expired on {option.expiry_date}, before the entry"
        yield Problem("entry_date", str(position.entry_date), "after_expiry", message)


def _position(statement: Statement, instrument: Instrument) -> Position:
    return Position(
        position_id=str(uuid.uuid4()),
        symbol=statement.symbol,
        instrument_id=instrument.instrument_id,
        quantity=_quantity(statement, instrument.multiplier),
        entry_price=statement.entry_price,
        entry_date=statement.entry_date,
        currency=instrument.currency,
        multiplier=instrument.multiplier,
        tags=statement.tags,
        exit_date=statement.exit_date,
        exit_price=statement.exit_price,
        option=instrument.option,
        strategy=statement.strategy,
    )


def _quantity(statement: Statement, multiplier: float) -> Decimal:
    if statement.quantity is not None:
        return statement.quantity
    assert statement.amount is not None
    price_of_one = statement.entry_price * Decimal(repr(multiplier))
    return DIVISION.quantize(DIVISION.divide(statement.amount, price_of_one), SMALLEST_QUANTITY).normalize()
