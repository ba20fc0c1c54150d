"""What is kept of an imported file: the rules that a row must pass against the calendar and its instrument."""

import datetime
from dataclasses import dataclass, field

from services.portfolio.domain import entries
from services.portfolio.domain.book import CashBalance, Position
from services.portfolio.domain.entries import Problem, Statement
from services.portfolio.domain.imports.issues import Issue
from services.portfolio.domain.imports.statements import CashRow, PositionRow
from services.portfolio.domain.market import Calendar, Instrument

OLD_YEARS = 5


@dataclass(slots=True)
class Import:
    """What is to be saved of a file, and what is to be said of it."""

    row_count: int
    positions: list[Position] = field(default_factory=list)
    cash: list[CashBalance] = field(default_factory=list)
    errors: list[Issue] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to save."""
        return not (self.positions or self.cash)

    def take_position(self, row: PositionRow, found: Instrument | str, days: "Days") -> None:
        """Keep a row as a position, or say why not.

        Args:
            row: what the file says.
            found: the instrument, or the reason why there is none.
            days: what is known of the days that rows may name.
        """
        taken = entries.take(_statement(row), found, entries.Days(days.today, days.calendar))
        if not isinstance(taken, Position):
            self.errors.append(_issue(row, taken[0]))
            return
        self.positions.append(taken)
        self.warnings += _date_warnings(row, days)

    def take_cash(self, row: CashRow, today: datetime.date) -> None:
        """Keep a row as a cash balance, or say why not."""
        if row.balance_date > today:
            self.errors.append(_future(row.line, row.balance_date))
        else:
            self.cash.append(CashBalance(row.currency, row.amount, row.balance_date))


@dataclass(frozen=True, slots=True)
class Days:
    """What is known of the days that rows may name."""

    today: datetime.date
    newest_sealed: datetime.date
    calendar: Calendar


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


def _statement(row: PositionRow) -> Statement:
    return Statement(row.symbol, row.entry_price, row.entry_date, quantity=row.quantity, tags=row.tags)
