"""What the prices of underlyings tell of their options: how much they move, and what they pay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from services.marketdata.domain.adjustment import cash_paid
from services.marketdata.domain.bars import Days, Prices
from services.marketdata.domain.matrix import Adjustments, Columns, align, newest_bases, price_matrix
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.realised import realised_volatility

A_YEAR = np.timedelta64(365, "D")


@dataclass(frozen=True, slots=True, eq=False)
class Underlyings:
    """N underlyings over the last S sessions."""

    place: Mapping[int, int]
    """Column of each, by instrument."""
    session_dates: Days
    raw_closes: Prices
    """S x N; NaN where there is none."""
    volatilities: Prices
    """N, realised; NaN where there is none."""
    cash_paid: Prices
    """N: dividends of the year before, per share of today. NaN: not known, or in the prices already."""
    data_versions: Sequence[int]
    """N: newest version of what these are made of."""

    def raw_close(self, instrument_id: int, session_date: date) -> float:
        """Give the raw close of an underlying in one of the sessions; NaN if there is none."""
        row = np.searchsorted(self.session_dates, np.datetime64(session_date, "D"))
        if row == len(self.session_dates) or self.session_dates[row] != np.datetime64(session_date, "D"):
            return float("nan")
        return float(self.raw_closes[row, self.place[instrument_id]])

    def cash_paid_by(self, instrument_id: int) -> float:
        """Give what a share of an underlying paid in the year before; NaN if that is not known."""
        return float(self.cash_paid[self.place[instrument_id]])

    def volatility_of(self, instrument_id: int) -> float:
        """Give the realised volatility of an underlying; NaN if there is none."""
        return float(self.volatilities[self.place[instrument_id]])

    def data_version_of(self, instrument_id: int) -> int:
        """Give the newest version of what is said of an underlying."""
        return self.data_versions[self.place[instrument_id]]


def underlyings(
    instrument_ids: Sequence[int],
    session_dates: Days,
    columns: Columns,
    adjustments: Adjustments,
    data_versions: Sequence[int],
) -> Underlyings:
    """Work out what there is to know of underlyings.

    Args:
        instrument_ids: the N underlyings, in the order of the columns.
        session_dates: S sessions, oldest first.
        columns: their bars.
        adjustments: their actions, of at least a year before the last session.
        data_versions: newest version of each of them.
    """
    total_return = price_matrix(session_dates, columns, adjustments, PriceBasis.TOTAL_RETURN_ADJUSTED)
    raw = align(session_dates, columns, PriceBasis.RAW)
    last = session_dates[-1]
    paid = cash_paid(adjustments.actions, len(instrument_ids), last - A_YEAR, last)
    paid_apart = (adjustments.complete | (paid > 0)) & (newest_bases(columns) == PriceBasis.RAW)
    return Underlyings(
        place={instrument_id: place for place, instrument_id in enumerate(instrument_ids)},
        session_dates=session_dates,
        raw_closes=raw.closes,
        volatilities=realised_volatility(total_return.closes),
        cash_paid=np.where(paid_apart, paid, np.nan),
        data_versions=data_versions,
    )
