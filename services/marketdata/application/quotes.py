"""Syncing quotes where a close is missing, and option chains where somebody has an option."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.database import Database
from services.marketdata.application.asking import whom
from services.marketdata.application.resolve import contract_on
from services.marketdata.domain.chain_fitness import judge_chain, judge_quote
from services.marketdata.domain.fetched import Fetched, RejectedRow
from services.marketdata.domain.instruments import Instrument
from services.marketdata.domain.observations import ObservedOption, OptionChain
from services.marketdata.ports import Sources
from services.marketdata.storage import calendar, ingestion, ingestions, instruments, quarantine
from services.marketdata.storage import quotes as storage
from services.marketdata.storage.append_only import OPTION_QUOTES, QUOTES
from services.marketdata.storage.ingestions import IngestionKind, Result

NEW_YORK = ZoneInfo("America/New_York")
LONGEST_BREAK = timedelta(days=30)
"""The exchange has never been closed for longer since 1990."""


@dataclass(frozen=True, slots=True)
class QuotedOption:
    """A contract of a chain that is fit to be stored."""

    underlying: str
    option: ObservedOption
    source: str


class QuoteSyncs:
    """Brings quotes and chains into the database, for what has no close: a vendor counts every call."""

    def __init__(self, database: Database, sources: Sources) -> None:
        self._database = database
        self._sources = sources

    async def sync(self, provider: str, listed: Mapping[str, Instrument], now: datetime) -> None:
        """Bring what is offered for some instruments. A chain is that of the session that has begun last.

        Args:
            provider: who is asked. Empty: those of the settings.
            listed: everybody's instruments, by symbol.
            now: the time.
        """
        async with self._database.transaction() as connection:
            closed = await calendar.closed_sessions(connection, now)
            today = now.astimezone(NEW_YORK).date()
            begun = await calendar.session_dates(connection, today - LONGEST_BREAK, today)
            ids = [one.instrument_id for one in listed.values()]
            closes = await storage.newest_closes(connection, ids)
            optioned = await storage.underlyings(connection, ids, now.date())
        if not closed or not begun:
            return
        current = {instrument_id for instrument_id, one in closes.items() if one.session_date >= closed[-1]}
        quoted = {symbol: one for symbol, one in listed.items() if one.instrument_id not in current}
        chained = {symbol: one for symbol, one in listed.items() if one.instrument_id in optioned}
        await asyncio.gather(
            self._sync_quotes(provider, quoted, now, closes), self._sync_chains(provider, chained, now, begun[-1])
        )

    async def _sync_quotes(
        self,
        provider: str,
        listed: Mapping[str, Instrument],
        now: datetime,
        closes: Mapping[int, storage.NewestClose],
    ) -> None:
        asked = whom(self._sources.quotes, provider)
        if asked is None or not listed:
            return
        entry = await self._begin(IngestionKind.QUOTES, asked.order, len(listed))
        fetched = await asked.source.fetch_quotes(listed)
        fit, rejected = [], list(fetched.rejected)
        for symbol, quote in fetched.found.items():
            instrument_id, source = listed[symbol].instrument_id, fetched.sources[symbol]
            known = closes.get(instrument_id)
            if unfit := judge_quote(quote, source, now, known.close if known else None):
                rejected.append(unfit)
            else:
                fit.append((instrument_id, quote, source))
        batch = ingestion.Batch(others=[(QUOTES, storage.quote_rows(fit))])
        await self._store(entry, batch, rejected, len(fetched.failed))

    async def _sync_chains(
        self, provider: str, listed: Mapping[str, Instrument], now: datetime, session_date: date
    ) -> None:
        asked = whom(self._sources.option_chains, provider)
        if asked is None or not listed:
            return
        entry = await self._begin(IngestionKind.OPTION_CHAINS, asked.order, len(listed))
        fetched = await asked.source.fetch_option_chains(listed)
        options, rejected = await asyncio.to_thread(_judge_chains, fetched, now)
        ids = await self._contracts(listed, options)
        rows = storage.option_rows((ids[o.option.terms.symbol], session_date, o.option, o.source) for o in options)
        batch = ingestion.Batch(others=[(OPTION_QUOTES, rows)])
        await self._store(entry, batch, [*fetched.rejected, *rejected], len(fetched.failed))

    async def _contracts(self, listed: Mapping[str, Instrument], options: Sequence[QuotedOption]) -> dict[str, int]:
        """Give the ids of contracts by symbol; those that are new are recorded."""
        symbols = [one.option.terms.symbol for one in options]
        async with self._database.transaction() as connection:
            known = await instruments.by_symbols(connection, symbols)
            new = {s: one for s, one in zip(symbols, options, strict=True) if s not in known}
            if new:
                told = [contract_on(one.option.terms, listed[one.underlying]) for one in new.values()]
                await instruments.record_options(connection, told)
                known |= await instruments.by_symbols(connection, list(new))
        return {symbol: instrument.instrument_id for symbol, instrument in known.items()}

    async def _begin(self, kind: IngestionKind, order: Sequence[str], count: int) -> int:
        async with self._database.transaction() as connection:
            return await ingestions.begin(connection, kind, order, count)

    async def _store(
        self, entry: int, batch: ingestion.Batch, rejected: Sequence[RejectedRow], failed_count: int
    ) -> None:
        async with self._database.transaction() as connection:
            await quarantine.record(connection, rejected)
            stored = await ingestion.store(connection, batch)
            result = Result(failed_count, stored.row_count, len(rejected), stored.data_version)
            await ingestions.finish(connection, entry, result)


def _judge_chains(fetched: Fetched[OptionChain], now: datetime) -> tuple[list[QuotedOption], list[RejectedRow]]:
    options: list[QuotedOption] = []
    rejected: list[RejectedRow] = []
    for symbol, chain in fetched.found.items():
        source = fetched.sources[symbol]
        fit, unfit = judge_chain(chain, source, now)
        options += [QuotedOption(symbol, option, source) for option in fit]
        rejected += unfit
    return options, rejected
