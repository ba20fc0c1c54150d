"""What a book may lose: value at risk and expected shortfall, what each underlying has in them, and a backtest."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.returns import common_sessions
from services.risk.domain.analysis import Analysis, Found, Lookback
from services.risk.domain.assessed import assess
from services.risk.domain.currency_moves import with_currencies
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.moves import Moves, moves
from services.risk.domain.simulated_pnl import simulated_pnl
from services.risk.domain.tail_backtest import SESSIONS, TailBacktest, backtest
from services.risk.domain.tail_methods import Method, Tail, tail_of

MIN_OBSERVATIONS: Final = 100
"""With fewer, the tail at 99 % is less than one session."""


@dataclass(frozen=True, slots=True)
class ValueAtRiskParameters:
    """How it is computed, how rare and over how long, and from which history."""

    method: Method = "filtered_historical"
    confidence_level: float = 0.95
    horizon_days: int = 1
    lookback_days: int = 500
    include_backtest: bool = False


@dataclass(frozen=True, slots=True)
class Component:
    """What the positions that follow one symbol have in the tail, in base currency."""

    symbol: str
    net_exposure: float
    component_var: float | None
    component_expected_shortfall: float


@dataclass(frozen=True, slots=True)
class ValueAtRisk:
    """The tail of a book. Losses are positive."""

    method: str
    confidence_level: float
    horizon_days: int
    horizon_scaling: str
    value_at_risk: float
    expected_shortfall: float
    value_at_risk_percent: float | None
    expected_shortfall_percent: float | None
    total_value: float | None
    total_value_reason: str
    scenarios: int
    component_method: str
    components: tuple[Component, ...]
    backtest: TailBacktest | None
    backtest_reason: str


def value_at_risk(inputs: Inputs, parameters: ValueAtRiskParameters) -> Found:
    """Give the tail of the present positions."""
    assessed = assess(inputs)
    if not assessed.enough:
        return assessed.unavailable()
    lookback_days = parameters.lookback_days
    at_least = max(MIN_OBSERVATIONS, lookback_days // 2)
    moved, told = with_currencies(inputs, moves(inputs, assessed, lookback_days, at_least), lookback_days, at_least)
    narrowed = moved.assessed
    if not len(inputs.book.held) and not moved.underlyings.symbols:
        return narrowed.unavailable("no_exposure")
    complete = common_sessions(moved.returns)
    recent = np.flatnonzero(complete[-lookback_days:]) + max(len(complete) - lookback_days, 0)
    if not narrowed.enough or not moved.underlyings.symbols or recent.size < MIN_OBSERVATIONS:
        return narrowed.unavailable("insufficient_overlap")
    returns, exposure = moved.returns[recent], moved.underlyings.exposure
    tail = tail_of(
        parameters.method,
        returns,
        exposure,
        lambda lowest, highest: simulated_pnl(inputs, moved, lowest, highest),
        parameters.confidence_level,
        parameters.horizon_days,
    )
    past = moved.returns[complete] @ exposure
    body = _body(moved, tail, past, recent.size, parameters)
    dates = moved.dates[int(recent[0]) + 1], moved.dates[int(recent[-1]) + 1]
    lookback = Lookback(lookback_days, recent.size, *dates)
    return Found(body, narrowed.coverage, narrowed.warnings + told + _warnings(tail), lookback=lookback)


VALUE_AT_RISK = Analysis(
    kind="value_at_risk",
    parameters=ValueAtRiskParameters,
    needs=lambda parameters: Needs(
        sessions=parameters.lookback_days + 1 + (SESSIONS if parameters.include_backtest else 0)
    ),
    compute=value_at_risk,
    formulas=("tail_risk",),
)


def _body(
    moved: Moves, tail: Tail, past: FloatArray, observations: int, parameters: ValueAtRiskParameters
) -> ValueAtRisk:
    nav = moved.assessed.net_asset_value
    tested, reason = None, ""
    if parameters.include_backtest:
        tested, reason = backtest(parameters.method, past, observations, parameters.confidence_level)
    return ValueAtRisk(
        method=parameters.method,
        confidence_level=parameters.confidence_level,
        horizon_days=parameters.horizon_days,
        horizon_scaling=tail.horizon_scaling if parameters.horizon_days > 1 else "",
        value_at_risk=tail.value_at_risk,
        expected_shortfall=tail.expected_shortfall,
        value_at_risk_percent=_percentage(tail.value_at_risk, nav),
        expected_shortfall_percent=_percentage(tail.expected_shortfall, nav),
        total_value=nav,
        total_value_reason=moved.assessed.cash_reason,
        scenarios=tail.scenarios,
        component_method=tail.component_method,
        components=_components(moved, tail),
        backtest=tested,
        backtest_reason=reason,
    )


def _components(moved: Moves, tail: Tail) -> tuple[Component, ...]:
    found = moved.underlyings
    of_var = [None] * len(found) if tail.component_var is None else tail.component_var.tolist()
    parts = zip(found.symbols, found.exposure.tolist(), of_var, tail.component_shortfall.tolist(), strict=True)
    return tuple(sorted((Component(*part) for part in parts), key=lambda part: -part.component_expected_shortfall))


def _percentage(loss: float, nav: float | None) -> float | None:
    return 100.0 * loss / nav if nav is not None and nav > 0.0 else None


def _warnings(tail: Tail) -> tuple[str, ...]:
    if tail.valid:
        return ()
    return ("the results are too far from normal for the Cornish-Fisher expansion: it does not rise over the tail",)
