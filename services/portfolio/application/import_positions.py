"""Importing a file of positions: what the file says, checked against the calendar and the instruments.

Good rows are kept; bad rows are reported with their line; a file that cannot be read as a whole keeps nothing.
"""

import asyncio
import datetime
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.portfolio.domain.imported import LONGEST_CLOSURE, Days, Import
from services.portfolio.domain.imports.parsing import parse
from services.portfolio.domain.imports.statements import PositionRow
from services.portfolio.ports import Clock, MarketData

EXCHANGE_ZONE = ZoneInfo("America/New_York")
CALENDAR_REACH = datetime.timedelta(days=365 * 40)
"""How far back days are checked against the calendar; a typing error must not ask for centuries."""


class Importer:
    """Turns files into positions that can be saved."""

    def __init__(self, marketdata: MarketData, clock: Clock) -> None:
        self._marketdata = marketdata
        self._clock = clock

    async def read(self, content: bytes, file_date: datetime.date | None = None) -> Import:
        """Read a file and check every row of it.

        Args:
            content: the file.
            file_date: the day to take where the file states neither days of entry nor its own day.

        Raises:
            InvalidRequest: the file cannot be read as a whole.
            FailedPrecondition: marketdata has no session yet, so no date can be checked.
        """
        # Ten thousand rows take a tenth of a second: not on the event loop.
        parsed = await asyncio.to_thread(parse, content, file_date)
        today = self._clock().astimezone(EXCHANGE_ZONE).date()
        read = Import(parsed.row_count, parsed.format, errors=parsed.errors, warnings=parsed.warnings)
        if parsed.positions:
            await self._take_positions(read, parsed.positions, today)
        for row in parsed.cash:
            read.take_cash(row, today)
        for movement in parsed.movements:
            read.take_movement(movement, today)
        for issues in (read.errors, read.warnings):
            issues.sort(key=lambda issue: issue.line)
        return read

    async def _take_positions(self, read: Import, rows: Sequence[PositionRow], today: datetime.date) -> None:
        first = max(min(today, *(row.entry_date for row in rows)), today - CALENDAR_REACH) - LONGEST_CLOSURE
        symbols = list(dict.fromkeys(row.symbol for row in rows))
        session, calendar, instruments = await asyncio.gather(
            self._marketdata.session(None),
            self._marketdata.calendar(first, today),
            self._marketdata.resolve_instruments(symbols),
        )
        days = Days(today, session.newest_sealed_date, calendar)
        await asyncio.to_thread(read.take_positions, rows, instruments, days)
