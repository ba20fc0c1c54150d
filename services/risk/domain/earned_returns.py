"""Tables of returns: by month, the falls from a peak, and the path of a performance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.performance import cumulative, drawdowns
from services.risk.domain.past_returns import PastReturns

SHOWN: Final = 5
"""The deepest falls that are shown."""


@dataclass(frozen=True, slots=True)
class MonthlyReturn:
    """The return of one month, or of what of it is known."""

    year: int
    month: int
    total_return: float
    benchmark_return: float | None
    session_count: int


@dataclass(frozen=True, slots=True)
class DrawdownEpisode:
    """One fall from a peak. No recovery: it has not been made good."""

    depth: float
    peak_date: date
    trough_date: date
    recovery_date: date | None


@dataclass(frozen=True, slots=True)
class PerformancePoint:
    """One snapshot on the path."""

    point_date: date
    total_value: float
    cumulative_return: float
    drawdown: float
    benchmark_cumulative_return: float | None


def monthly_returns(days: Sequence[date], returns: FloatArray, benchmark: FloatArray) -> tuple[MonthlyReturn, ...]:
    """Give the return of each month in which a session with a return ends, of all that do."""
    rows: dict[tuple[int, int], list[int]] = {}
    for row, day in enumerate(days[1:]):
        rows.setdefault((day.year, day.month), []).append(row)
    found = []
    for (year, month), inside in rows.items():
        own, other = returns[inside], benchmark[inside]
        if np.isnan(own).all():
            continue
        of_benchmark = None if np.isnan(other).any() else float(np.prod(1.0 + other) - 1.0)
        total = float(np.prod(1.0 + np.nan_to_num(own)) - 1.0)
        found.append(MonthlyReturn(year, month, total, of_benchmark, int((~np.isnan(own)).sum())))
    return tuple(found)


def drawdown_episodes(days: Sequence[date], returns: FloatArray) -> tuple[DrawdownEpisode, ...]:
    """Give the deepest falls, the deepest first; each begins at a peak and ends when that is reached again."""
    below = np.concatenate([[0.0], drawdowns(returns)])
    at_peak = np.flatnonzero(below >= 0.0).tolist()
    episodes = []
    for peak, following in zip(at_peak, [*at_peak[1:], None], strict=True):
        end = len(below) if following is None else following
        if end - peak > 1:
            trough = peak + int(np.argmin(below[peak:end]))
            recovery = None if following is None else days[following]
            episodes.append(DrawdownEpisode(float(below[trough]), days[peak], days[trough], recovery))
    return tuple(sorted(episodes, key=lambda episode: episode.depth)[:SHOWN])


def points(past: PastReturns, benchmark: FloatArray) -> tuple[PerformancePoint, ...]:
    """Give the path: how far it had grown at each snapshot, and stood below its peak."""
    grown = np.concatenate([[0.0], cumulative(past.returns)]).tolist()
    below = np.concatenate([[0.0], drawdowns(past.returns)]).tolist()
    other: list[float | None] = [None] * len(grown)
    if not np.isnan(benchmark).any():
        other = np.concatenate([[0.0], cumulative(benchmark)]).tolist()
    rows = zip(past.days, past.value.tolist(), grown, below, other, strict=True)
    return tuple(PerformancePoint(*row) for row in rows)
