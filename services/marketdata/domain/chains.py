"""Option chains as they are answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.marketdata.domain.instruments import Contract


@dataclass(frozen=True, slots=True)
class ChainQuote:
    """What one contract was quoted at. None: the source does not know."""

    symbol: str
    contract: Contract
    bid: float | None
    ask: float | None
    last: float | None
    implied_volatility: float | None
    open_interest: float | None
    source: str
    quote_time: datetime


@dataclass(frozen=True, slots=True)
class Chain:
    """The quoted contracts of an underlying in one session, by expiry, strike, calls before puts."""

    session_date: date
    quotes: Sequence[ChainQuote]
