"""One chunk of a sync: fetch what is missing of some symbols, judge it, and store what is news under one version."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.marketdata.application.asking import Asked, whom, whom_surely
from services.marketdata.application.calendar import keep_ahead
from services.marketdata.application.chunk import Chunk, ChunkNews, FetchedChunk, Synced, outcomes
from services.marketdata.application.fetching import Wish, fetch_actions, fetch_bars, plan
from services.marketdata.application.judging import Incoming, Standards, bar_news
from services.marketdata.application.listings import ensure_listed
from services.marketdata.application.quotes import QuoteSyncs
from services.marketdata.domain.action_news import action_news
from services.marketdata.domain.bars import Days
from services.marketdata.domain.fitness import Told
from services.marketdata.domain.occ import canonical
from services.marketdata.ports import BarSource, CalendarSource, Sources
from services.marketdata.storage import (
    calendar,
    corporate_actions,
    history_checks,
    ingestion,
    ingestions,
    instruments,
    known_bars,
    quarantine,
)
from services.marketdata.storage.append_only import CORPORATE_ACTIONS
from services.marketdata.storage.history_checks import Subject
from services.marketdata.storage.ingestions import IngestionKind, Result

Now = Callable[[], datetime]
"""The time in UTC."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be brought in."""

    provider: str
    """Empty: those of the settings, in their order."""
    symbols: Sequence[str]
    """Empty: every one that the provider lists."""
    first: date | None = None
    """Bring all sessions from here on anew: what vendors have corrected since is news. None: bring what is missing."""
    session_count: int = 0
    """How many sessions are wanted, counted back from the newest, also of sources that did not have them before.
    0: all there are."""

    def of(self, closed: Days) -> Days:
        """Give the sessions that are wanted of those that have closed."""
        wanted = closed if self.first is None else closed[closed >= np.datetime64(self.first, "D")]
        return wanted[-self.session_count :] if self.session_count else wanted


class Syncs:
    """Brings history from providers into the database. Doing so again stores nothing twice."""

    def __init__(self, database: Database, sources: Sources, calendar_source: CalendarSource, now: Now) -> None:
        self._quotes = QuoteSyncs(database, sources)
        self._database = database
        self._sources = sources
        self._calendar_source = calendar_source
        self._now = now

    async def sync(self, request: Request) -> Synced:
        """Bring some symbols up to date: history, then quotes where it has no close, then chains where they matter.

        Raises:
            InvalidFields: there is no such provider, or it cannot list what it has.
        """
        synced = await self.sync_history(request)
        async with self._database.transaction() as connection:
            listed = await instruments.by_symbols(connection, [one.symbol for one in synced.outcomes])
        await self._quotes.sync(request.provider, listed, self._now())
        return synced

    async def sync_history(self, request: Request) -> Synced:
        """Bring the history of some symbols up to date: bars and corporate actions.

        Raises:
            InvalidFields: there is no such provider, or it cannot list what it has.
        """
        asked = whom_surely(self._sources.bars, request.provider)
        symbols = list(dict.fromkeys(map(canonical, request.symbols))) or await self._catalogue(asked)
        await keep_ahead(self._database, self._calendar_source, self._now().date())
        async with self._database.transaction() as connection:
            entry = await ingestions.begin(connection, IngestionKind.BARS, asked.order, len(symbols))
        chunk = await self._plan(request, asked, symbols)
        fetched = await self._fetch(request, asked, chunk)
        news = await self._judge(chunk, fetched)
        async with self._database.transaction() as connection:
            return await _store(connection, entry, chunk, fetched, news)

    async def _catalogue(self, asked: Asked[BarSource]) -> list[str]:
        for name in asked.order:
            if name in self._sources.catalogues:
                return [canonical(symbol) for symbol in await self._sources.catalogues[name].symbols()]
        rule = f"must name some: {', '.join(asked.order)} cannot list what there is"
        raise InvalidFields([Violation("symbols", "", rule)])

    async def _plan(self, request: Request, asked: Asked[BarSource], symbols: Sequence[str]) -> Chunk:
        """Find out what the symbols are, and what is missing of them."""
        listed = await ensure_listed(self._database, self._sources, request.provider, symbols)
        now = self._now()
        async with self._database.transaction() as connection:
            closed = np.array(await calendar.closed_sessions(connection, now), dtype="datetime64[D]")
            # Files cost nothing to read, and whoever owns them may have corrected them.
            anew = request.first is not None or all(name in self._sources.catalogues for name in asked.order)
            wish = Wish(request.of(closed), asked.order, anew, request.session_count > 0, now.date())
            planned = await plan(connection, listed.instruments, wish)
            actions = await corporate_actions.known(connection, listed.ids.values())
        return Chunk(symbols, listed, closed, planned, actions)

    async def _fetch(self, request: Request, asked: Asked[BarSource], chunk: Chunk) -> FetchedChunk:
        actions_of = whom(self._sources.corporate_actions, request.provider)
        bars, actions = await asyncio.gather(
            fetch_bars(asked, chunk.planned), fetch_actions(actions_of, chunk.listed.ids, chunk.planned.whole)
        )
        return FetchedChunk(asked.order, bars, actions_of.order if actions_of else (), actions)

    async def _judge(self, chunk: Chunk, fetched: FetchedChunk) -> ChunkNews:
        planned, bars = chunk.planned, fetched.bars
        actions = action_news(fetched.actions, planned.whole, chunk.actions)
        incoming = [
            Incoming(one.instrument_id, Told(bars.found[symbol], one.listing.kind, bars.sources[symbol]))
            for symbol, one in chunk.listed.instruments.items()
            if symbol in bars.found
        ]
        standards = Standards(chunk.closed, planned.today, actions.in_force)
        return ChunkNews(await bar_news(self._database, "", incoming, standards), actions, bars.rejected)


async def _store(
    connection: AsyncConnection, entry: int, chunk: Chunk, fetched: FetchedChunk, news: ChunkNews
) -> Synced:
    """Store all that a chunk brought, and the book entry with it: either all of it is seen, or nothing."""
    ids = chunk.listed.ids
    await quarantine.record(connection, news.rejected)
    await _remember(connection, chunk, fetched)
    rows = corporate_actions.rows_of(ids, news.actions.told, news.actions.withdrawn)
    batch = ingestion.Batch(news.bars.bars, news.bars.known_version, others=[(CORPORATE_ACTIONS, rows)])
    stored = await ingestion.store(connection, batch)
    told = outcomes(chunk, fetched, news, stored)
    result = Result(
        failed_count=sum(bool(one.reason) for one in told),
        stored_count=stored.row_count,
        quarantined_count=len(news.rejected),
        data_version=stored.data_version,
    )
    await ingestions.finish(connection, entry, result)
    return Synced(stored.data_version, told, await known_bars.newest_session(connection, list(ids.values())))


async def _remember(connection: AsyncConnection, chunk: Chunk, fetched: FetchedChunk) -> None:
    """Remember which days the sources have answered for."""
    days, ids = chunk.planned.whole, chunk.listed.ids
    if days is None:
        return
    answered = [ids[symbol] for symbol in fetched.answered()]
    await history_checks.record(connection, answered, Subject.BARS, fetched.bar_order, days)
    answered = [ids[symbol] for symbol in fetched.actions.found]
    await history_checks.record(connection, answered, Subject.CORPORATE_ACTIONS, fetched.action_order, days)
