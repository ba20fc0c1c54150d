"""Whether losses came as often, as scattered and as large as was forecast (methodology, section 8)."""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, chdtrc, ndtri  # type: ignore[import-untyped]  # scipy comes without types

from riskmath.arrays import BoolArray, columns, require_positive

YELLOW: Final = 0.95
RED: Final = 0.9999
"""Probabilities of no more breaches than there were, from which the Basel zones begin."""
SIMULATIONS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A likelihood ratio and the probability of one at least as large if the forecasts are right."""

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class VarBacktest:
    """How forecasts of value at risk did over T sessions.

    breaches, expected: how often the loss was above it, and T (1 - c). zone: the Basel traffic light.
    coverage: Kupiec, the number of breaches. independence: Christoffersen, whether one follows another; None with no
        breach or no session before the last. conditional_coverage: both together.
    """

    sessions: int
    breaches: int
    expected: float
    zone: Literal["green", "yellow", "red"]
    coverage: Likelihood
    independence: Likelihood | None
    conditional_coverage: Likelihood | None


@dataclass(frozen=True, slots=True)
class ShortfallBacktest:
    """Acerbi and Szekely's second statistic: 0 expected, below 0 where losses were larger or more frequent.

    p_value: the probability of one at least as low if the forecasts are right and the results normal.
    """

    statistic: float
    p_value: float


def backtest_var(pnl: ArrayLike, value_at_risk: ArrayLike, confidence: float) -> VarBacktest:
    """Tests of the forecasts of value at risk.

    Formula: x breaches in T, p = 1 - c. Kupiec: -2 ln [p^x (1-p)^(T-x) / (x/T)^x (1-x/T)^(T-x)], chi2(1).
        Christoffersen: the same ratio of one probability against one for each state of the session before, on T - 1
        pairs, chi2(1). Their sum, chi2(2). Zone: yellow and red from P(X <= x) >= 95 % and 99.99 %, with no breach
        always green: 5 and 10 of 250 at 99 %.
    Shapes: both (T,). Units: pnl signed, value_at_risk a loss; both in the same unit; confidence between 0 and 1.
    NaN: a session with either missing is left out, and its neighbours count as neighbours.
    Errors: ValueError for infinity, different lengths, no session, a confidence outside (0, 1).
    Source: Kupiec 1995; Christoffersen, Evaluating interval forecasts, 1998; Basel Committee, Supervisory framework for
        the use of backtesting, 1996.
    """
    breach = _known(pnl, value_at_risk)
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}: must be between 0 and 1")
    p, sessions, breaches = 1.0 - confidence, len(breach), int(breach.sum())
    coverage = _test(_log_likelihood(breaches, sessions, p), _log_likelihood(breaches, sessions), 1)
    independence = both = None
    if sessions > 1 and breaches:
        before, after = breach[:-1], breach[1:]
        after_breach = _log_likelihood(int(after[before].sum()), int(before.sum()))
        after_none = _log_likelihood(int(after[~before].sum()), int((~before).sum()))
        independence = _test(_log_likelihood(int(after.sum()), len(after)), after_breach + after_none, 1)
        statistic = coverage.statistic + independence.statistic
        both = Likelihood(statistic, float(chdtrc(2, statistic)))
    no_more = float(bdtr(breaches, sessions, p)) if breaches else 0.0
    return VarBacktest(
        sessions=sessions,
        breaches=breaches,
        expected=sessions * p,
        zone="red" if no_more >= RED else "yellow" if no_more >= YELLOW else "green",
        coverage=coverage,
        independence=independence,
        conditional_coverage=both,
    )


def backtest_shortfall(
    pnl: ArrayLike, value_at_risk: ArrayLike, expected_shortfall: ArrayLike, confidence: float, *, seed: int = 0
) -> ShortfallBacktest:
    """Test of the forecasts of expected shortfall, together with those of value at risk.

    Formula: Z = sum over breaches of pnl / (T (1 - c) ES) + 1; its distribution by 2,000 seeded samples of T normal
        results with that shortfall, on which the size of the book has no bearing.
    Shapes: all (T,). Units: as `backtest_var`; expected_shortfall a loss, above 0.
    NaN and errors: as `backtest_var`; ValueError for a shortfall not above 0.
    Source: Acerbi and Szekely, Backtesting expected shortfall, 2014, test 2.
    """
    loss, limit, shortfall = columns(pnl=pnl, value_at_risk=value_at_risk, expected_shortfall=expected_shortfall)
    require_positive(expected_shortfall=shortfall)
    known = ~np.isnan(loss + limit + shortfall)
    if not known.any() or not 0.0 < confidence < 1.0:
        raise ValueError(f"{known.sum()} sessions at a confidence of {confidence}: must be at least 1, between 0 and 1")
    p, sessions = 1.0 - confidence, int(known.sum())
    ratio = np.where(loss < -limit, loss / shortfall, 0.0)[known]
    statistic = float(ratio.sum()) / (sessions * p) + 1.0
    z = float(ndtri(p))
    normal_shortfall = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / p
    sample = np.random.default_rng(seed).standard_normal((SIMULATIONS, sessions))
    simulated = np.where(sample < z, sample, 0.0).sum(axis=1) / (normal_shortfall * sessions * p) + 1.0
    return ShortfallBacktest(statistic=statistic, p_value=float((simulated <= statistic).mean()))


def _known(pnl: ArrayLike, value_at_risk: ArrayLike) -> BoolArray:
    outcome, limit = columns(pnl=pnl, value_at_risk=value_at_risk)
    known = ~np.isnan(outcome + limit)
    if not known.any():
        raise ValueError("pnl and value_at_risk are known together on 0 sessions: must be at least 1")
    return np.asarray(outcome[known] < -limit[known])


def _log_likelihood(breaches: int, sessions: int, probability: float | None = None) -> float:
    """Of so many breaches at a probability, or at their own frequency."""
    if sessions == 0:
        return 0.0
    p = breaches / sessions if probability is None else probability
    rest = sessions - breaches
    return (breaches * math.log(p) if breaches else 0.0) + (rest * math.log1p(-p) if rest else 0.0)


def _test(restricted: float, free: float, degrees: int) -> Likelihood:
    statistic = max(2.0 * (free - restricted), 0.0)
    return Likelihood(statistic, float(chdtrc(degrees, statistic)))
