"""Marks: what instruments are worth at the close of a session, and how that is known."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

from services.marketdata.domain.instruments import Contract
from services.marketdata.domain.prices import PriceBasis

NO_UNDERLYING_PRICE = "no_underlying_price"
NO_VOLATILITY = "no_volatility"


class MarkSource(IntEnum):
    """How a price is known. The numbers are those of the contract."""

    UNSPECIFIED = 0
    CLOSE = 1
    QUOTE = 2
    MODEL = 3


class RateSource(StrEnum):
    """Where an interest rate comes from; the texts are those of the contract."""

    TREASURY = "treasury"
    ASSUMED = "assumed"


class DividendSource(StrEnum):
    """Where a dividend yield comes from; the texts are those of the contract."""

    DIVIDENDS = "dividends"
    ASSUMED_ZERO = "assumed_zero"


class VolatilitySource(StrEnum):
    """Where the volatility of an option comes from, the best first; the texts are those of the contract."""

    PRICE = "price"
    """Implied by the price that the option is marked at."""
    QUOTE = "quote"
    """Of the contract's own quote of an earlier day."""
    CHAIN = "chain"
    """Of the contract that is quoted next to it."""
    REALISED = "realised_90d"
    """Of the underlying's returns."""


@dataclass(frozen=True, slots=True)
class PricedWith:
    """What the price of an option goes with: what a model used, or what a close or quote implies."""

    volatility: float
    volatility_source: VolatilitySource
    rate: float
    rate_source: RateSource
    dividend_yield: float
    dividend_yield_source: DividendSource


@dataclass(frozen=True, slots=True)
class Mark:
    """What an instrument was worth at the close of a session, or why that is not known."""

    instrument_id: int
    currency: str = ""
    price: float | None = None
    price_date: date | None = None
    age_sessions: int = 0
    """Sessions between the price and the day asked for, or an expired option's last day."""
    price_basis: PriceBasis = PriceBasis.UNSPECIFIED
    source: MarkSource = MarkSource.UNSPECIFIED
    data_version: int = 0
    reason: str = ""
    """Why there is no price. Empty: there is one."""
    contract: Contract | None = None
    """For options only."""
    underlying_price: float | None = None
    priced_with: PricedWith | None = None
    """None: it is no option, or an expired one, or nothing tells its volatility."""
    expired: bool = False
