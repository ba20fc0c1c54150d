"""How much is known of what a book holds, and what can be computed from it: every calculation is tried."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np

from services.risk.domain.analysis import Analysis, Found, NoParameters
from services.risk.domain.assessed import Assessed, assess
from services.risk.domain.book_greeks import GREEKS, GreeksParameters
from services.risk.domain.correlation_clusters import CORRELATION_CLUSTERS, DEFAULT_LOOKBACK, ClusterParameters
from services.risk.domain.correlation_matrix import CORRELATION_MATRIX, CorrelationMatrixParameters
from services.risk.domain.diversification import DIVERSIFICATION_SCORE, DiversificationParameters
from services.risk.domain.factor_exposures import FACTOR_EXPOSURES
from services.risk.domain.inputs import Inputs, Needs, newest
from services.risk.domain.interest_rate_betas import INTEREST_RATE_BETAS, RateBetaParameters
from services.risk.domain.overview import OVERVIEW
from services.risk.domain.performance import PERFORMANCE, PerformanceParameters
from services.risk.domain.risk_metrics import RISK_METRICS, RiskMetricsParameters
from services.risk.domain.scenarios import market_scenarios
from services.risk.domain.stress_test import MARKET_SCENARIOS, StressParameters
from services.risk.domain.value_at_risk import VALUE_AT_RISK, ValueAtRiskParameters
from services.risk.domain.variance_decomposition import VARIANCE_DECOMPOSITION, VarianceParameters

TRIED: Final[Sequence[tuple[Analysis[Any], Any]]] = (
    (OVERVIEW, NoParameters()),
    (GREEKS, GreeksParameters()),
    (CORRELATION_MATRIX, CorrelationMatrixParameters()),
    (CORRELATION_CLUSTERS, ClusterParameters(DEFAULT_LOOKBACK["correlation"])),
    (DIVERSIFICATION_SCORE, DiversificationParameters()),
    (RISK_METRICS, RiskMetricsParameters()),
    (VALUE_AT_RISK, ValueAtRiskParameters()),
    (FACTOR_EXPOSURES, NoParameters()),
    (VARIANCE_DECOMPOSITION, VarianceParameters()),
    (MARKET_SCENARIOS, StressParameters(market_scenarios())),
    (INTEREST_RATE_BETAS, RateBetaParameters()),
    (PERFORMANCE, PerformanceParameters()),
)
"""The calculations, each as it is when a request leaves everything to its defaults."""
FULL: Final = 0.9
"""Fewer closes than this part of the sessions are a limited history."""


@dataclass(frozen=True, slots=True)
class DataQualityParameters:
    """Over how many sessions the completeness of histories is measured."""

    lookback_days: int = 252


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A calculation that leaves a position out, and why."""

    calculation: str
    reason: str


@dataclass(frozen=True, slots=True)
class PositionQuality:
    """What is known of one position."""

    position_id: str
    symbol: str
    underlying_symbol: str
    price_reason: str
    stale: bool
    observations: int
    completeness: float
    start_date: date | None
    end_date: date | None
    quality_flag: str
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Calculation:
    """Whether something can be computed, and of how many positions."""

    name: str
    feasible: bool
    reason: str
    eligible_positions: int
    eligible_percent: float | None


@dataclass(frozen=True, slots=True)
class QualitySummary:
    """The book in counts."""

    position_count: int
    unpriced_count: int
    stale_count: int
    full_history_count: int
    limited_history_count: int
    mean_completeness: float | None
    calculation_count: int
    feasible_count: int


@dataclass(frozen=True, slots=True)
class DataQuality:
    """How good the inputs of a book's analyses are."""

    summary: QualitySummary
    calculations: tuple[Calculation, ...]
    positions: tuple[PositionQuality, ...]


def judge(inputs: Inputs, parameters: DataQualityParameters) -> Found:
    """Say what is known of each position, and try each calculation."""
    assessed = assess(inputs)
    tried = {
        analysis.kind: analysis.compute(narrowed(inputs, analysis.needs(asked)), asked) for analysis, asked in TRIED
    }
    positions = _positions(inputs, assessed, parameters.lookback_days, tried)
    calculations = tuple(_calculation(kind, found, len(positions)) for kind, found in tried.items())
    body = DataQuality(_summary(positions, calculations), calculations, positions)
    return Found(body, assessed.coverage, assessed.warnings)


def narrowed(inputs: Inputs, needs: Needs) -> Inputs:
    """Give an analysis the newest part of the slices, as much as it would have read by itself."""
    history, factors, yields = inputs.history, inputs.factors, inputs.yields
    return replace(
        inputs,
        history=newest(history, needs.sessions) if history and needs.sessions else None,
        factors=newest(factors, needs.factor_sessions) if factors and needs.factor_sessions else None,
        yields=newest(yields, needs.yield_sessions) if yields and needs.yield_sessions else None,
        snapshots=inputs.snapshots if needs.snapshots else None,
    )


def _needs(parameters: DataQualityParameters) -> Needs:
    every = [analysis.needs(asked) for analysis, asked in TRIED]
    return Needs(
        sessions=max(parameters.lookback_days, *(needs.sessions for needs in every)),
        factor_sessions=max(needs.factor_sessions for needs in every),
        facts=any(needs.facts for needs in every),
        yield_sessions=max(needs.yield_sessions for needs in every),
        snapshots=any(needs.snapshots for needs in every),
    )


DATA_QUALITY = Analysis(
    kind="data_quality",
    parameters=DataQualityParameters,
    needs=_needs,
    compute=judge,
    formulas=("data_quality",),
)


def _calculation(kind: str, found: Found, position_count: int) -> Calculation:
    return Calculation(
        name=kind,
        feasible=found.body is not None,
        reason=found.reason,
        eligible_positions=position_count - len({left.position_id for left in found.coverage.excluded}),
        eligible_percent=found.coverage.modelled_percent,
    )


def _positions(
    inputs: Inputs, assessed: Assessed, lookback_days: int, tried: dict[str, Found]
) -> tuple[PositionQuality, ...]:
    held = inputs.book.held
    left_out: dict[str, list[LeftOut]] = {position_id: [] for position_id in held.position_ids}
    for kind, found in tried.items():
        for excluded in found.coverage.excluded:
            if excluded.position_id in left_out:  # one that is closed has no history to be judged
                left_out[excluded.position_id].append(LeftOut(kind, excluded.reason))
    known = _known_sessions(inputs, lookback_days)
    rows = zip(held.position_ids, held.symbols, held.underlying_symbols, held.underlying_ids, strict=True)
    return tuple(
        PositionQuality(
            position_id=position_id,
            symbol=symbol,
            underlying_symbol=underlying_symbol,
            price_reason=assessed.valued.reasons[row],
            stale=inputs.market.marks[held.instrument_ids[row]].stale,
            observations=known[followed].count,
            completeness=min(known[followed].count / lookback_days, 1.0),
            start_date=known[followed].first,
            end_date=known[followed].last,
            quality_flag="full_history" if known[followed].count >= FULL * lookback_days else "limited_history",
            left_out=tuple(left_out[position_id]),
        )
        for row, (position_id, symbol, underlying_symbol, followed) in enumerate(rows)
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """The sessions with a close."""

    count: int = 0
    first: date | None = None
    last: date | None = None


def _known_sessions(inputs: Inputs, lookback_days: int) -> dict[int, _Known]:
    """Give the sessions with a close of every instrument that is followed."""
    history = inputs.history
    if history is None or not history.session_dates:
        return dict.fromkeys(inputs.book.followed_ids(), _Known())
    dates = history.session_dates[-lookback_days:]
    with np.errstate(invalid="ignore"):
        known = history.closes[-lookback_days:] > 0.0
    counts, first = known.sum(axis=0).tolist(), known.argmax(axis=0).tolist()
    last = (len(dates) - 1 - known[::-1].argmax(axis=0)).tolist()
    return {
        followed: _Known(counts[column], dates[first[column]], dates[last[column]]) if counts[column] else _Known()
        for column, followed in enumerate(history.instrument_ids)
    }


def _summary(positions: tuple[PositionQuality, ...], calculations: tuple[Calculation, ...]) -> QualitySummary:
    full = sum(position.quality_flag == "full_history" for position in positions)
    return QualitySummary(
        position_count=len(positions),
        unpriced_count=sum(bool(position.price_reason) for position in positions),
        stale_count=sum(position.stale for position in positions),
        full_history_count=full,
        limited_history_count=len(positions) - full,
        mean_completeness=float(np.mean([each.completeness for each in positions])) if positions else None,
        calculation_count=len(calculations),
        feasible_count=sum(calculation.feasible for calculation in calculations),
    )
