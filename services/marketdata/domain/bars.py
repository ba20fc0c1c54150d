"""Daily bars: one as it is read, and a whole history in columns as it comes from a provider."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.prices import PriceBasis

Days = NDArray[np.datetime64]
"""Dates, dtype `datetime64[D]`."""
Prices = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bar:
    """One session of one instrument. None: the source does not know."""

    session_date: date
    open: float | None
    high: float | None
    low: float | None
    close: float
    volume: float | None
    source: str
    data_version: int


@dataclass(frozen=True, slots=True, eq=False)
class BarSeries:
    """Bars of one symbol in columns of equal length, as a provider gave them. NaN: the source does not know."""

    symbol: str
    session_dates: Days
    close: Prices
    price_basis: PriceBasis
    open: Prices = field(kw_only=True)
    high: Prices = field(kw_only=True)
    low: Prices = field(kw_only=True)
    volume: Prices = field(kw_only=True)

    def __len__(self) -> int:
        return len(self.session_dates)


def closes_only(symbol: str, session_dates: Days, close: Prices, price_basis: PriceBasis) -> BarSeries:
    """Make the bars of a source that knows closes and nothing else; a day without a close is no bar."""
    known = ~np.isnan(close)
    unknown = np.full(int(known.sum()), np.nan)
    return BarSeries(
        symbol,
        session_dates[known],
        close[known],
        price_basis,
        open=unknown,
        high=unknown,
        low=unknown,
        volume=unknown,
    )


def defect(series: BarSeries, sessions: Days) -> str:
    """Say what makes a series unfit to be stored, or nothing.

    Args:
        series: bars of one symbol.
        sessions: every session of the calendar, in order.

    Returns:
        `days_not_in_order`, `day_not_a_session`, `impossible_price` (not a positive finite number), or an empty text.
    """
    if np.any(np.diff(series.session_dates) <= np.timedelta64(0, "D")):
        return "days_not_in_order"
    if not np.all(np.isin(series.session_dates, sessions)):
        return "day_not_a_session"
    prices = np.stack([series.open, series.high, series.low, series.close])
    known = ~np.isnan(prices)
    if not np.all(known[-1]) or np.any(prices[known] <= 0) or np.any(np.isinf(prices)):
        return "impossible_price"
    return ""
