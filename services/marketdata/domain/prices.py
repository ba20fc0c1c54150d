"""Prices as they are answered: what one is, and why there is none."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

UNKNOWN_INSTRUMENT = "unknown_instrument"
NO_PRICE = "no_price"
"""History has no price on or before the day."""
RAW_UNAVAILABLE = "raw_prices_unavailable"
"""The source has prices with dividends in them alone."""
ACTIONS_UNKNOWN = "corporate_actions_unknown"
"""Nobody was asked for the corporate actions to adjust by."""


class PriceBasis(IntEnum):
    """What a price is. The numbers are those of the contract, and are stored."""

    UNSPECIFIED = 0
    RAW = 1
    TOTAL_RETURN_ADJUSTED = 2
    SPLIT_ADJUSTED = 3
    """Made when it is read, and never stored."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The newest price of a symbol, or why there is none."""

    symbol: str
    currency: str = ""
    last: float | None = None
    previous_close: float | None = None
    """Close of the session before, on the same basis."""
    bid: float | None = None
    ask: float | None = None
    quote_time: datetime | None = None
    source: str = ""
    age_sessions: int = 0
    """Sessions between the price and the newest sealed session."""
    price_basis: PriceBasis = PriceBasis.UNSPECIFIED
    reason: str = ""

    @property
    def change(self) -> float | None:
        """Last less previous close."""
        if self.last is None or self.previous_close is None:
            return None
        return self.last - self.previous_close

    @property
    def change_percent(self) -> float | None:
        """The change in percentage points of the previous close."""
        if self.change is None or not self.previous_close:
            return None
        return 100 * self.change / self.previous_close
