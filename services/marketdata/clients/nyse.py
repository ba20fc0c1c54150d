"""The calendar of the New York Stock Exchange, asked of `exchange_calendars` in a process of its own.

That library loads pandas: 100 MB and most of a second, for a few thousand dates once in a while. A child process gives
both back when it ends, and keeps the event loop free.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import date, datetime
from importlib.metadata import version

from services.marketdata.domain.sessions import Session

PROGRAM = "services.marketdata.clients.nyse_sessions"


class CalendarFailed(Exception):
    """The child process ended without a calendar; the message is what it said."""


class NyseCalendar:
    """Sessions and closing times by rule, from 1990 on and into the future."""

    @property
    def version(self) -> str:
        """Version of the library: a newer one may know of a closure that an older one does not."""
        return version("exchange_calendars")

    async def sessions(self, first: date, last: date) -> Sequence[Session]:
        """Give the sessions from one day to a later one.

        Raises:
            CalendarFailed: the child process failed.
        """
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", PROGRAM, first.isoformat(), last.isoformat()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, complaint = await child.communicate()
        finally:
            if child.returncode is None:  # the call was given up
                child.kill()
                await child.wait()
        if child.returncode != 0:
            raise CalendarFailed(complaint.decode(errors="replace")[-1000:])
        return [_session(line) for line in output.decode().splitlines()]


def _session(line: str) -> Session:
    day, close_time = line.split()
    return Session(date.fromisoformat(day), datetime.fromisoformat(close_time))
