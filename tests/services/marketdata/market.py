"""A small market for tests: a provider and a calendar that serve what a test gives them; and what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from sqlalchemy import text

from chassis.database import Database
from services.marketdata.application.calendar import keep_ahead
from services.marketdata.application.marks import Marks
from services.marketdata.application.sync import Request, Syncs
from services.marketdata.clients.vendors.clock import SystemClock
from services.marketdata.clients.vendors.fallback import InOrder, Turns
from services.marketdata.domain.bars import BarSeries, closes_only
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Reason, RejectedRow, fetched_from
from services.marketdata.domain.instruments import Kind, Listing
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.sessions import Session
from services.marketdata.ports import Offer, Sources
from services.marketdata.storage import ingestion, instruments, versions

TODAY = date(2023, 1, 10)
NOW = datetime(2023, 1, 10, 12, tzinfo=UTC)
SyncsOf = Callable[["FakeProvider"], "Bringing"]
CLOSED = {date(2022, 12, 26), date(2023, 1, 2)}
FIRST = date(2022, 12, 19)
"""A Monday, and the first day of the calendar that most tests need."""


def days(*numbers: int) -> list[date]:
    """Give days of December 2022."""
    return [date(2022, 12, number) for number in numbers]


def series(
    symbol: str, on: Sequence[date], closes: Sequence[float], basis: PriceBasis = PriceBasis.TOTAL_RETURN_ADJUSTED
) -> BarSeries:
    return closes_only(symbol, np.array(on, dtype="datetime64[D]"), np.array(closes, dtype=float), basis)


def listing(symbol: str, kind: Kind = Kind.STOCK, sector: str = "Energy") -> Listing:
    return Listing(symbol, kind, f"{symbol} Inc.", "XNYS", "USD", sector, "", 1.0)


class FakeCalendar:
    """Weekdays, less two holidays; every day closes at 21:00 UTC."""

    def __init__(self, version: str = "1", closed: set[date] | None = None) -> None:
        self.version = version
        self.closed = CLOSED if closed is None else closed
        self.careless = False
        """Whether it gives bars of all days, whichever it is asked for."""
        self.asked: list[tuple[date, date]] = []

    async def sessions(self, first: date, last: date) -> list[Session]:
        self.asked.append((first, last))
        every = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [
            Session(day, datetime.combine(day, time(21), UTC))
            for day in every
            if day.weekday() < 5 and day not in self.closed
        ]


class FakeProvider:
    """Serves what a test gives it; all of it can be changed between calls. It remembers what it was asked."""

    def __init__(self, listings: Sequence[Listing], bars: Sequence[BarSeries], name: str = "fake") -> None:
        self.name = name
        self.listed = {one.symbol: one for one in listings}
        self.bars = list(bars)
        self.actions: list[CorporateAction] = []
        self.rejected: list[RejectedRow] = []
        """Rows of bars that it could not read."""
        self.down: Reason | None = None
        """Why every fetch fails. None: they do not."""
        self.careless = False
        """Whether it gives bars of all days, whichever it is asked for."""
        self.asked: list[tuple[list[str], date, date]] = []
        """Symbols and days of each fetch of bars."""
        self.asked_listings: list[str] = []
        self.asked_actions: list[str] = []

    async def symbols(self):
        return list(self.listed)

    async def fetch_listings(self, symbols):
        self.asked_listings += symbols
        return self._answer(symbols, self.listed, Reason.UNKNOWN_SYMBOL)

    async def fetch_bars(self, symbols, first: date, last: date):
        self.asked.append((sorted(symbols), first, last))
        histories = {one.symbol: one for one in self.bars if one.symbol in symbols}
        cut = histories if self.careless else {symbol: one.between(first, last) for symbol, one in histories.items()}
        found = {symbol: one for symbol, one in cut.items() if len(one)}
        return replace(self._answer(symbols, found, Reason.NO_HISTORY), rejected=self.rejected)

    async def fetch_corporate_actions(self, symbols, first: date, last: date):
        self.asked_actions += symbols
        said = {s: [a for a in self.actions if a.symbol == s and first <= a.ex_date <= last] for s in symbols}
        return self._answer(symbols, said, Reason.UNKNOWN_SYMBOL)

    def _answer(self, asked, known, otherwise: Reason):
        found = {} if self.down else {key: known[key] for key in asked if key in known}
        failed = {key: self.down or otherwise for key in asked if key not in found}
        return fetched_from(self.name, found, failed)


class FakeVendor(FakeProvider):
    """The same behind an interface that costs something to ask: it lists nothing, and need not be asked twice."""

    symbols = None


def vendor_of(name: str = "vendor", basis: PriceBasis = PriceBasis.RAW, **closes: dict[int, float]) -> FakeVendor:
    """A vendor of symbols with closes by day of December 2022."""
    bars = [series(symbol, days(*by_day), list(by_day.values()), basis) for symbol, by_day in closes.items()]
    return FakeVendor([listing(symbol) for symbol in closes], bars, name)


def sources_of(*providers: object, **kinds: Sequence[object]) -> Sources:
    """Sources of which some providers offer what they have methods for, in this order, and a catalogue each."""
    methods = {
        "listings": "fetch_listings",
        "bars": "fetch_bars",
        "corporate_actions": "fetch_corporate_actions",
        "quotes": "fetch_quotes",
        "option_chains": "fetch_option_chains",
        "yields": "fetch_yields",
        "fx_rates": "fetch_fx_rates",
    }

    def offer(kind: str, method: str) -> Offer:
        offering = [one for one in kinds.get(kind, providers) if getattr(one, method, None)]
        return Offer(
            InOrder(offering, Turns(SystemClock(), 25.0, ())),
            [one.name for one in offering],
            {one.name: one for one in offering},
        )

    catalogues = {one.name: one for one in providers if getattr(one, "symbols", None)}
    return Sources(**{kind: offer(kind, method) for kind, method in methods.items()}, catalogues=catalogues)


class Bringing:
    """Syncs from sources, on a small calendar, at a fixed time."""

    def __init__(self, database: Database, *providers: object, now: datetime = NOW, calendar=None) -> None:
        self.syncs = Syncs(database, sources_of(*providers), calendar or FakeCalendar(), lambda: now)

    async def sync(self, provider: str = "fake", symbols: Sequence[str] = (), **wanted):
        return await self.syncs.sync(Request(provider, symbols, **wanted))


def provider_of(basis: PriceBasis = PriceBasis.TOTAL_RETURN_ADJUSTED, **closes: dict[int, float]) -> FakeProvider:
    """A provider of symbols with closes by day of December 2022."""
    bars = [series(symbol, days(*by_day), list(by_day.values()), basis) for symbol, by_day in closes.items()]
    return FakeProvider([listing(symbol) for symbol in closes], bars)


async def ids_of(database: Database, *symbols: str) -> list[int]:
    async with database.transaction() as connection:
        found = await instruments.by_symbols(connection, symbols)
    return [found[symbol].instrument_id for symbol in symbols]


async def price_at(database: Database, symbol: str, day: int, version: int) -> float | None:
    (mark,) = await Marks(database, 0.04).read("", await ids_of(database, symbol), days(day)[0], version)
    return mark.price


async def row_count(database: Database, table: str = "daily_bars") -> int:
    async with database.transaction() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")))


async def standing(database: Database) -> int:
    async with database.transaction() as connection:
        return (await versions.standing(connection)).data_version


async def prepare(database: Database, *symbols: str) -> list[int]:
    """Record some stocks and the calendar, without bars."""
    await keep_ahead(database, FakeCalendar(), TODAY)
    async with database.transaction() as connection:
        await instruments.record_listings(connection, [listing(symbol, Kind.STOCK) for symbol in symbols])
    return await ids_of(database, *symbols)


async def store(database: Database, instrument_id: int, bars: BarSeries) -> int:
    async with database.transaction() as connection:
        return (await ingestion.store(connection, batch_of((instrument_id, bars)))).data_version


def batch_of(*bars: tuple[int, BarSeries], source: str = "fake") -> ingestion.Batch:
    """Bars of instruments, of which nobody has looked whether they are known."""
    return ingestion.Batch([ingestion.SourcedBars(one, told, source) for one, told in bars], known_version=-1)
