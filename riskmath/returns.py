"""Returns from prices, and what may be done with them (methodology, section 0).

Across assets returns are simple, because weights add simple returns; through time they are logarithmic, because those
add over sessions. A missing price makes two returns missing. Nothing is ever carried forward.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import BoolArray, FloatArray, columns, matrices

SESSIONS_A_YEAR: Final = 252.0
STALE_SESSIONS: Final = 3
"""A last price that is older than as many sessions is stale."""


def simple_returns(prices: ArrayLike) -> FloatArray:
    """Simple returns from one session to the next.

    Formula: P(t) / P(t-1) - 1.
    Shapes: prices (T, N), result (T - 1, N); (0, N) where T is below 2.
    Units: prices in any currency, adjusted for whatever shall not count as a return; the result is a decimal.
    NaN: missing where either price is.
    Errors: ValueError for infinity, or a price at or below 0; FloatingPointError when a ratio is beyond float64.
    """
    known = _prices(prices)
    with np.errstate(over="raise"):
        return known[1:] / known[:-1] - 1.0


def log_returns(prices: ArrayLike) -> FloatArray:
    """Logarithmic returns from one session to the next: they add through time, never across assets.

    Formula: ln P(t) - ln P(t-1).
    Shapes, units, NaN and errors: as `simple_returns`.
    """
    return np.diff(np.log(_prices(prices)), axis=0)


def total_returns(returns: ArrayLike) -> FloatArray:
    """Returns of whole stretches of sessions, one for each column.

    Formula: prod (1 + r) - 1 over the sessions.
    Shapes: returns (T, N), simple; result (N,), 0 where T is 0.
    NaN: missing where any session of the column is: a gap may hide any move.
    Errors: ValueError for infinity; FloatingPointError when a product is beyond float64.
    """
    (simple,) = matrices(returns=returns)
    with np.errstate(over="raise"):
        return np.asarray(np.prod(1.0 + simple, axis=0) - 1.0)


def month_ends(days: ArrayLike) -> NDArray[np.int64]:
    """The last session of each month that is over.

    Formula: the rows after which the month changes, and the last row where no weekday is left in its month.
    Shapes: days (S,), datetime64[D], ascending; result (M,), rows of `days`. NaN: none is accepted, nor NaT.
    Errors: ValueError for days that do not ascend.
    """
    day = np.asarray(days, dtype="datetime64[D]")
    if not (day[1:] > day[:-1]).all():
        raise ValueError("days must ascend")
    month = day.astype("datetime64[M]")
    over = np.append(month[1:] != month[:-1], [False] * min(1, len(day)))
    if len(day):
        next_month = (month[-1:] + 1).astype("datetime64[D]")
        over[-1] = np.busday_count(day[-1:] + 1, next_month)[0] == 0
    return np.flatnonzero(over)


def base_returns(local: ArrayLike, fx: ArrayLike) -> FloatArray:
    """Returns of foreign instruments to whom counts in base currency.

    Formula: (1 + r) (1 + r_fx) - 1.
    Shapes: both (T, N), result (T, N). Units: decimals; fx the return of the instrument's currency in base currency.
    NaN: missing where either is. Errors: ValueError for infinity or different shapes.
    Source: methodology, section 1, FX.
    """
    own, currency = matrices(local=local, fx=fx)
    if own.shape != currency.shape:
        raise ValueError(f"fx has shape {currency.shape}, local has {own.shape}: must be the same")
    return (1.0 + own) * (1.0 + currency) - 1.0


def common_sessions(returns: ArrayLike) -> BoolArray:
    """Sessions on which every column is known.

    Shapes: returns (T, N), result (T,); all true where N is 0. NaN: missing.
    Errors: ValueError for infinity.
    """
    (values,) = matrices(returns=returns)
    return np.asarray(~np.isnan(values).any(axis=1))


def price_age(prices: ArrayLike) -> NDArray[np.int64]:
    """Sessions since the last known price of each column.

    Shapes: prices (T, N), the last row is the session valued; result (N,): 0 known on that session, T never known.
    NaN: missing. Errors: ValueError for infinity.
    """
    (values,) = matrices(prices=prices)
    known = ~np.isnan(values)[::-1]
    return np.where(known.any(axis=0), known.argmax(axis=0) if len(known) else 0, len(known))


def stale(prices: ArrayLike, sessions: int = STALE_SESSIONS) -> BoolArray:
    """Which columns have no price young enough to value with.

    Formula: `price_age` > sessions. Shapes, NaN and errors: as `price_age`.
    Source: methodology, section 0.
    """
    return price_age(prices) > sessions


def proxied(returns: ArrayLike, model: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Returns with the missing ones replaced by those of a model, and which these are.

    A young instrument has no return in a crisis that came before it; left out, the book would have had no risk in it.
    Shapes: both (T, N), results (T, N): the returns, and true where a return is the model's.
    NaN: missing in `returns`, replaced; missing in both stays NaN, and is false in the second result.
    Errors: ValueError for infinity or different shapes.
    """
    own, modelled = matrices(returns=returns, model=model)
    if own.shape != modelled.shape:
        raise ValueError(f"model has shape {modelled.shape}, returns has {own.shape}: must be the same")
    filled = np.isnan(own) & ~np.isnan(modelled)
    return np.where(filled, modelled, own), filled


def window_returns(returns: ArrayLike, sessions: int) -> FloatArray:
    """Returns of every stretch of `sessions` in a row, such as all months of a history.

    Formula: prod (1 + r) - 1 over sessions t, ..., t + sessions - 1.
    Shapes: returns (T, N), result (T - sessions + 1, N); (0, N) where T is less than `sessions`.
    NaN: missing where any session of the stretch is.
    Errors: ValueError for infinity, or fewer than one session.
    """
    (simple,) = matrices(returns=returns)
    if sessions < 1:
        raise ValueError(f"sessions is {sessions}: must be at least 1")
    if len(simple) < sessions:
        return np.empty((0, simple.shape[1]))
    stretches = np.lib.stride_tricks.sliding_window_view(simple, sessions, axis=0)
    return np.asarray(np.prod(1.0 + stretches, axis=-1) - 1.0)


def annualised(volatility: ArrayLike) -> FloatArray:
    """Volatilities a year from those of one session.

    Formula: sigma sqrt(252). Shapes: (N,), result (N,). NaN: stays missing. Errors: ValueError for infinity.
    """
    (daily,) = columns(volatility=volatility)
    return np.asarray(daily * np.sqrt(SESSIONS_A_YEAR))


def _prices(prices: ArrayLike) -> FloatArray:
    (known,) = matrices(prices=prices)
    if (known <= 0.0).any():
        row, column = np.argwhere(known <= 0.0)[0]
        raise ValueError(f"prices[{row}, {column}] is {known[row, column]}: must be above 0")
    return known
