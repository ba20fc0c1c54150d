"""Syncing what belongs to no instrument: Treasury yields, and rates of exchange."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from chassis.database import Database
from services.marketdata.application.asking import ask_for_ranges, whom, whom_surely
from services.marketdata.application.sync import Now
from services.marketdata.domain.backfill import DayRange
from services.marketdata.domain.checks import KnownClose
from services.marketdata.domain.fetched import Fetched, Reason, RejectedRow
from services.marketdata.domain.observations import FxSeries, YieldSeries
from services.marketdata.domain.rate_fitness import judge_fx, judge_yields
from services.marketdata.ports import Sources
from services.marketdata.storage import ingestion, ingestions, quarantine, rates
from services.marketdata.storage.append_only import FX_RATES, YIELDS, AppendOnly, Rows
from services.marketdata.storage.ingestion import Stored
from services.marketdata.storage.ingestions import IngestionKind, Result

T = TypeVar("T")
TENORS = ("1M", "2M", "3M", "4M", "6M", "1Y", "2Y", "3Y", "5Y", "7Y", "10Y", "20Y", "30Y")
FIRST_DATE = date(1990, 1, 1)
AGAIN = timedelta(days=10)
"""Days before the newest one we have that are fetched once more: what was provisional is corrected by then."""
DOLLAR = "USD"
CASH_CURRENCIES = ("EUR", "GBP")
"""Currencies in which cash is held also where no instrument is priced in them."""


@dataclass(frozen=True, slots=True)
class SyncedRates:
    """What a sync of rates brought."""

    data_version: int
    """Version that the new rows stand under. 0: nothing was new."""
    stored_count: int
    provider: str
    """Who answered, several with commas between. Empty: nobody did."""
    reason: str
    """Why nothing could be fetched. Empty: something could."""


@dataclass(frozen=True, slots=True)
class RateNews:
    """Rates that are fit to be stored, and those that are not."""

    rows: Rows
    rejected: Sequence[RejectedRow]


class RateSyncs:
    """Brings rates from providers into the database. Doing so again stores nothing twice."""

    def __init__(self, database: Database, sources: Sources, now: Now) -> None:
        self._database = database
        self._sources = sources
        self._now = now

    async def sync_yields(self, provider: str) -> SyncedRates:
        """Bring Treasury yields up to date.

        Raises:
            InvalidFields: there is no such provider.
        """
        asked = whom_surely(self._sources.yields, provider)
        async with self._database.transaction() as connection:
            newest = await rates.newest_yields(connection)
            entry = await ingestions.begin(connection, IngestionKind.YIELDS, asked.order, len(TENORS))
        today = self._now().date()
        fetched = await ask_for_ranges(
            _wanted(TENORS, newest, today), lambda keys, days: asked.source.fetch_yields(keys, days.first, days.last)
        )
        news = await asyncio.to_thread(_judge_yields, fetched, today)
        stored = await self._store(entry, YIELDS, news, _failures(fetched))
        return _summary(stored, fetched, newest)

    async def sync_fx(self) -> SyncedRates | None:
        """Bring rates of exchange to the dollar up to date. None: nobody offers any."""
        asked = whom(self._sources.fx_rates, "")
        if asked is None:
            return None
        async with self._database.transaction() as connection:
            priced = await rates.currencies(connection)
            known = await rates.newest_rates(connection)
            pairs = [one + DOLLAR for one in dict.fromkeys((*CASH_CURRENCIES, *priced)) if one != DOLLAR]
            entry = await ingestions.begin(connection, IngestionKind.FX, asked.order, len(pairs))
        today, newest = self._now().date(), {pair: rate.day for pair, rate in known.items()}
        fetched = await ask_for_ranges(
            _wanted(pairs, newest, today), lambda keys, days: asked.source.fetch_fx_rates(keys, days.first, days.last)
        )
        news = await asyncio.to_thread(_judge_fx, fetched, today, known)
        stored = await self._store(entry, FX_RATES, news, _failures(fetched))
        return _summary(stored, fetched, newest)

    async def _store(self, entry: int, table: AppendOnly, news: RateNews, failed_count: int) -> Stored:
        async with self._database.transaction() as connection:
            await quarantine.record(connection, news.rejected)
            stored = await ingestion.store(connection, ingestion.Batch(others=[(table, news.rows)]))
            result = Result(failed_count, stored.row_count, len(news.rejected), stored.data_version)
            await ingestions.finish(connection, entry, result)
        return stored


def _wanted(keys: Iterable[str], newest: Mapping[str, date], today: date) -> dict[str, DayRange]:
    return {key: DayRange(newest[key] - AGAIN if key in newest else FIRST_DATE, today) for key in keys}


def _judge_yields(fetched: Fetched[YieldSeries], today: date) -> RateNews:
    judged = {tenor: judge_yields(one, today, fetched.sources[tenor]) for tenor, one in fetched.found.items()}
    rejected = [*fetched.rejected, *(row for _, unfit in judged.values() for row in unfit)]
    return RateNews(rates.yield_rows((fit, fetched.sources[tenor]) for tenor, (fit, _) in judged.items()), rejected)


def _judge_fx(fetched: Fetched[FxSeries], today: date, known: Mapping[str, KnownClose]) -> RateNews:
    judged = {pair: judge_fx(one, today, fetched.sources[pair], known.get(pair)) for pair, one in fetched.found.items()}
    rejected = [*fetched.rejected, *(row for _, unfit in judged.values() for row in unfit)]
    return RateNews(rates.fx_rows((fit, fetched.sources[pair]) for pair, (fit, _) in judged.items()), rejected)


def _failures(fetched: Fetched[T]) -> int:
    """Count what sources that may well know it could not say; that there is no two-month bill is no failure."""
    return sum(reason.is_of_the_source for reason in fetched.failed.values())


def _summary(stored: Stored, fetched: Fetched[T], newest: Mapping[str, date]) -> SyncedRates:
    answered = ",".join(sorted(set(fetched.sources.values())))
    nothing_newer = any(reason is Reason.NO_HISTORY and key in newest for key, reason in fetched.failed.items())
    reason = "" if answered or nothing_newer else _telling(fetched.failed.values())
    return SyncedRates(stored.data_version, stored.row_count, answered, reason)


def _telling(reasons: Collection[Reason]) -> str:
    """Give the reason that says most: one of the source rather than of what it was asked for."""
    return str(next((reason for reason in reasons if reason.is_of_the_source), next(iter(reasons), "")))
