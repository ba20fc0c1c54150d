"""Prices as they were seen on or before a day, before anything is made of them."""

from dataclasses import dataclass
from datetime import date

from services.marketdata.domain.instruments import Contract
from services.marketdata.domain.marks import MarkSource
from services.marketdata.domain.prices import PriceBasis


@dataclass(frozen=True, slots=True)
class Sighting:
    """The newest price of an instrument on or before a day, in the shares of that day."""

    price: float
    price_date: date
    age_sessions: int
    """Sessions between the price and the day."""
    price_basis: PriceBasis
    source: MarkSource
    data_version: int


@dataclass(frozen=True, slots=True)
class Priced:
    """An instrument that is to be marked, and what was seen of it."""

    instrument_id: int
    currency: str
    exists: bool
    contract: Contract | None
    """For options only."""
    own: Sighting | None
    underlying: Sighting | None
    """On or before the day, and before the option's last one. None: it is no option, or there is none."""


@dataclass(frozen=True, slots=True)
class OptionQuote:
    """What a contract was quoted at in a session."""

    contract: Contract
    session_date: date
    bid: float | None
    ask: float | None
    last: float | None
    implied_volatility: float | None
    data_version: int

    @property
    def mid(self) -> float | None:
        """Halfway between bid and ask. None: one is not known, nobody would sell, or they are crossed."""
        if self.bid is None or self.ask is None or not 0 < self.ask >= self.bid:
            return None
        return (self.bid + self.ask) / 2

    @property
    def price(self) -> float | None:
        """The price to be marked at: the mid, else the last trade."""
        return self.mid if self.mid is not None else self.last or None
