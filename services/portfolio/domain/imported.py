"""What is kept of an imported file: the rules that a row must pass against the calendar and its instrument."""

import datetime
import uuid
from dataclasses import dataclass, field

from services.portfolio.domain.book import CashBalance, Position
from services.portfolio.domain.market import Calendar, Instrument
from services.portfolio.domain.positions_csv import CashRow, Issue, PositionRow

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
        problem = _date_problem(row, days) or _instrument_problem(row, found)
        if problem or isinstance(found, str):
            self.errors += [problem] if problem else []
            return
        self.positions.append(_position(row, found))
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


def _date_problem(row: PositionRow, days: Days) -> Issue | None:
    calendar = days.calendar
    if row.entry_date > days.today:
        return _future(row.line, row.entry_date)
    known = calendar.first_date <= row.entry_date <= calendar.last_date
    if known and row.entry_date not in calendar.sessions:
        message = f"the exchange was closed on {row.entry_date:%A, %Y-%m-%d}"
        return Issue(row.line, "entry_date", str(row.entry_date), "market_closed", message)
    return None


def _future(line: int, day: datetime.date) -> Issue:
    return Issue(line, "entry_date", str(day), "date_in_future", f"{day} has not come yet")


def _instrument_problem(row: PositionRow, instrument: Instrument | str) -> Issue | None:
    if isinstance(instrument, str):
        return Issue(row.line, "ticker", row.symbol, instrument, f"no instrument {row.symbol} is known")
    if instrument.kind == "INDEX":
        message = f"{row.symbol} is an index: it has levels and cannot be owned"
        return Issue(row.line, "ticker", row.symbol, "not_tradable", message)
    if instrument.option is None:
        return None
    if row.quantity != row.quantity.to_integral_value():
        message = "options are owned in whole contracts"
        return Issue(row.line, "quantity", f"{row.quantity}", "fractional_contracts", message)
    if instrument.option.expiry_date < row.entry_date:
        message = f"the contract expired on {instrument.option.expiry_date}, before the entry"
        return Issue(row.line, "entry_date", str(row.entry_date), "after_expiry", message)
    return None


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


def _position(row: PositionRow, instrument: Instrument) -> Position:
    option = instrument.option
    return Position(
        position_id=str(uuid.uuid4()),
        symbol=row.symbol,
        instrument_id=instrument.instrument_id,
        quantity=row.quantity,
        entry_price=row.entry_price,
        entry_date=row.entry_date,
        currency=instrument.currency,
        multiplier=instrument.multiplier,
        tags=row.tags,
        option=option,
    )
