"""A small market for tests: a provider and a calendar that serve what a test gives them; and what became of it."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from sqlalchemy import text

from chassis.database import Database
from services.marketdata.application import prices as pricing
from services.marketdata.application.sync import Syncs
from services.marketdata.domain.bars import BarSeries, closes_only
from services.marketdata.domain.instruments import Kind, Listing
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.sessions import Session
from services.marketdata.storage import ingestion, instruments, versions

TODAY = date(2023, 1, 10)
SyncsOf = Callable[["FakeProvider"], Syncs]
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
    """Serves given listings and bars; both can be changed between calls."""

    name = "fake"

    def __init__(self, listings: Sequence[Listing], bars: Sequence[BarSeries]) -> None:
        self.listed = {one.symbol: one for one in listings}
        self.bars = list(bars)

    async def listings(self, symbols):
        return {symbol: self.listed[symbol] for symbol in (symbols or self.listed) if symbol in self.listed}

    async def daily_bars(self, symbols):
        return [one for one in self.bars if one.symbol in symbols]


def provider_of(**closes: dict[int, float]) -> FakeProvider:
    """A provider of symbols with closes by day of December 2022."""
    bars = [series(symbol, days(*by_day), list(by_day.values())) for symbol, by_day in closes.items()]
    return FakeProvider([listing(symbol) for symbol in closes], bars)


async def ids_of(database: Database, *symbols: str) -> list[int]:
    async with database.transaction() as connection:
        found = await instruments.by_symbols(connection, symbols)
    return [found[symbol].instrument_id for symbol in symbols]


async def price_at(database: Database, symbol: str, day: int, version: int) -> float | None:
    (mark,) = await pricing.marks(database, await ids_of(database, symbol), days(day)[0], version)
    return mark.price


async def row_count(database: Database, table: str = "daily_bars") -> int:
    async with database.transaction() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")))


async def standing(database: Database) -> int:
    async with database.transaction() as connection:
        return (await versions.standing(connection)).data_version


async def prepare(database: Database, *symbols: str) -> list[int]:
    """Record some stocks and the calendar, without bars."""
    await Syncs(database, [FakeProvider([], [])], FakeCalendar(), lambda: TODAY).sync("fake", [])
    async with database.transaction() as connection:
        await instruments.record_listings(connection, [listing(symbol, Kind.STOCK) for symbol in symbols])
    return await ids_of(database, *symbols)


async def store(database: Database, instrument_id: int, bars: BarSeries) -> int:
    async with database.transaction() as connection:
        return (await ingestion.store_bars(connection, "fake", [(instrument_id, bars)])).data_version
