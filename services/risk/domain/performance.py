"""What a portfolio has earned, at which risk, as its snapshots tell (methodology, section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.performance import performance, relative_performance
from riskmath.returns import SESSIONS_A_YEAR, simple_returns
from services.risk.domain.analysis import Analysis, Found, Lookback
from services.risk.domain.assessed import assess
from services.risk.domain.earned_returns import (
    DrawdownEpisode,
    MonthlyReturn,
    PerformancePoint,
    drawdown_episodes,
    monthly_returns,
    points,
)
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.market_factor import market_closes, market_symbol
from services.risk.domain.past_returns import PastReturns, past_returns

Period = Literal["1D", "1W", "1M", "3M", "6M", "YTD", "1Y", "ALL"]
PERIODS: Final[tuple[Period, ...]] = ("1D", "1W", "1M", "3M", "6M", "YTD", "1Y", "ALL")
MONTHS: Final = {"1M": 1, "3M": 3, "6M": 6, "1Y": 12}
MIN_OBSERVATIONS: Final = 20
"""Fewer returns than these say nothing of a year."""
DENSE: Final = 0.9
"""Of the sessions of a period so many need a snapshot, or its returns are not those of sessions."""
MOST_FACTOR_SESSIONS: Final = 2_520


@dataclass(frozen=True, slots=True)
class PerformanceParameters:
    """Which stretch of the past, and against which rate without risk, a decimal a year."""

    period: Period = "ALL"
    risk_free_rate: float = 0.0
    include_series: bool = False


@dataclass(frozen=True, slots=True)
class PerformanceMetrics:
    """Of the returns of sessions; decimals, a year where named so. None: too few, or nothing to divide by."""

    total_return: float
    annualized_return: float | None
    annualized_volatility: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    calmar_ratio: float | None
    max_drawdown: float
    benchmark_return: float | None
    alpha: float | None
    beta: float | None
    tracking_error: float | None
    information_ratio: float | None
    up_capture: float | None
    down_capture: float | None


@dataclass(frozen=True, slots=True)
class PeriodReturn:
    """The return of one of the usual periods up to the same day."""

    period: str
    start_date: str
    total_return: float | None
    benchmark_return: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class PortfolioPerformance:
    """Fields are named as in the contract."""

    period: str
    start_date: date
    end_date: date
    performance_basis: str
    benchmark: str
    metrics: PerformanceMetrics
    metrics_reason: str
    periods: tuple[PeriodReturn, ...]
    monthly_returns: tuple[MonthlyReturn, ...]
    drawdowns: tuple[DrawdownEpisode, ...]
    series: tuple[PerformancePoint, ...]
    snapshot_count: int
    backfilled_count: int


def measure(inputs: Inputs, parameters: PerformanceParameters) -> Found:
    """Give the performance of a portfolio over a period that ends with its newest snapshot."""
    assessed = assess(inputs)
    if inputs.book.parts is not None:  # which need not be in one currency, nor of the same sessions
        return assessed.unavailable("not_for_all")
    assert inputs.snapshots is not None, "performance is read from snapshots"
    past = past_returns(inputs.snapshots)
    if isinstance(past, str):
        return assessed.unavailable(past)
    start = _start(past, parameters.period)
    if start is None:
        return assessed.unavailable("insufficient_snapshots")
    chosen = past.since(start)
    if reason := _unusable(chosen.returns):
        return assessed.unavailable(reason)
    benchmark = _benchmark(inputs, past)
    metrics, reason = _metrics(chosen, benchmark[start:], parameters)
    body = PortfolioPerformance(
        period=parameters.period,
        start_date=chosen.days[0],
        end_date=chosen.days[-1],
        performance_basis=past.basis,
        benchmark=market_symbol(inputs.factors) if inputs.factors and not np.isnan(benchmark).all() else "",
        metrics=metrics,
        metrics_reason=reason,
        periods=tuple(_period(past, benchmark, period) for period in PERIODS),
        monthly_returns=monthly_returns(chosen.days, chosen.returns, benchmark[start:]),
        drawdowns=drawdown_episodes(chosen.days, chosen.returns),
        series=points(chosen, benchmark[start:]) if parameters.include_series else (),
        snapshot_count=len(chosen.days),
        backfilled_count=sum(chosen.backfilled),
    )
    known = int((~np.isnan(chosen.returns)).sum())
    lookback = Lookback(len(chosen.returns), known, chosen.days[0], chosen.days[-1])
    return Found(body, assessed.coverage, assessed.warnings + _warnings(inputs, chosen), lookback=lookback)


PERFORMANCE = Analysis(
    kind="performance",
    parameters=PerformanceParameters,
    needs=lambda _: Needs(snapshots=True, factor_sessions=MOST_FACTOR_SESSIONS),
    compute=measure,
    formulas=("performance",),
)


def _start(past: PastReturns, period: Period) -> int | None:
    """Give the place of the snapshot that a period begins with: the last on or before its first day."""
    if period == "ALL":
        return 0
    if period == "1D":
        return len(past.days) - 2
    first = _first_day(past.days[-1], period)
    before = [place for place, day in enumerate(past.days) if day <= first]
    return before[-1] if before else None


def _unusable(returns: FloatArray) -> str:
    """Say why returns make no performance. Empty: they do."""
    if np.isnan(returns).all():
        return "insufficient_snapshots"
    return "loss_beyond_value" if (returns < -1.0).any() else ""


def _first_day(end: date, period: Period) -> date:
    if period == "1W":
        return end - timedelta(days=7)
    if period == "YTD":
        return date(end.year - 1, 12, 31)
    months = end.year * 12 + end.month - 1 - MONTHS[period]
    year, month = divmod(months, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(end.day, last))


def _benchmark(inputs: Inputs, past: PastReturns) -> FloatArray:
    """Give the returns of the market from each snapshot to the next, (T - 1,); NaN where it has no close."""
    closes = market_closes(inputs.factors, past.days)
    if closes is None:
        return np.full(len(past.days) - 1, np.nan)
    return simple_returns(closes[:, None])[:, 0]


def _metrics(
    past: PastReturns, benchmark: FloatArray, parameters: PerformanceParameters
) -> tuple[PerformanceMetrics, str]:
    """Give the metrics, and why those that speak of a year are absent. Empty: they are not."""
    rate = parameters.risk_free_rate / SESSIONS_A_YEAR
    own = performance(past.returns, rate=rate)
    reason = _too_little(past)
    beside = relative_performance(past.returns, benchmark, rate=rate)
    enough = beside.sessions >= MIN_OBSERVATIONS and not reason
    return PerformanceMetrics(
        total_return=own.total_return,
        annualized_return=None if reason else own.annual_return,
        annualized_volatility=None if reason else own.annual_volatility,
        sharpe_ratio=None if reason else own.sharpe,
        sortino_ratio=None if reason else own.sortino,
        calmar_ratio=None if reason else own.calmar,
        max_drawdown=own.drawdown.depth,
        benchmark_return=_compounded(benchmark),
        alpha=beside.alpha if enough else None,
        beta=beside.beta if enough else None,
        tracking_error=beside.tracking_error if enough else None,
        information_ratio=beside.information_ratio if enough else None,
        up_capture=beside.up_capture if enough else None,
        down_capture=beside.down_capture if enough else None,
    ), reason


def _too_little(past: PastReturns) -> str:
    weekdays = int(np.busday_count(past.days[0], past.days[-1]))
    if int((~np.isnan(past.returns)).sum()) < MIN_OBSERVATIONS:
        return "insufficient_observations"
    return "missing_snapshots" if len(past.returns) < DENSE * weekdays else ""


def _compounded(returns: FloatArray) -> float | None:
    """Give the return over all of it; None where any is missing: a part of the benchmark is not the benchmark."""
    return float(np.prod(1.0 + returns) - 1.0) if returns.size and not np.isnan(returns).any() else None


def _period(past: PastReturns, benchmark: FloatArray, period: Period) -> PeriodReturn:
    start = _start(past, period)
    if start is None:
        return PeriodReturn(period, "", None, None, "insufficient_snapshots")
    chosen = past.returns[start:]
    if reason := _unusable(chosen):
        return PeriodReturn(period, past.days[start].isoformat(), None, None, reason)
    total = float(np.prod(1.0 + np.nan_to_num(chosen)) - 1.0)
    return PeriodReturn(period, past.days[start].isoformat(), total, _compounded(benchmark[start:]), "")


def _warnings(inputs: Inputs, past: PastReturns) -> tuple[str, ...]:
    told = []
    if past.basis == "contribution_at_entry":
        told.append("no cash is stated: positions are paid in when they are entered and paid out when they are closed")
    if count := sum(past.backfilled):
        told.append(f"snapshots that look back, made from the positions as they are known now: {count}")
    if past.modelled_count:
        told.append(f"snapshots in which a model values options that have no mark of the day: {past.modelled_count}")
    if missing := int(np.isnan(past.returns).sum()):
        told.append(f"sessions without a return, because what could be valued changed or nothing was there: {missing}")
    if len(revisions := sorted(set(past.revisions))) > 1:
        told.append(
            f"snapshots are of revisions {revisions[0]} to {revisions[-1]} of the portfolio: what was entered later "
            "with an earlier date is not in the older ones"
        )
    if past.days[-1] < inputs.market.session.as_of_date:
        told.append(f"the newest snapshot is of {past.days[-1]}")
    if inputs.factors and inputs.book.benchmark not in ("", *_named(inputs)):
        told.append(f"the benchmark is the market, not {inputs.book.benchmark}")
    return tuple(told)


def _named(inputs: Inputs) -> Sequence[str]:
    return inputs.factors.symbols if inputs.factors else ()
