"""One chunk of a sync: fetch what a provider has on some symbols, check it, and store what is new of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.marketdata.application.calendar import keep_ahead
from services.marketdata.domain.bars import BarSeries, Days, defect
from services.marketdata.domain.instruments import Listing
from services.marketdata.domain.occ import canonical
from services.marketdata.ports import CalendarSource, Provider, Today
from services.marketdata.storage import calendar, ingestion, instruments

UNKNOWN_SYMBOL = "unknown_symbol"
NO_HISTORY = "no_history"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one symbol."""

    symbol: str
    stored_count: int
    reason: str
    """Why nothing of it could be stored. Empty: it could, or nothing was new."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a chunk brought."""

    data_version: int
    """Version that the new rows stand under. 0: nothing was new."""
    outcomes: Sequence[Outcome]
    last_session: date | None
    """Last session that any of the symbols has now."""


class Syncs:
    """Brings history from providers into the database. Doing so again stores nothing twice."""

    def __init__(
        self, database: Database, providers: Sequence[Provider], calendar_source: CalendarSource, today: Today
    ) -> None:
        self._database = database
        self._providers = {provider.name: provider for provider in providers}
        self._calendar_source = calendar_source
        self._today = today

    async def sync(self, provider_name: str, symbols: Sequence[str]) -> Synced:
        """Bring some symbols up to date; without symbols, every one that the provider lists.

        Raises:
            InvalidFields: there is no such provider.
            Unavailable: it does not answer.
        """
        provider = self._providers.get(provider_name)
        if provider is None:
            known = ", ".join(self._providers)
            raise InvalidFields([Violation("provider", provider_name, f"is not a provider; there is {known}")])
        await keep_ahead(self._database, self._calendar_source, self._today())
        asked = list(dict.fromkeys(map(canonical, symbols)))
        listings = await provider.listings(asked)
        history = {series.symbol: series for series in await provider.daily_bars(list(listings))}
        return await self._store(provider.name, asked or list(listings), listings, history)

    async def _store(
        self, source: str, asked: Sequence[str], listings: Mapping[str, Listing], history: Mapping[str, BarSeries]
    ) -> Synced:
        sessions = await self._sessions()
        reasons = await asyncio.to_thread(_reasons, asked, listings, history, sessions)
        async with self._database.transaction() as connection:
            await instruments.record_listings(connection, listings.values())
            known = await instruments.by_symbols(connection, asked)
            ids = {symbol: instrument.instrument_id for symbol, instrument in known.items()}
            batch = [(ids[symbol], history[symbol]) for symbol in asked if not reasons[symbol]]
            ingested = await ingestion.store_bars(connection, source, batch)
        async with self._database.transaction() as connection:
            last_session = await ingestion.newest_session(connection, list(ids.values()))
        stored = {symbol: ingested.stored.get(instrument_id, 0) for symbol, instrument_id in ids.items()}
        outcomes = [Outcome(symbol, stored.get(symbol, 0), reasons[symbol]) for symbol in asked]
        return Synced(ingested.data_version, outcomes, last_session)

    async def _sessions(self) -> Days:
        async with self._database.transaction() as connection:
            reach = await calendar.reach(connection)
            assert reach is not None, "the calendar was filled before"
            days = await calendar.session_dates(connection, reach.first_date, reach.last_date)
        return np.array(days, dtype="datetime64[D]")


def _reasons(
    asked: Sequence[str], listings: Mapping[str, Listing], history: Mapping[str, BarSeries], sessions: Days
) -> dict[str, str]:
    """Say for each symbol why it cannot be stored; an empty text if it can."""
    reasons = {symbol: NO_HISTORY if symbol in listings else UNKNOWN_SYMBOL for symbol in asked}
    return reasons | {symbol: defect(series, sessions) for symbol, series in history.items()}
