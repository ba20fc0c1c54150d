"""Value at risk and expected shortfall of a book by each of five methods."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.covariance import ewma_covariance
from riskmath.simulation import Scenarios, bootstrap_returns, covariance_root, filtered_returns, normal_returns
from riskmath.tail_risk import TailParts, cornish_fisher_tail, parametric_tail, tail_parts_of

Revaluation = Callable[[FloatArray], FloatArray]
"""Gives profit and loss (S, N) of scenarios (S, N)."""
Within = Callable[[FloatArray, FloatArray], Revaluation]
"""Gives that for scenarios between the lowest and the highest returns, (N,) each."""
Method = Literal["filtered_historical", "historical", "parametric", "cornish_fisher", "monte_carlo"]
SIMULATED: Final = ("filtered_historical", "historical", "monte_carlo")
SEED: Final = 0
"""Of every draw: the same inputs give the same answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """A tail and what each underlying has in it, in base currency."""

    value_at_risk: float
    expected_shortfall: float
    component_var: FloatArray | None
    """(N,), sums to the value at risk. None: the shortfall is 0, and nothing can be divided."""
    component_shortfall: FloatArray
    scenarios: int
    """0: no scenarios, a formula."""
    horizon_scaling: str
    component_method: str
    valid: bool


def tail_of(
    method: Method,
    returns: FloatArray,
    exposure: FloatArray,
    revalue: Within,
    confidence: float,
    horizon: int,
) -> Tail:
    """Give the tail of a book.

    returns (T, N), complete; exposure (N,), delta-adjusted.
    """
    if method == "parametric":
        modelled = parametric_tail(exposure, ewma_covariance(returns), confidence=confidence, horizon=horizon)
    elif method == "cornish_fisher":
        pnl = revalue(returns.min(axis=0), returns.max(axis=0))(returns)
        modelled = cornish_fisher_tail(pnl, confidence=confidence, horizon=horizon)
    else:
        return _simulated(method, returns, exposure, revalue, confidence, horizon)
    return Tail(
        value_at_risk=modelled.value_at_risk,
        expected_shortfall=modelled.expected_shortfall,
        component_var=modelled.component_var,
        component_shortfall=modelled.component_shortfall,
        scenarios=0,
        horizon_scaling="square_root_of_time" if method == "parametric" else "moments_of_time",
        component_method="euler",
        valid=modelled.valid,
    )


def _simulated(
    method: str,
    returns: FloatArray,
    exposure: FloatArray,
    revalue: Within,
    confidence: float,
    horizon: int,
) -> Tail:
    if method == "monte_carlo":
        scenarios = normal_returns(covariance_root(returns), horizon=horizon, seed=SEED)
    else:
        past = filtered_returns(returns, returns @ exposure) if method == "filtered_historical" else returns
        scenarios = bootstrap_returns(past, horizon, seed=SEED)
    parts = _parts(scenarios, exposure.size, revalue, confidence)
    return Tail(
        value_at_risk=parts.value_at_risk,
        expected_shortfall=parts.expected_shortfall,
        component_var=parts.component_var,
        component_shortfall=parts.component_shortfall,
        scenarios=scenarios.count,
        horizon_scaling="drawn" if method == "monte_carlo" else "bootstrap",
        component_method="tail_mean",
        valid=True,
    )


def _parts(scenarios: Scenarios, instruments: int, revalue: Within, confidence: float) -> TailParts:
    """Divide the tail of simulated results; scenarios and results are never there all at once."""
    lowest, highest = np.full(instruments, np.inf), np.full(instruments, -np.inf)
    for block in scenarios.blocks(instruments):
        lowest, highest = np.minimum(lowest, block.min(axis=0)), np.maximum(highest, block.max(axis=0))
    pnl = revalue(lowest, highest)
    total = np.concatenate([pnl(block).sum(axis=1) for block in scenarios.blocks(instruments)])
    return tail_parts_of(total, lambda worst: pnl(scenarios.made(worst)), confidence)
