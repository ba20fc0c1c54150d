"""Closes of many instruments over many sessions, aligned: a quarter of a million prices cost a few array operations."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import Days, Prices
from services.marketdata.domain.prices import PriceBasis


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The bars of N instruments, one instrument after another and the newest bar of each first."""

    lengths: NDArray[np.int64]
    """N: how many bars each instrument has. 0: none."""
    days: Days
    closes: Prices
    bases: NDArray[np.int16]
    """Numbers of `PriceBasis`."""


@dataclass(frozen=True, slots=True, eq=False)
class PriceMatrix:
    """Closes of S sessions x N instruments."""

    session_dates: Days
    """S days, oldest first."""
    closes: Prices
    """S x N; NaN where there is no close. Nothing is filled forward."""
    price_bases: list[PriceBasis]
    """N: a column is of one basis, that of its newest bar."""


def align(session_dates: Days, columns: Columns) -> PriceMatrix:
    """Put every bar into the row of its session; one of a day that is none has no place.

    Args:
        session_dates: the S sessions, oldest first.
        columns: the N instruments.
    """
    newest = _newest_bases(columns)
    column_of = np.repeat(np.arange(len(columns.lengths)), columns.lengths)
    row_of = np.searchsorted(session_dates, columns.days)
    fits = session_dates.take(row_of, mode="clip") == columns.days
    fits &= columns.bases == newest[column_of]  # a return from one basis to another would be nonsense
    closes = np.full((len(session_dates), len(columns.lengths)), np.nan)
    closes[row_of[fits], column_of[fits]] = columns.closes[fits]
    return PriceMatrix(session_dates, closes, [PriceBasis(int(basis)) for basis in newest])


def _newest_bases(columns: Columns) -> NDArray[np.int16]:
    """Give the basis of each column's first bar, which is its newest."""
    newest = np.full(len(columns.lengths), PriceBasis.UNSPECIFIED, dtype=np.int16)
    filled = columns.lengths > 0
    newest[filled] = columns.bases[(np.cumsum(columns.lengths) - columns.lengths)[filled]]
    return newest
