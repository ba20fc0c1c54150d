"""Deleting what is kept of portfolios and accounts that have ended, by the events of the portfolio service.

Who asks at the moment of the end is still answered, and what is answered is kept: a row can come after the event by
which its like were deleted. So the events are read by three readers, each with a place of its own: one at once, one
when every call that was under way has ended, one when every token that was valid has run out. No list of what has ended
is needed for that, which would itself be something kept of a user who left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from services.risk.domain.endings import EventPage
from services.risk.ports import Events, Owned

PAGE_SIZE: Final = 100


@dataclass(frozen=True, slots=True)
class Reader:
    """One who reads the events of the portfolio service from the first to the last."""

    name: str
    delay: timedelta
    """How old an event is at least when it is read."""


AT_ONCE: Final = Reader("at once", timedelta(0))
AFTER_CALLS: Final = Reader("after calls under way", timedelta(minutes=5))
"""No call takes longer than two minutes."""
AFTER_TOKENS: Final = Reader("after the last token", timedelta(hours=25))
"""No access token lives longer than a day. Until then its bearer may ask what no portfolio is needed for."""


def _now() -> datetime:
    return datetime.now(UTC)


class Forgetting:
    """Follows the events for one reader."""

    def __init__(self, events: Events, owned: Owned, reader: Reader, now: Callable[[], datetime] = _now) -> None:
        self._events = events
        self._owned = owned
        self._reader = reader
        self._now = now

    async def catch_up(self) -> None:
        """Delete what has ended, page by page, up to the newest event that is old enough.

        Raises:
            Unavailable: the database does not answer.
            What the port of events raises.
        """
        while True:
            reached = await self._owned.reached(self._reader.name)
            page = await self._page(reached)
            if not page.times:
                return
            await self._owned.forget(self._reader.name, reached, page)

    async def _page(self, reached: str) -> EventPage:
        page = await self._events.after(reached, PAGE_SIZE)
        if not self._reader.delay:  # and the clocks of the two services need not agree
            return page
        before = self._now() - self._reader.delay
        while (settled := page.settled(before)) < len(page.times):
            if settled == 0:
                return EventPage((), (), reached)
            page = await self._events.after(reached, settled)
        return page
