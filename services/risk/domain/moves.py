"""How a book as it is now would have moved: its underlyings' simple returns, and what has too short a history."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import BoolArray, FloatArray
from riskmath.exposure import coverage as measure_coverage
from riskmath.returns import simple_returns
from services.risk.domain.assessed import Assessed
from services.risk.domain.book import Positions
from services.risk.domain.coverage import book_coverage
from services.risk.domain.inputs import Inputs
from services.risk.domain.underlyings import Underlyings, closes_of, net_by_underlying


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """The underlyings of a book that have a history, and their returns."""

    assessed: Assessed
    """Without the positions whose underlying has too short a history: they are in its coverage."""
    underlyings: Underlyings
    returns: FloatArray
    """(T, N), simple; NaN where one is missing."""
    dates: tuple[date, ...]
    """(T + 1,), of the closes: return t is from the close of dates[t] to that of dates[t + 1]."""

    def columns_of(self, held: Positions) -> NDArray[np.int64]:
        """(R,), the underlying that each held position follows, as a column of the returns; -1: it is left out."""
        place = {followed: column for column, followed in enumerate(self.underlyings.instrument_ids)}
        rows = zip(held.underlying_ids, self.assessed.valued.reasons, strict=True)
        return np.array([-1 if reason else place[followed] for followed, reason in rows], dtype=np.int64)


def moves(inputs: Inputs, assessed: Assessed, lookback_days: int, at_least: int) -> Moves:
    """Give the returns of what a book follows; leave out what has fewer than so many in the last `lookback_days`."""
    everything = net_by_underlying(inputs.book.held, assessed)
    returns = simple_returns(closes_of(everything, inputs.history))
    dates = inputs.history.session_dates if inputs.history else ()
    counts = (~np.isnan(returns[-lookback_days:])).sum(axis=0)
    return with_history(inputs, Moves(assessed, everything, returns, dates), counts >= at_least)


def with_history(inputs: Inputs, moved: Moves, enough: BoolArray) -> Moves:
    """Leave out the underlyings, (N,), whose history is not enough, and the positions that follow them."""
    if enough.all():
        return moved
    kept = np.flatnonzero(enough).tolist()
    short = [moved.underlyings.instrument_ids[place] for place in np.flatnonzero(~enough)]
    return Moves(
        assessed=without(inputs, moved.assessed, dict.fromkeys(short, "insufficient_history")),
        underlyings=moved.underlyings.only(kept),
        returns=moved.returns[:, kept],
        dates=moved.dates,
    )


def without(inputs: Inputs, assessed: Assessed, left_out: Mapping[int, str]) -> Assessed:
    """Leave out the positions that follow these instruments, each with why; what the book is worth stays as it is."""
    valued, followed = assessed.valued, inputs.book.held.underlying_ids
    reasons = tuple(
        reason or left_out.get(underlying, "") for reason, underlying in zip(valued.reasons, followed, strict=True)
    )
    left = np.array([bool(reason) for reason in reasons], dtype=bool)
    narrowed = replace(
        valued,
        market_value=np.where(left, np.nan, valued.market_value),
        pnl=np.where(left, np.nan, valued.pnl),
        currency_pnl=np.where(left, np.nan, valued.currency_pnl),
        exposure=np.where(left, np.nan, valued.exposure),
        reasons=reasons,
    )
    measured = measure_coverage(narrowed.exposure, narrowed.size)
    told = book_coverage(inputs.book, narrowed, assessed.realized.covered, measured)
    return replace(assessed, valued=narrowed, measured=measured, coverage=told)
