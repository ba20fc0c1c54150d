"""A small market for tests: a provider and a calendar that serve what a test gives them, and builders of bars."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from services.marketdata.domain.bars import BarSeries, closes_only
from services.marketdata.domain.instruments import Kind, Listing
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.sessions import Session

TODAY = date(2023, 1, 10)
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
