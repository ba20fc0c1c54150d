"""The calendar of the New York Stock Exchange, asked of `exchange_calendars` in a process of its own.

That library loads pandas: 100 MB and most of a second, for a few thousand dates once in a while. A child process gives
both back when it ends, and keeps the event loop free.
"""

import asyncio
import subprocess
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
        child = _start(first, last)  # a millisecond; in a thread, giving up could lose the child
        try:
            output, complaint = await asyncio.to_thread(child.communicate)
        finally:
            if child.poll() is None:  # the call was given up
                child.kill()
                child.wait()
        if child.returncode != 0:
            raise CalendarFailed(f"exit code {child.returncode}: {complaint[-1000:]}")
        return [_session(line) for line in output.splitlines()]


def _start(first: date, last: date) -> "subprocess.Popen[str]":
    # Not asyncio's own: uvloop forks, and gRPC's handlers of a fork, run among its threads, now and then kill the child
    # before it begins (tried: 1 start in 20 under load). This one uses vfork, which runs no handlers.
    return subprocess.Popen(  # noqa: S603 - our own program, on two dates
        [sys.executable, "-m", PROGRAM, first.isoformat(), last.isoformat()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _session(line: str) -> Session:
    day, close_time = line.split()
    return Session(date.fromisoformat(day), datetime.fromisoformat(close_time))
