"""Beta, volatility and drawdown of a book as it is now, over the recent past."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import FloatArray
from riskmath.performance import STANDS_STILL, deepest_drawdown
from riskmath.returns import annualised, simple_returns
from services.risk.domain.analysis import Analysis, Found, Lookback
from services.risk.domain.assessed import assess
from services.risk.domain.currency_moves import with_currencies
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.market_factor import market_closes, market_symbol
from services.risk.domain.moves import Moves, moves

MIN_OBSERVATIONS: Final = 20


@dataclass(frozen=True, slots=True)
class RiskMetricsParameters:
    """Which history."""

    lookback_days: int = 90


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of daily simple returns; decimals."""

    portfolio_beta: float | None
    annualized_volatility: float
    max_drawdown: float
    max_drawdown_peak_date: date
    max_drawdown_trough_date: date
    correlation: float | None
    tracking_error: float
    benchmark_volatility: float


@dataclass(frozen=True, slots=True)
class RiskMetrics:
    """The metrics and what they are measured against."""

    risk_metrics: Metrics
    basis: str
    benchmark: str


def measure(inputs: Inputs, parameters: RiskMetricsParameters) -> Found:
    """Give beta, volatility and drawdown of the present exposures over the recent past."""
    assessed = assess(inputs)
    if not assessed.enough:
        return assessed.unavailable()
    lookback_days = parameters.lookback_days
    at_least = max(MIN_OBSERVATIONS, lookback_days // 2)
    moved, told = with_currencies(inputs, moves(inputs, assessed, lookback_days, at_least), lookback_days, at_least)
    narrowed, nav = moved.assessed, assessed.net_asset_value
    market = market_closes(inputs.factors, moved.dates)
    if nav is None:
        return narrowed.unavailable(assessed.cash_reason)
    if nav <= 0.0:
        return narrowed.unavailable("no_net_asset_value")
    if not moved.underlyings.symbols:
        return narrowed.unavailable("insufficient_overlap" if len(inputs.book.held) else "no_exposure")
    if market is None or inputs.factors is None:
        return narrowed.unavailable("no_benchmark_data")
    if not narrowed.enough:
        return narrowed.unavailable("insufficient_overlap")
    benchmark = simple_returns(market[:, None])[:, 0]
    with np.errstate(over="raise"):
        own = moved.returns @ (moved.underlyings.exposure / nav)
    used = np.flatnonzero(~np.isnan(own + benchmark))
    if used.size < MIN_OBSERVATIONS:
        return narrowed.unavailable("insufficient_overlap")
    if (own[used] < -1.0).any():
        return narrowed.unavailable("loss_beyond_value")
    symbol = market_symbol(inputs.factors)
    body = RiskMetrics(_metrics(moved, own, benchmark, used), "current_positions", symbol)
    lookback = Lookback(lookback_days, used.size, moved.dates[int(used[0]) + 1], moved.dates[int(used[-1]) + 1])
    return Found(body, narrowed.coverage, narrowed.warnings + told + _warnings(inputs, symbol), lookback=lookback)


RISK_METRICS = Analysis(
    kind="risk_metrics",
    parameters=RiskMetricsParameters,
    needs=lambda parameters: Needs(sessions=parameters.lookback_days + 1, factor_sessions=parameters.lookback_days + 1),
    compute=measure,
    formulas=("performance",),
)


def _metrics(moved: Moves, own: FloatArray, benchmark: FloatArray, used: NDArray[np.intp]) -> Metrics:
    r, b = own[used], benchmark[used]
    drawdown = deepest_drawdown(r)
    closes = [moved.dates[int(used[0])], *(moved.dates[int(session) + 1] for session in used)]
    volatility, other, active = annualised(np.std([r, b, r - b], axis=1, ddof=1)).tolist()
    moves_too = other > STANDS_STILL
    beta = float(np.cov(r, b)[0, 1] / np.var(b, ddof=1)) if moves_too else None
    correlation = None
    if beta is not None and volatility > STANDS_STILL:
        correlation = max(-1.0, min(1.0, beta * other / volatility))
    return Metrics(
        portfolio_beta=beta,
        annualized_volatility=volatility,
        max_drawdown=drawdown.depth,
        max_drawdown_peak_date=closes[drawdown.peak],
        max_drawdown_trough_date=closes[drawdown.trough],
        correlation=correlation,
        tracking_error=active,
        benchmark_volatility=other,
    )


def _warnings(inputs: Inputs, symbol: str) -> tuple[str, ...]:
    told = ["the past is that of the present exposures, not of what was held then; options move by their delta"]
    if inputs.book.benchmark not in ("", symbol):
        told.append(f"beta is against the market ({symbol}), not the benchmark of the portfolio")
    return tuple(told)
