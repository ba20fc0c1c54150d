"""Typed values as the columns of a series, oldest first."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import BarSeries, Days, Prices
from services.marketdata.domain.prices import PriceBasis

BarRow = tuple[date, float, float, float, float, float]
"""Day, open, high, low, close, volume."""


def bar_series(symbol: str, rows: Sequence[BarRow], basis: PriceBasis) -> BarSeries | None:
    """Give the series of some rows, in order of their days. None: there are no rows."""
    if not rows:
        return None
    days, values = in_order([row[0] for row in rows], np.array([row[1:] for row in rows], dtype=np.float64))
    opens, highs, lows, closes, volumes = values.T
    return BarSeries(symbol, days, closes, basis, open=opens, high=highs, low=lows, volume=volumes)


def in_order(days: Sequence[date], values: Prices) -> tuple[Days, Prices]:
    """Sort values by their days; those of one day stay in the order in which they came."""
    column: Days = np.array(days, dtype="datetime64[D]")
    order: NDArray[np.intp] = np.argsort(column, kind="stable")
    return column[order], values[order]
