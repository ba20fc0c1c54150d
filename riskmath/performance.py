"""What a book has earned, and at which risk (methodology, section 8).

Time-weighted: money that comes and goes is not performance. Ratios are of sessions, a year has 252 of them, and the
rate without risk is a return of a session too. None stands for what cannot be computed: too few returns, nothing to
divide by, or a number beyond float64.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import BoolArray, FloatArray, columns, refuse_missing
from riskmath.returns import SESSIONS_A_YEAR

STANDS_STILL: Final = 1e-15
"""Deviations below this are rounding."""


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall from a peak. depth: at most 0. peak, trough: returns that lead to them (0: the start).

    recovery: returns until the peak is reached again; None where it is not.
    """

    depth: float
    peak: int
    trough: int
    recovery: int | None


@dataclass(frozen=True, slots=True)
class Performance:
    """Ratios of one series of returns; decimals, annual where named so."""

    sessions: int
    total_return: float
    annual_return: float | None
    annual_volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown: Drawdown


@dataclass(frozen=True, slots=True)
class RelativePerformance:
    """A series of returns beside a benchmark's, on the sessions that both have.

    alpha: annual, of the regression; beta: its slope. tracking_error: annual. up_capture, down_capture: annual return
        on
    the sessions on which the benchmark rose or fell, by the benchmark's own.
    """

    sessions: int
    alpha: float | None
    beta: float | None
    tracking_error: float | None
    information_ratio: float | None
    up_capture: float | None
    down_capture: float | None


def time_weighted_returns(value: ArrayLike, flow: ArrayLike) -> FloatArray:
    """Returns of sessions of a book into which money goes, and from which it comes.

    Formula: V(t) / (V(t-1) + F(t)) - 1, F(t) put in (positive) or taken out at the start of session t.
    Shapes: value and flow (T,), result (T - 1,); flow[0] is in value[0] already and plays no part.
    Units: money. NaN: missing where a value or the flow is, or where there was nothing to earn on, V(t-1) + F(t) <= 0.
    Errors: ValueError for infinity or different lengths; FloatingPointError when a ratio is beyond float64.
    Source: Global Investment Performance Standards, time-weighted rate of return; methodology, section 8.
    """
    worth, moved = columns(value=value, flow=flow)
    start = worth[:-1] + moved[1:]
    earning = start > 0.0
    with np.errstate(over="raise"):
        return np.where(earning, worth[1:] / np.where(earning, start, 1.0) - 1.0, np.nan)


def cumulative(returns: ArrayLike) -> FloatArray:
    """Growth since the start, less 1: (T,). NaN: a missing return counts as none. Errors: ValueError for infinity."""
    (r,) = columns(returns=returns)
    return np.asarray(np.cumprod(1.0 + np.nan_to_num(r)) - 1.0)


def drawdowns(returns: ArrayLike) -> FloatArray:
    """How far below the highest growth so far the book stands after each session.

    Formula: G(t) / max(1, G(1), ..., G(t)) - 1, G the growth. Shapes: returns (T,), result (T,), at most 0.
    NaN: a missing return counts as none. Errors: ValueError for infinity or a return below -1.
    """
    (r,) = columns(returns=returns)
    _refuse_ruin(r)
    growth = np.concatenate([[1.0], np.cumprod(1.0 + np.nan_to_num(r))])
    return np.asarray((growth / np.maximum.accumulate(growth) - 1.0)[1:])


def deepest_drawdown(returns: ArrayLike) -> Drawdown:
    """The deepest fall, where it began and ended. Shapes, NaN and errors: as `drawdowns`."""
    below = np.concatenate([[0.0], drawdowns(returns)])
    trough = int(np.argmin(below))
    peak = int(np.flatnonzero(below[: trough + 1] == 0.0)[-1])
    back = np.flatnonzero(below[trough:] == 0.0)
    recovery = trough + int(back[0]) if back.size else None
    return Drawdown(depth=float(below[trough]), peak=peak, trough=trough, recovery=recovery)


def performance(returns: ArrayLike, *, rate: float = 0.0) -> Performance:
    """Return, risk and their ratios.

    Formula: annual return (1 + total)^(252 / n) - 1; volatility sd(r) sqrt(252), with n - 1; Sharpe
        mean(r - f) / sd(r - f) sqrt(252); Sortino mean(r - f) 252 / (sqrt(mean(min(r - f, 0)^2)) sqrt(252)); Calmar
        annual return / |deepest drawdown|.
    Shapes: returns (T,), simple. Units: rate is the return of a session without risk (0.04 a year is 0.04 / 252).
    NaN: a missing return is left out. Conventions and values are those of empyrical.
    Errors: ValueError for infinity, a return below -1, a rate that is not finite.
    Source: Sharpe 1966 and 1994; Sortino and Price 1994; Young 1991.
    """
    (r,) = columns(returns=returns)
    _refuse_ruin(r)
    _refuse_rate(rate)
    r = r[~np.isnan(r)]
    excess = r - rate
    growth = float(np.prod(1.0 + r))
    annual_return = _a_year(growth, r.size) if r.size else None
    fall = deepest_drawdown(r)
    below = float(np.sqrt(np.square(np.minimum(excess, 0.0)).mean())) if r.size else 0.0
    year = float(np.sqrt(SESSIONS_A_YEAR))
    deviation = _deviation(r)
    return Performance(
        sessions=r.size,
        total_return=growth - 1.0,
        annual_return=annual_return,
        annual_volatility=deviation * year if deviation is not None else None,
        sharpe=_quotient(float(excess.mean()) * year, deviation) if r.size else None,
        sortino=_quotient(float(excess.mean()) * year, below) if r.size else None,
        calmar=_quotient(annual_return, -fall.depth) if annual_return is not None else None,
        drawdown=fall,
    )


def relative_performance(returns: ArrayLike, benchmark: ArrayLike, *, rate: float = 0.0) -> RelativePerformance:
    """Return and risk beside a benchmark.

    Formula: beta = cov(r, b) / var(b); alpha = (1 + mean(r - f - beta (b - f)))^252 - 1; tracking error
        sd(r - b) sqrt(252); information ratio mean(r - b) / sd(r - b) sqrt(252); capture: annual return of r by that
        of b over the sessions with b >= 0 (up) or b < 0 (down).
    Shapes: both (T,), simple returns. Units: as `performance`.
    NaN: a session with either missing is left out. Conventions are empyrical's, whose information ratio is not annual.
    Errors: as `performance`, and ValueError for different lengths.
    Source: Jensen 1968; Grinold and Kahn, Active Portfolio Management, 1999; Morningstar for capture.
    """
    own, other = columns(returns=returns, benchmark=benchmark)
    for series in (own, other):
        _refuse_ruin(series)
    _refuse_rate(rate)
    known = ~np.isnan(own + other)
    r, b = own[known], other[known]
    active = _deviation(r - b)
    year = float(np.sqrt(SESSIONS_A_YEAR))
    beta = _slope(r, b)
    daily = float((r - rate - beta * (b - rate)).mean()) if beta is not None else None
    return RelativePerformance(
        sessions=r.size,
        alpha=_a_year(1.0 + daily, 1) if daily is not None and daily > -1.0 else None,
        beta=beta,
        tracking_error=active * year if active is not None else None,
        information_ratio=_quotient(float((r - b).mean()) * year, active) if r.size else None,
        up_capture=_capture(r, b, b >= 0.0),
        down_capture=_capture(r, b, b < 0.0),
    )


def _slope(r: FloatArray, b: FloatArray) -> float | None:
    centred = b - b.mean() if b.size else b
    square = float(centred @ centred)
    return float(centred @ r) / square if square > STANDS_STILL**2 * max(b.size, 1) else None


def _capture(r: FloatArray, b: FloatArray, chosen: BoolArray) -> float | None:
    if not chosen.any():
        return None
    own, other = (_a_year(float(np.prod(1.0 + series[chosen])), int(chosen.sum())) for series in (r, b))
    return own / other if own is not None and other else None


def _a_year(growth: float, sessions: int) -> float | None:
    """Return a year of a growth over some sessions; None where a year of it is beyond float64."""
    try:
        return float(growth ** (SESSIONS_A_YEAR / sessions) - 1.0)
    except OverflowError:
        return None


def _deviation(r: FloatArray) -> float | None:
    return float(r.std(ddof=1)) if r.size > 1 else None


def _quotient(part: float, whole: float | None) -> float | None:
    return part / whole if whole is not None and whole > STANDS_STILL else None


def _refuse_ruin(returns: FloatArray) -> None:
    if (returns < -1.0).any():
        row = int(np.argmax(returns < -1.0))
        raise ValueError(f"returns[{row}] is {returns[row]}: must be at least -1")


def _refuse_rate(rate: float) -> None:
    refuse_missing(rate=np.array([rate]))
    columns(rate=[rate])
