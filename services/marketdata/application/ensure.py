"""One symbol now: what is missing of it is fetched, once for all who ask at the same time."""

import asyncio
from dataclasses import dataclass, replace

import numpy as np
from cachetools import TTLCache

from chassis.database import Database
from chassis.flights import Flights
from services.marketdata.application.chunk import Outcome
from services.marketdata.application.fetching import NOTHING_HELD
from services.marketdata.application.sync import Now, Request, Syncs
from services.marketdata.domain.backfill import missing
from services.marketdata.domain.fetched import Reason
from services.marketdata.domain.occ import canonical
from services.marketdata.storage import calendar, instruments, known_bars

PRIVATE = "private_instrument"
"""Its prices come from its owner, and no vendor is told its symbol."""
REMEMBERED_SECONDS = 60.0
"""How long a symbol is not asked for again, whatever came of it: each time costs calls that the plan counts."""
REMEMBERED_SYMBOLS = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of one symbol."""

    symbol: str
    """Canonical."""
    session_count: int
    """Counted back from the newest session that has closed."""


class Coverage:
    """Completes the history of a symbol on request."""

    def __init__(self, database: Database, syncs: Syncs, now: Now) -> None:
        self._database = database
        self._syncs = syncs
        self._now = now
        self._flights: Flights[Outcome] = Flights()
        self._recent: TTLCache[Wanted, Outcome] = TTLCache(REMEMBERED_SYMBOLS, REMEMBERED_SECONDS)

    async def ensure(self, viewer: str, symbol: str, session_count: int, seconds: float | None) -> Outcome:
        """Fetch what is missing of a symbol.

        Args:
            viewer: who asks.
            symbol: in any case.
            session_count: counted back from the newest session that has closed.
            seconds: how long the caller can wait. The work goes on without him. None: as long as it takes.
        """
        wanted = Wanted(canonical(symbol), session_count)
        if there := await self._there(viewer, wanted):
            return there
        if wanted in self._recent:
            return self._recent[wanted]
        try:
            async with asyncio.timeout(seconds):
                return await self._flights.join(wanted, lambda: self._fetch(wanted))
        except TimeoutError:
            return Outcome(wanted.symbol, reason=Reason.TIMED_OUT)

    async def _there(self, viewer: str, wanted: Wanted) -> Outcome | None:
        """Say what came of it if nobody has to be asked."""
        async with self._database.transaction(viewer) as connection:
            found = (await instruments.by_symbols(connection, [wanted.symbol])).get(wanted.symbol)
            if found is None:
                return None
            if found.private:
                return Outcome(wanted.symbol, reason=PRIVATE)
            closed = np.array(await calendar.closed_sessions(connection, self._now()), dtype="datetime64[D]")
            sessions = closed[-wanted.session_count :]
            if not len(sessions):
                return None
            held = await known_bars.held(connection, [found.instrument_id], sessions[0].item())
        there = held.get(found.instrument_id, NOTHING_HELD)
        return None if missing(sessions, there.on(there.basis), None) else Outcome(wanted.symbol)

    async def _fetch(self, wanted: Wanted) -> Outcome:
        request = Request("", [wanted.symbol], session_count=wanted.session_count)
        (outcome,) = (await self._syncs.sync_history(request)).outcomes
        self._recent[wanted] = replace(outcome, stored_count=0, quarantined_count=0)
        return outcome

    async def close(self) -> None:
        """Stop what is under way."""
        await self._flights.close()
