"""Bars that are known already, in columns: what is news is found by comparing with them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import BarSeries, Days, Prices
from services.marketdata.domain.checks import KnownClose


@dataclass(frozen=True, slots=True, eq=False)
class KnownBars:
    """The newest bar of each session of an instrument, oldest first."""

    days: Days
    values: Prices
    """Columns of open, high, low, close and volume; NaN where not known. A row is a bar."""
    bases: NDArray[np.int16]
    """Numbers of `PriceBasis`."""

    def close_near(self, series: BarSeries) -> KnownClose | None:
        """Give the close to begin from when a series is judged: the last before it on its basis, or else the next."""
        rows = np.flatnonzero(self.bases == series.price_basis)
        if not len(rows) or not len(series):
            return None
        place = int(np.searchsorted(self.days[rows], series.session_dates[0])) - 1
        row = rows[max(place, 0)]
        return KnownClose(self.days[row].item(), float(self.values[row, 3]))


def news(series: BarSeries, known: KnownBars) -> BarSeries:
    """Give the bars that say something else than the known one of their session, or of whose session none is known."""
    if not len(known.days):
        return series
    rows = np.searchsorted(known.days, series.session_dates).clip(max=len(known.days) - 1)
    told = np.column_stack([series.open, series.high, series.low, series.close, series.volume])
    values = known.values[rows]
    same = ((told == values) | (np.isnan(told) & np.isnan(values))).all(axis=1)
    same &= (known.days[rows] == series.session_dates) & (known.bases[rows] == series.price_basis)
    return series.rows(~same)


def nothing_known() -> KnownBars:
    """Give what is known of an instrument without bars."""
    return KnownBars(np.empty(0, "datetime64[D]"), np.empty((0, 5)), np.empty(0, np.int16))
