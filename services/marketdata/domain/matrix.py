"""Closes of many instruments over many sessions, aligned: a quarter of a million prices cost a few array operations."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.adjustment import Actions, factors
from services.marketdata.domain.bars import Days, Prices
from services.marketdata.domain.prices import PriceBasis


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The bars of N instruments, one instrument after another and the newest day of each first.

    A day that was corrected stands there several times, the bar in force first.
    """

    lengths: NDArray[np.int64]
    """N: how many bars each instrument has. 0: none."""
    days: Days
    closes: Prices
    bases: NDArray[np.int16]
    """Numbers of `PriceBasis`."""


@dataclass(frozen=True, slots=True, eq=False)
class Adjustments:
    """What there is to adjust the closes of N instruments by."""

    actions: Actions
    complete: NDArray[np.bool_]
    """N: whether a source of the actions of the instrument was ever asked, so that these are all."""
    known: NDArray[np.bool_]
    """N: whether they are complete, or anybody ever told of one, so that there is something to adjust by."""


@dataclass(frozen=True, slots=True, eq=False)
class PriceMatrix:
    """Closes of S sessions x N instruments."""

    session_dates: Days
    """S days, oldest first."""
    closes: Prices
    """S x N; NaN where there is no close. Nothing is filled forward."""
    price_bases: NDArray[np.int16]
    """N numbers of `PriceBasis`: a column is of one basis, and of none where it has no close that could serve."""


def price_matrix(session_dates: Days, columns: Columns, adjustments: Adjustments, wanted: PriceBasis) -> PriceMatrix:
    """Give closes on the basis that is wanted, or raw ones where it is not known what to adjust them by.

    Args:
        session_dates: the S sessions, oldest first.
        columns: the N instruments.
        adjustments: what is known of each of them.
        wanted: RAW, SPLIT_ADJUSTED or TOTAL_RETURN_ADJUSTED.
    """
    matrix = align(session_dates, columns, wanted)
    if wanted is PriceBasis.RAW:
        return matrix
    adjusted = (matrix.price_bases == PriceBasis.RAW) & adjustments.known
    made = factors(session_dates, matrix.closes, adjustments.actions)
    by = made.splits if wanted is PriceBasis.SPLIT_ADJUSTED else made.total
    return replace(
        matrix,
        closes=np.where(adjusted, matrix.closes * by, matrix.closes),
        price_bases=np.where(adjusted, np.int16(wanted), matrix.price_bases),
    )


def align(session_dates: Days, columns: Columns, wanted: PriceBasis) -> PriceMatrix:
    """Put the closes that a basis can be made from into the rows of their sessions; a day that is none has no row."""
    columns = _in_force(columns)
    basis_of = _sources(columns, wanted)
    column_of = np.repeat(np.arange(len(columns.lengths)), columns.lengths)
    row_of = np.searchsorted(session_dates, columns.days)
    fits = session_dates.take(row_of, mode="clip") == columns.days
    fits &= columns.bases == basis_of[column_of]  # a return from one basis to another would be nonsense
    closes = np.full((len(session_dates), len(columns.lengths)), np.nan)
    closes[row_of[fits], column_of[fits]] = columns.closes[fits]
    return PriceMatrix(session_dates, closes, basis_of)


def _in_force(columns: Columns) -> Columns:
    """Leave out bars that were corrected."""
    corrected = np.zeros(len(columns.days), dtype=bool)
    corrected[1:] = columns.days[1:] == columns.days[:-1]
    ends = np.cumsum(columns.lengths)
    first_of_each = (ends - columns.lengths)[columns.lengths > 0]
    corrected[first_of_each] = False
    if not corrected.any():
        return columns
    counts = np.concatenate([[0], np.cumsum(~corrected)])
    lengths = counts[ends] - counts[ends - columns.lengths]
    return Columns(lengths, columns.days[~corrected], columns.closes[~corrected], columns.bases[~corrected])


def newest_bases(columns: Columns) -> NDArray[np.int16]:
    """Give the basis of the newest bar of each instrument, which stands first."""
    bases = np.full(len(columns.lengths), PriceBasis.UNSPECIFIED, dtype=np.int16)
    filled = columns.lengths > 0
    bases[filled] = columns.bases[(np.cumsum(columns.lengths) - columns.lengths)[filled]]
    return bases


def _sources(columns: Columns, wanted: PriceBasis) -> NDArray[np.int16]:
    """Give the basis whose bars each column is made of: for total return that of its newest bar, otherwise raw."""
    if wanted is PriceBasis.TOTAL_RETURN_ADJUSTED:
        return newest_bases(columns)
    bases = np.full(len(columns.lengths), PriceBasis.UNSPECIFIED, dtype=np.int16)
    column_of = np.repeat(np.arange(len(columns.lengths)), columns.lengths)
    bases[column_of[columns.bases == PriceBasis.RAW]] = PriceBasis.RAW
    return bases
