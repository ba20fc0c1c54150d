"""Daily bars: one as it is read, and a whole history in columns as it comes from a provider."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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


def adjusted(bars: Sequence[Bar], price_factors: Sequence[float], split_factors: Sequence[float]) -> list[Bar]:
    """Adjust raw bars; the factors of a longer history that begins with them will do.

    Args:
        bars: raw ones, oldest first.
        price_factors: what prices are multiplied by, at least as many.
        split_factors: what shares traded are divided by, at least as many.
    """
    return [
        replace(
            bar,
            open=None if bar.open is None else bar.open * price,
            high=None if bar.high is None else bar.high * price,
            low=None if bar.low is None else bar.low * price,
            close=bar.close * price,
            volume=None if bar.volume is None else bar.volume / shares,
        )
        for bar, price, shares in zip(bars, price_factors, split_factors, strict=False)
    ]


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

    def rows(self, chosen: NDArray[np.bool_]) -> "BarSeries":
        """Give some of the bars."""
        return BarSeries(
            self.symbol,
            self.session_dates[chosen],
            self.close[chosen],
            self.price_basis,
            open=self.open[chosen],
            high=self.high[chosen],
            low=self.low[chosen],
            volume=self.volume[chosen],
        )

    def between(self, first: date, last: date) -> "BarSeries":
        """Give the bars from one day to a later one, both included."""
        days = self.session_dates
        return self.rows((days >= np.datetime64(first, "D")) & (days <= np.datetime64(last, "D")))


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
