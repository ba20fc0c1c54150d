"""What the market says, as marketdata tells it: instruments, marks, sessions."""

import datetime
from dataclasses import dataclass

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
    exchange: str = ""
    industry: str = ""


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
