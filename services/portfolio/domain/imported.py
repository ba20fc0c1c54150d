"""What is kept of an imported file: the rules that a row must pass against the calendar and its instrument."""

import datetime
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.portfolio.domain import entries
from services.portfolio.domain.book import CashBalance, CashMovement, Position
from services.portfolio.domain.entries import Problem, Statement
from services.portfolio.domain.imports.amounts import tidy
from services.portfolio.domain.imports.issues import Issue
from services.portfolio.domain.imports.statements import CashRow, MovementRow, PositionRow
from services.portfolio.domain.market import Calendar, Instrument

OLD_YEARS = 5
LONGEST_CLOSURE = datetime.timedelta(days=14)
"""Of the exchange; longer than any that was."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A row that became a position."""

    line: int
    position: Position
    instrument: Instrument
    entry_known: bool
    """Whether the file says when it was entered."""

    @property
    def investment_class(self) -> str:
        """PUBLIC, OPTIONS or PRIVATE, by what marketdata knows of the instrument."""
        return class_of(self.instrument.kind)

    @property
    def row_hash(self) -> bytes:
        """What makes two rows the same: the instrument, how much of it, and the trades that they state.

        A day of entry that nobody stated is no part of it: the same position stands in tomorrow's file too.
        """
        p = self.position
        day = p.entry_date if self.entry_known else ""
        exit_price = "" if p.exit_price is None else tidy(p.exit_price)
        return _hashed(p.instrument_id, tidy(p.quantity), tidy(p.entry_price), day, p.exit_date or "", exit_price)


@dataclass(frozen=True, slots=True)
class TakenMovement:
    """A row that became a movement of cash."""

    line: int
    movement: CashMovement

    @property
    def row_hash(self) -> bytes:
        """What makes two rows the same: everything that they state, the note left out."""
        m = self.movement
        return _hashed(m.kind, m.currency, tidy(m.amount), m.movement_date, m.symbol)


@dataclass(slots=True)
class Import:
    """What is to be saved of a file, and what is to be said of it."""

    row_count: int
    format: str = ""
    positions: list[Position] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    """The same positions, each with the row that states it; empty where they come from no rows."""
    cash: list[CashBalance] = field(default_factory=list)
    movements: list[TakenMovement] = field(default_factory=list)
    errors: list[Issue] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to save."""
        return not (self.positions or self.cash or self.movements)

    @property
    def good_count(self) -> int:
        """How many rows are to be saved."""
        return len(self.positions) + len(self.cash) + len(self.movements)

    def take_positions(self, rows: Iterable[PositionRow], found: Mapping[str, Instrument | str], days: "Days") -> None:
        """Keep rows as positions, or say why not; the instruments come by symbol."""
        for row in rows:
            self.take_position(row, found[row.symbol], days)

    def take_position(self, row: PositionRow, found: Instrument | str, days: "Days") -> None:
        """Keep a row as a position, or say why not.

        Args:
            row: what the file says.
            found: the instrument, or the reason why there is none.
            days: what is known of the days that rows may name.
        """
        taken = entries.take(_statement(row, days), found, entries.Days(days.today, days.calendar))
        if isinstance(taken, Position) and isinstance(found, Instrument):
            self.positions.append(taken)
            self.taken.append(Taken(row.line, taken, found, row.entry_known))
            self.warnings += [*_date_warnings(row, days), *_class_warnings(row, found)]
        elif isinstance(taken, list):
            self.errors.append(_issue(row, taken[0]))

    def take_cash(self, row: CashRow, today: datetime.date) -> None:
        """Keep a row as a cash balance, or say why not."""
        if row.balance_date > today:
            self.errors.append(_future(row.line, row.balance_date))
        else:
            self.cash.append(CashBalance(row.currency, row.amount, row.balance_date))

    def take_movement(self, row: MovementRow, today: datetime.date) -> None:
        """Keep a row as a movement of cash, or say why not."""
        if row.movement_date > today:
            self.errors.append(_future(row.line, row.movement_date))
            return
        day, symbol = row.movement_date, row.symbol
        movement = CashMovement(str(uuid.uuid4()), row.kind, row.currency, row.amount, day, symbol, row.note)
        self.movements.append(TakenMovement(row.line, movement))


@dataclass(frozen=True, slots=True)
class Days:
    """What is known of the days that rows may name."""

    today: datetime.date
    newest_sealed: datetime.date
    calendar: Calendar

    def session_by(self, day: datetime.date) -> datetime.date:
        """Give the last session up to a day; the day itself where the calendar does not reach."""
        for back in range(LONGEST_CLOSURE.days):
            earlier = day - datetime.timedelta(days=back)
            if earlier in self.calendar.sessions:
                return earlier
        return day


def _hashed(*parts: object) -> bytes:
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()[:16]


def class_of(kind: str) -> str:
    """Give the class of investment that a kind of instrument is in."""
    return {"OPTION": "OPTIONS", "PRIVATE": "PRIVATE"}.get(kind, "PUBLIC")


def _issue(row: PositionRow, problem: Problem) -> Issue:
    field = "ticker" if problem.field == "symbol" else problem.field
    return Issue(row.line, field, problem.value, problem.reason, problem.message)


def _future(line: int, day: datetime.date) -> Issue:
    return Issue(line, "entry_date", str(day), "date_in_future", f"{day} has not come yet")


def _date_warnings(row: PositionRow, days: Days) -> list[Issue]:
    warnings = []
    if row.entry_date > days.newest_sealed:
        message = f"market data ends on {days.newest_sealed}: the position joins when a session reaches its entry"
        warnings.append(("after_newest_session", message))
    if row.entry_date < days.calendar.first_date:
        warnings.append(
            ("before_calendar", f"the calendar begins on {days.calendar.first_date}: the day is not checked")
        )
    if days.today.year - row.entry_date.year > OLD_YEARS:
        warnings.append(("old_date", f"the entry is more than {OLD_YEARS} years ago"))
    return [Issue(row.line, "entry_date", str(row.entry_date), reason, message) for reason, message in warnings]


def _class_warnings(row: PositionRow, found: Instrument) -> list[Issue]:
    known = class_of(found.kind)
    if row.stated_class in ("", known):
        return []
    message = f"{row.symbol} is known as {known}, and counts as that"
    return [Issue(row.line, "investment_class", row.stated_class, "class_differs", message)]


def _statement(row: PositionRow, days: Days) -> Statement:
    return Statement(
        row.symbol,
        row.entry_price,
        row.entry_date if row.entry_known else days.session_by(row.entry_date),
        quantity=row.quantity,
        exit_date=row.exit_date,
        exit_price=row.exit_price,
        tags=row.tags,
        strategy=row.strategy,
    )
