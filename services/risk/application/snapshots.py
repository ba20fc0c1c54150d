"""Taking snapshots: of one session, or of every session of a range, from matrices that are read once.

However many sessions there are, the book is read once, closes of all of them come in two or three calls, and marks are
asked for at three sessions at most: the newest two, so that the last day is what every other answer says of it, and the
first, which knows the options that have expired since.

They are worked out and kept stretch by stretch, the oldest first, so that memory is bounded and what is done stays.
Where the time of the call ends before the range does, the answer says from where to go on.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from chassis.errors import InvalidFields, Violation
from services.risk.application.computing import in_thread
from services.risk.domain.book import Book, Foreign
from services.risk.domain.book_history import snapshots
from services.risk.domain.inputs import PriceHistory
from services.risk.domain.market import MarketSlice, PriceBasis, Session
from services.risk.domain.past_cash import first_day
from services.risk.domain.past_market import EXTRA_SESSIONS, PastMarket
from services.risk.domain.snapshot import Kept, Snapshot, SnapshotPage
from services.risk.ports import Books, PastMarkets, Snapshots

LONGEST: Final = timedelta(days=3_660)
"""Ten years in one call."""
AT_ONCE: Final = 250_000
"""Sessions times positions that are worked out together: a matrix takes 2 MB, and there are some fifty."""
SPARE_SECONDS: Final = 5.0
"""Of the time of a call, what keeping and answering may take."""
MOST_PRICES: Final = 2_000_000
"""Sessions times instruments in one call: 16 MB a matrix."""
A_WEEK_AND_MORE: Final = timedelta(days=10)
"""In so many days there is a session."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking snapshots."""

    snapshot: Snapshot
    """The last of them, as it is kept now."""
    start_date: date
    end_date: date
    session_count: int
    kept: Kept
    left: tuple[date, ...] = ()
    """Sessions of the range that time did not suffice for, oldest first."""


class SnapshotTaking:
    """Takes snapshots of portfolios."""

    def __init__(self, books: Books, market: PastMarkets, store: Snapshots) -> None:
        self._books = books
        self._market = market
        self._store = store

    async def take(
        self,
        owner_id: str,
        portfolio_id: str,
        start: date | None,
        end: date | None,
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> Taken:
        """Take snapshots of the sessions from a day (None: the last alone) to a day (None: the newest session).

        There is nothing to see before the session before the first trade, so that is where a range begins at the
        earliest.

        Raises:
            InvalidFields: the range is empty or too long.
            What the ports raise.
        """
        newest, session = await asyncio.gather(self._market.resolve(None), self._market.resolve(end, "end_date"))
        if start and start > session.as_of_date:
            raise InvalidFields([Violation("start_date", start.isoformat(), f"is after {session.as_of_date}")])
        book = await self._books.read(portfolio_id, 0, session)
        days = await self._days(book, start, session)
        if len(days) < 2:
            rule = "is the first session of the calendar, and there is none to compare it with"
            raise InvalidFields([Violation("end_date", days[0].isoformat(), rule)])
        past = await self._past(book, days, session)
        kept, done = Kept(0, 0), 0
        for stretch in past.stretches(max(1, AT_ONCE // max(1, len(book.held) + len(book.closed)))):
            try:
                # The first has all the time there is: with nothing done there would be nothing to answer.
                async with asyncio.timeout(seconds_left() - SPARE_SECONDS if done else None):
                    found = await in_thread(snapshots, book, stretch, newest.as_of_date)
            except TimeoutError:
                break
            kept += await self._store.keep(owner_id, portfolio_id, found)
            done += len(found)
        taken, left = days[1 : done + 1], days[done + 1 :]
        (shown,) = await self._store.page(owner_id, portfolio_id, SnapshotPage(taken[-1], taken[-1], 1))
        return Taken(shown, taken[0], taken[-1], done, kept, left)

    async def page(self, owner_id: str, portfolio_id: str, asked: SnapshotPage) -> list[Snapshot]:
        """Give the snapshots of a range of days, the oldest first.

        Raises:
            What the ports raise: there may be no such portfolio, or it is not the caller's.
        """
        await self._books.read(portfolio_id, 0, await self._market.resolve(None))
        return await self._store.page(owner_id, portfolio_id, asked)

    async def _days(self, book: Book, start: date | None, session: Session) -> tuple[date, ...]:
        """Give the sessions to look at, and before them the one that the first is compared with."""
        end = session.as_of_date
        began = first_day(book) or end
        first = end if start is None else max(start, min(end, began - A_WEEK_AND_MORE))
        if end - first > LONGEST:
            rule = f"is more than {LONGEST.days} days before {end}"
            raise InvalidFields([Violation("start_date", first.isoformat(), rule)])
        known = await self._market.sessions(first - A_WEEK_AND_MORE, end)
        if start is not None:
            before = max((day for day in known if day < began), default=known[0])
            first = max(start, min(before, end))
        inside = sum(day >= first for day in known)
        return known[-inside - 1 :]

    async def _past(self, book: Book, days: tuple[date, ...], session: Session) -> PastMarket:
        positions = book.everything()
        gone = [not day or day > days[0] for day in positions.exit_dates]
        counted = [row for row, still in enumerate(gone) if still]
        followed = tuple(sorted({positions.underlying_ids[row] for row in counted}))
        options = {positions.instrument_ids[row] for row in counted if positions.is_option[row]}
        closed = tuple(sorted({positions.underlying_ids[row] for row in counted if positions.exit_dates[row]}))
        sessions = len(days) + EXTRA_SESSIONS
        if sessions * len(followed) > MOST_PRICES:
            rule = f"is {sessions} sessions times {len(followed)} instruments: must be at most {MOST_PRICES} prices"
            raise InvalidFields([Violation("start_date", days[0].isoformat(), rule)])
        foreign = book.foreign(session.as_of_date, days[0])
        marked = [replace(session, as_of_date=day) for day in sorted({days[0], *days[-2:]})]
        asked = (*sorted({*options, *followed}),)
        (quoted, adjusted, raw), marks = await asyncio.gather(
            asyncio.gather(
                self._closes(followed, session, sessions, "split_adjusted"),
                self._closes(followed, session, sessions, "total_return_adjusted"),
                self._closes(closed, session, sessions, "raw"),
            ),
            asyncio.gather(
                *(self._marks(tuple(sorted(options)), day, None) for day in marked[:-1]),
                self._marks(asked, marked[-1], foreign),
            ),
        )
        return PastMarket(days, quoted, adjusted, raw, tuple(marks))

    async def _closes(
        self, instrument_ids: Sequence[int], session: Session, sessions: int, basis: PriceBasis
    ) -> PriceHistory | None:
        return await self._market.closes(instrument_ids, session, sessions, basis) if instrument_ids else None

    async def _marks(self, instrument_ids: Sequence[int], session: Session, foreign: Foreign | None) -> MarketSlice:
        if instrument_ids or foreign:
            return await self._market.marks(instrument_ids, session, foreign)
        return MarketSlice(session, {})
