"""What sources observe of the market beside daily bars: quotes, option chains, yields, rates of exchange."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from services.marketdata.domain.bars import Days, Prices
from services.marketdata.domain.occ import OptionTerms


@dataclass(frozen=True, slots=True)
class ObservedQuote:
    """The newest price of a symbol."""

    symbol: str
    last: float
    previous_close: float | None
    """Close of the session before. None: the source does not say."""
    quote_time: datetime
    """When `last` was made, UTC."""
    bid: float | None = None
    """None: the source does not say."""
    ask: float | None = None
    """None: the source does not say."""


@dataclass(frozen=True, slots=True)
class ObservedOption:
    """One contract of a chain. None: the source does not know."""

    terms: OptionTerms
    bid: float | None
    ask: float | None
    last: float | None
    implied_volatility: float | None
    """A decimal a year."""
    open_interest: float | None
    quote_time: datetime | None
    """When it was quoted or traded last, UTC. None: the source does not say."""


@dataclass(frozen=True, slots=True)
class OptionChain:
    """The quoted contracts of an underlying."""

    underlying: str
    observed_time: datetime
    """When the chain was read, UTC."""
    options: Sequence[ObservedOption]


@dataclass(frozen=True, slots=True, eq=False)
class YieldSeries:
    """Par yields of one tenor, oldest first; a day without a yield is not there."""

    tenor: str
    """`1M`, `3M`, `2Y`, `10Y`, ..."""
    days: Days
    yields: Prices
    """Decimals a year, as bonds are quoted: 0.0388 is 3.88 %."""


def from_per_cent(yields: Prices) -> Prices:
    """Make decimals of yields in per cent, which have two decimal places: 5.6 becomes 0.056, and not 0.05599999."""
    return np.round(yields / 100, 10)


@dataclass(frozen=True, slots=True, eq=False)
class FxSeries:
    """Rates of one currency pair, oldest first; a day without a rate is not there."""

    base_currency: str
    quote_currency: str
    """What `rates` units of are worth one unit of the base currency."""
    days: Days
    rates: Prices
