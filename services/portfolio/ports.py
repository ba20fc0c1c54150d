"""What the portfolio service needs from outside, as it sees it."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.portfolio.domain.book import OptionTerms


@dataclass(frozen=True, slots=True)
class Instrument:
    """What marketdata knows of an instrument."""

    instrument_id: int
    symbol: str
    kind: str
    name: str
    sector: str
    currency: str
    multiplier: float
    option: OptionTerms | None


@dataclass(frozen=True, slots=True)
class Mark:
    """What an instrument is worth on a day, and how that is known."""

    instrument_id: int
    price: float | None
    price_date: datetime.date | None
    age_sessions: int
    price_basis: str
    source: str
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session to value at, and the market data known now."""

    as_of_date: datetime.date
    close_time: datetime.datetime
    data_version: int
    newest_sealed_date: datetime.date


@dataclass(frozen=True, slots=True)
class Calendar:
    """The sessions of a range of days, and how far the calendar reaches."""

    sessions: frozenset[datetime.date]
    first_date: datetime.date
    last_date: datetime.date


class MarketData(Protocol):
    """The marketdata service."""

    async def resolve_instruments(self, symbols: Sequence[str]) -> dict[str, Instrument | str]:
        """Give for each symbol its instrument, or the reason why there is none."""
        ...

    async def instruments(self, instrument_ids: Sequence[int]) -> dict[int, Instrument]:
        """Give the instruments that exist, by id."""
        ...

    async def marks(self, instrument_ids: Sequence[int], session: Session) -> dict[int, Mark]:
        """Give the mark of each instrument at a session."""
        ...

    async def session(self, as_of_date: datetime.date | None) -> Session:
        """Give the session that a date means; without one, the newest that is sealed."""
        ...

    async def calendar(self, start: datetime.date, end: datetime.date) -> Calendar:
        """Give the sessions in a range of days."""
        ...


class Clock(Protocol):
    """What time it is."""

    def __call__(self) -> datetime.datetime:
        """Give the present time, in UTC."""
        ...
