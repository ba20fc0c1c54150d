"""Importing a file of positions: what the file says, checked against the calendar and the instruments, and saved.

Good rows are saved in one transaction; bad rows are reported with their line; a file that cannot be read saves nothing.
"""

import asyncio
import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from services.portfolio.domain import positions_csv
from services.portfolio.domain.book import CashBalance, Position
from services.portfolio.domain.positions_csv import Issue, PositionRow
from services.portfolio.ports import Calendar, Clock, Instrument, MarketData

EXCHANGE_ZONE = ZoneInfo("America/New_York")
OLD_YEARS = 5
CALENDAR_REACH = datetime.timedelta(days=365 * 40)
"""How far back days are checked against the calendar; a typing error must not ask for centuries."""


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


class Importer:
    """Turns files into positions that can be saved."""

    def __init__(self, marketdata: MarketData, clock: Clock) -> None:
        self._marketdata = marketdata
        self._clock = clock

    async def read(self, content: bytes) -> Import:
        """Read a file and check every row of it.

        Raises:
            InvalidRequest: the file cannot be read as a whole.
            FailedPrecondition: marketdata has no session yet, so no date can be checked.
        """
        # Ten thousand rows take a tenth of a second: not on the event loop.
        parsed = await asyncio.to_thread(positions_csv.parse, content)
        today = self._clock().astimezone(EXCHANGE_ZONE).date()
        result = Import(parsed.row_count, errors=parsed.errors, warnings=parsed.warnings)
        await self._check_positions(result, parsed.positions, today)
        for row in parsed.cash:
            if row.balance_date > today:
                result.errors.append(_future(row.line, row.balance_date))
            else:
                result.cash.append(CashBalance(row.currency, row.amount, row.balance_date))
        for issues in (result.errors, result.warnings):
            issues.sort(key=lambda issue: issue.line)
        return result

    async def _check_positions(self, result: Import, rows: Sequence[PositionRow], today: datetime.date) -> None:
        if not rows:
            return
        first = max(min(today, *(row.entry_date for row in rows)), today - CALENDAR_REACH)
        symbols = list(dict.fromkeys(row.symbol for row in rows))
        session, calendar, instruments = await asyncio.gather(
            self._marketdata.session(None),
            self._marketdata.calendar(first, today),
            self._marketdata.resolve_instruments(symbols),
        )
        for row in rows:
            instrument = instruments[row.symbol]
            problem = _date_problem(row, today, calendar) or _instrument_problem(row, instrument)
            if problem or isinstance(instrument, str):
                result.errors += [problem] if problem else []
                continue
            result.positions.append(_position(row, instrument))
            result.warnings += _date_warnings(row, today, session.newest_sealed_date, calendar)


def _date_problem(row: PositionRow, today: datetime.date, calendar: Calendar) -> Issue | None:
    if row.entry_date > today:
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


def _date_warnings(
    row: PositionRow, today: datetime.date, newest_sealed: datetime.date, calendar: Calendar
) -> list[Issue]:
    warnings = []
    if row.entry_date > newest_sealed:
        message = f"market data ends on {newest_sealed}: the position joins when a session reaches its entry"
        warnings.append(("after_newest_session", message))
    if row.entry_date < calendar.first_date:
        warnings.append(("before_calendar", f"the calendar begins on {calendar.first_date}: the day is not checked"))
    if today.year - row.entry_date.year > OLD_YEARS:
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
