"""Histories made comparable: closes read with what issuers did to their shares in between.

A split divides every price before it by its ratio. A cash dividend is bought back into the share at the close of its
ex-date, so that the return over that day is (P_t + D) / P_(t-1) - 1, which is what the holder earned; published
total-return indices are computed so. Only days before an ex-date change, so the newest close is always the quoted one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import Days, Prices
from services.marketdata.domain.corporate_actions import ActionKind


@dataclass(frozen=True, slots=True, eq=False)
class Actions:
    """Corporate actions of N histories, in columns of equal length and any order."""

    history: NDArray[np.int64]
    """Which of the N histories, from 0."""
    ex_dates: Days
    kinds: NDArray[np.int16]
    """Numbers of `ActionKind`."""
    values: Prices
    """Split: new shares per old share. Dividend: cash per share as traded on the ex-date."""

    def where(self, wanted: NDArray[np.bool_]) -> "Actions":
        """Give some of them."""
        return Actions(self.history[wanted], self.ex_dates[wanted], self.kinds[wanted], self.values[wanted])

    def of(self, kind: ActionKind) -> "Actions":
        """Give those of one kind."""
        return self.where(self.kinds == kind)


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """What raw closes of S days x N histories are multiplied by. A share count is divided by `splits`."""

    splits: Prices
    """For the split-adjusted close."""
    total: Prices
    """For the total-return-adjusted close: splits and dividends."""


def factors(days: Days, closes: Prices, actions: Actions) -> Factors:
    """Give the factors that make raw closes comparable with those of the last day.

    Args:
        days: S days, oldest first. An action after the last of them changes nothing.
        closes: S x N raw closes; NaN where there is none. A dividend that went ex on a day without a close is bought
            back at the next one; where there is none, nothing is known to compare with, and it changes nothing.
        actions: those of the N histories.
    """
    splits = _split_factors(days, closes.shape, actions.of(ActionKind.SPLIT))
    dividends = actions.of(ActionKind.DIVIDEND)
    ex_at = np.searchsorted(days, dividends.ex_dates)
    bought_at = _next_known(closes, ex_at, dividends.history)
    known = bought_at < len(days)
    ex_at, bought_at, history = ex_at[known], bought_at[known], dividends.history[known]
    # In shares of the last day, like the price, so that a split between the ex-date and the next close does not matter.
    cash = dividends.values[known] * splits[ex_at, history]
    # Several may be bought back at one close: their cash adds up.
    cells, of_cell = np.unique(bought_at * closes.shape[1] + history, return_inverse=True)
    row, column = np.divmod(cells, closes.shape[1])
    price = closes[row, column] * splits[row, column]
    kept = np.ones_like(closes)
    kept[row, column] = price / (price + np.bincount(of_cell, weights=cash, minlength=len(cells)))
    return Factors(splits, splits * _of_days_before(kept))


def cash_paid(actions: Actions, count: int, after: np.datetime64, until: np.datetime64) -> Prices:
    """Give the cash that one share of today brought in since a day, for each of N histories.

    Args:
        actions: those of the N histories.
        count: N.
        after: the day; what went ex on it does not count.
        until: today.
    """
    happened = actions.where((actions.ex_dates > after) & (actions.ex_dates <= until))
    dividends, splits = happened.of(ActionKind.DIVIDEND), happened.of(ActionKind.SPLIT)
    later = (splits.history == dividends.history[:, None]) & (splits.ex_dates > dividends.ex_dates[:, None])
    shares = np.where(later, splits.values, 1.0).prod(axis=1)
    cash = np.zeros(count)
    np.add.at(cash, dividends.history, dividends.values / shares)
    return cash


def _split_factors(days: Days, shape: tuple[int, ...], splits: Actions) -> Prices:
    row = np.searchsorted(days, splits.ex_dates)
    inside = row < len(days)
    ratios = np.ones(shape)
    np.multiply.at(ratios, (row[inside], splits.history[inside]), splits.values[inside])
    return 1 / _of_days_before(ratios) if inside.any() else ratios


def _of_days_before(of_day: Prices) -> Prices:
    """Turn what happens on each day into its product over all later days."""
    later = np.ones_like(of_day)
    np.cumprod(of_day[:0:-1], axis=0, out=later[-2::-1])
    return later


def _next_known(closes: Prices, row: NDArray[np.intp], history: NDArray[np.int64]) -> NDArray[np.intp]:
    """Give the first row at or after another in which a history has a close; the number of rows if there is none."""
    found = row.copy()
    inside = np.flatnonzero(row < len(closes))
    missing = inside[np.isnan(closes[row[inside], history[inside]])]
    for place in missing.tolist():
        known = np.flatnonzero(~np.isnan(closes[row[place] :, history[place]]))
        found[place] = row[place] + known[0] if len(known) else len(closes)
    return found
