"""How forecasts of a tail would have done in the recent past, for the present exposures."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.covariance import ewma_volatility
from riskmath.tail_risk import cornish_fisher_tail, parametric_tail, tail_risk
from riskmath.var_backtest import backtest_shortfall, backtest_var
from services.risk.domain.tail_methods import Method

SESSIONS: Final = 250
"""Forecasts that are tested, at most: what the Basel zones are made for."""
FEWEST: Final = 50


@dataclass(frozen=True, slots=True)
class LikelihoodTest:
    """A likelihood ratio and its p-value."""

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class TailBacktest:
    """How the forecasts did."""

    sessions: int
    breaches: int
    expected_breaches: float
    zone: str
    kupiec: LikelihoodTest
    christoffersen: LikelihoodTest | None
    conditional_coverage: LikelihoodTest | None
    acerbi_szekely: LikelihoodTest


def backtest(method: Method, pnl: FloatArray, window: int, confidence: float) -> tuple[TailBacktest | None, str]:
    """Test one-session forecasts, each from the `window` sessions before; or say why there are none.

    pnl (T,): delta-linear results of the present exposures; it is options' deltas that are tested, not their prices.
    """
    count = min(SESSIONS, len(pnl) - window)
    if count < FEWEST:
        return None, "insufficient_history"
    at_risk, shortfall = _forecasts(method, pnl, window, count, confidence)
    if not (shortfall > 0.0).all():
        return None, "no_loss_forecast"
    outcome = pnl[-count:]
    of_var = backtest_var(outcome, at_risk, confidence)
    of_shortfall = backtest_shortfall(outcome, at_risk, shortfall, confidence)
    named = [
        LikelihoodTest(test.statistic, test.p_value) if test else None
        for test in (of_var.independence, of_var.conditional_coverage)
    ]
    return TailBacktest(
        sessions=of_var.sessions,
        breaches=of_var.breaches,
        expected_breaches=of_var.expected,
        zone=of_var.zone,
        kupiec=LikelihoodTest(of_var.coverage.statistic, of_var.coverage.p_value),
        christoffersen=named[0],
        conditional_coverage=named[1],
        acerbi_szekely=LikelihoodTest(of_shortfall.statistic, of_shortfall.p_value),
    ), ""


def _forecasts(
    method: Method, pnl: FloatArray, window: int, count: int, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Value at risk and expected shortfall of each of the last sessions, (count,), as seen from before it."""
    volatility = ewma_volatility(pnl[:, None])[:-1, 0]
    if method in ("parametric", "monte_carlo"):  # which for a linear book are the same
        unit = parametric_tail([1.0], [[1.0]], confidence=confidence)
        return unit.value_at_risk * volatility[-count:], unit.expected_shortfall * volatility[-count:]
    filtered = method == "filtered_historical"
    series = np.divide(pnl, volatility, out=np.zeros_like(pnl), where=volatility > 0.0) if filtered else pnl
    windows = np.lib.stride_tricks.sliding_window_view(series, window)[-count - 1 : -1]
    if method == "cornish_fisher":
        tails = [cornish_fisher_tail(each[:, None], confidence=confidence) for each in windows]
        return np.array([each.value_at_risk for each in tails]), np.array([each.expected_shortfall for each in tails])
    tail = tail_risk(windows.T, confidence)
    scale = volatility[-count:] if filtered else np.ones(count)
    return tail.value_at_risk * scale, tail.expected_shortfall * scale
