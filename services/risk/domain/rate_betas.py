"""What everything that a book follows gains or loses with a Treasury yield, the market held still."""

from dataclasses import dataclass, replace
from datetime import date
from threading import Lock
from typing import Final, Literal

import numpy as np
from cachetools import LRUCache, cached

from riskmath.arrays import FloatArray
from riskmath.rates import RateBetas, rate_betas, yield_changes
from riskmath.returns import simple_returns
from services.risk.domain.analysis import Found, Lookback
from services.risk.domain.assessed import BOOKS_KEPT, assess
from services.risk.domain.factor_fits import LONGEST
from services.risk.domain.inputs import Inputs, Needs, YieldHistory, newest
from services.risk.domain.market_factor import market_closes
from services.risk.domain.moves import Moves, moves, with_history

WINDOW: Final = 756
"""Sessions that are regressed on: the beta of a bank is 2 on one year and 7 on three."""
MINIMUM: Final = 60
LAGS: Final = 7
"""Lags that the standard errors allow for."""
DAYS_OF_YIELDS: Final = WINDOW + 40
"""Of Treasuries and of the exchange, either has days that the other has not."""

Tenor = Literal["3M", "2Y", "10Y", "30Y"]
DEFAULT_TENOR: Final[Tenor] = "10Y"

RATE_NEEDS = Needs(sessions=WINDOW + 1, factor_sessions=LONGEST, yield_sessions=DAYS_OF_YIELDS)
"""What rate betas are made of."""


@dataclass(frozen=True, slots=True, eq=False)
class RatedBook:
    """A book whose underlyings all have a rate beta, the largest net exposure first."""

    moved: Moves
    """The underlyings; `moved.assessed` is the book without what has no rate beta."""
    betas: RateBetas
    """Of the N underlyings, in their order."""
    change: FloatArray
    """(T,), of the yield, in decimals; NaN where one is missing."""
    market: FloatArray
    """(T,), the returns that are held still."""
    lookback: Lookback
    """The sessions on which the change of the yield and the market's return are known."""


def rate_book(inputs: Inputs, tenor: Tenor = DEFAULT_TENOR) -> RatedBook | Found:
    """Give the rate betas of everything that a book follows, or say why there are none.

    Reasons: `no_market_data`, `no_exposure` (no position), `no_yields` (none of the tenor), `no_factor_data` (nothing
    stands for the market), `insufficient_overlap` (less than half of the book has a rate beta).
    """
    return _rate(replace(inputs, history=newest(inputs.history, WINDOW + 1)) if inputs.history else inputs, tenor)


@cached(
    LRUCache(BOOKS_KEPT),
    key=lambda inputs, tenor: (inputs.book, inputs.market, inputs.history, inputs.factors, inputs.yields, tenor),
    lock=Lock(),
)
def _rate(inputs: Inputs, tenor: Tenor) -> RatedBook | Found:
    assessed = assess(inputs)
    if not len(inputs.book.held):
        return assessed.unavailable("no_exposure")
    if not assessed.enough:
        return assessed.unavailable()
    moved = moves(inputs, assessed, WINDOW, MINIMUM)
    market = market_closes(inputs.factors, moved.dates)
    if inputs.yields is None or tenor not in inputs.yields.tenors:
        return moved.assessed.unavailable("no_yields")
    if market is None:
        return moved.assessed.unavailable("no_factor_data")
    control = simple_returns(market[:, None])[:, 0]
    change = _changes(inputs.yields, tenor, moved.dates)
    betas = rate_betas(moved.returns, change, control, lags=LAGS, minimum=MINIMUM)
    enough = ~np.isnan(betas.rate_beta)
    rated = with_history(inputs, moved, enough)
    if not rated.underlyings.symbols or not rated.assessed.enough:
        return rated.assessed.unavailable("insufficient_overlap")
    kept = RateBetas(
        rate_beta=betas.rate_beta[enough],
        error=betas.error[enough],
        t=betas.t[enough],
        significant=betas.significant[enough],
        observations=betas.observations[enough],
    )
    used = np.flatnonzero(~np.isnan(change + control))
    dates = moved.dates[int(used[0]) + 1], moved.dates[int(used[-1]) + 1]
    return RatedBook(rated, kept, change, control, Lookback(WINDOW, used.size, *dates))


def newest_yield(yields: YieldHistory, tenor: Tenor) -> tuple[date, float] | None:
    """Give the newest yield of a tenor and its day. None: there is none."""
    column = yields.yields[:, yields.tenors.index(tenor)] if tenor in yields.tenors else np.empty(0)
    known = np.flatnonzero(~np.isnan(column))
    return (yields.dates[int(known[-1])], float(column[known[-1]])) if known.size else None


def _changes(yields: YieldHistory, tenor: Tenor, dates: tuple[date, ...]) -> FloatArray:
    """Changes of a yield from each of these sessions to the next, in decimals; NaN where one is missing."""
    column = yields.yields[:, yields.tenors.index(tenor)]
    by_date = dict(zip(yields.dates, column.tolist(), strict=True))
    on_sessions = np.array([by_date.get(day, np.nan) for day in dates], dtype=np.float64)
    return yield_changes(on_sessions[:, None])[:, 0]
