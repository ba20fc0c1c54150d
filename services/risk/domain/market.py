"""The market at one session, as it was known at one version: only what an answer reads of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from riskmath.exchange import ExchangeRates, no_rates

STALE_SESSIONS = 3
"""A price older than this many sessions is stale (methodology, section 0)."""

PriceBasis = Literal["", "raw", "split_adjusted", "total_return_adjusted"]
"""The better it is as the value of a past day, the earlier it stands."""
WEAKEST_FIRST: tuple[PriceBasis, ...] = ("total_return_adjusted", "split_adjusted", "raw")
PriceSource = Literal["", "close", "quote", "model"]


@dataclass(frozen=True, slots=True)
class Session:
    """A session that answers are pinned to, and the market data known when the call came."""

    as_of_date: date
    close_time: datetime
    """UTC."""
    data_version: int


@dataclass(frozen=True, slots=True)
class OptionMark:
    """The terms of an option, and what its price goes with."""

    expiry_date: date
    is_call: bool
    is_american: bool
    strike: float
    expired: bool
    """On or before the day: its price is what it was worth then, and no longer moves."""
    underlying_price: float
    """NaN: not known."""
    volatility: float
    """A decimal a year. NaN: nothing tells it, or it has expired."""
    volatility_source: str
    rate: float
    """A decimal a year, continuously compounded; NaN without a volatility, as are the dividends."""
    rate_source: str
    dividend_yield: float
    dividend_yield_source: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What one instrument is worth, and how that is known."""

    instrument_id: int
    price: float
    """NaN: `reason` says why there is none."""
    price_date: str
    """The session the price was made in, YYYY-MM-DD. Empty without a price."""
    age_sessions: int
    price_basis: PriceBasis
    currency: str
    reason: str
    data_version: int
    """The version that brought the price. 0 without a price."""
    source: PriceSource = ""
    """Empty without a price."""
    option: OptionMark | None = None
    """For options only."""

    @property
    def known(self) -> bool:
        """Whether there is a price."""
        return not math.isnan(self.price)

    @property
    def stale(self) -> bool:
        """Whether the price is too old to be taken for the day's."""
        return self.known and self.age_sessions > STALE_SESSIONS


@dataclass(frozen=True, slots=True, eq=False)
class MarketSlice:
    """The session and every mark that an answer reads: all that it knows of the market."""

    session: Session
    marks: Mapping[int, Mark]
    """By instrument."""
    rates: ExchangeRates | None = None
    """Rates of exchange up to the session. None: nothing is in another currency."""
    rates_version: int = 0
    """The newest version among the rates."""

    def exchange(self, base_currency: str) -> ExchangeRates:
        """Give the rates of exchange to the base currency of a book."""
        return self.rates or no_rates(base_currency)

    @property
    def data_version(self) -> int:
        """The newest version among the marks and rates; 0 where none has a price."""
        return max((*(mark.data_version for mark in self.marks.values()), self.rates_version))

    @property
    def price_basis(self) -> PriceBasis:
        """The weakest basis of any price: one adjusted price makes the whole an approximation."""
        bases = {mark.price_basis for mark in self.marks.values() if mark.known}
        return next((basis for basis in WEAKEST_FIRST if basis in bases), "")
