"""How far a book is more than one bet."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.diversification import diversification_ratio, diversification_score, effective_bets
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.assessed import assess
from services.risk.domain.comovement import Comovement, FilterMode, LeftOutSymbol, Window, comovement, too_many
from services.risk.domain.inputs import Inputs, Needs


@dataclass(frozen=True, slots=True)
class DiversificationParameters:
    """Which history, and of which underlyings."""

    lookback_days: int = 90
    min_overlap: int = 30
    filter_mode: FilterMode = "both"


@dataclass(frozen=True, slots=True)
class DiversificationScore:
    """Measures of diversification."""

    portfolio_correlation: float
    average_correlation: float
    diversification_ratio: float | None
    effective_bets: float | None
    symbols_included: int
    calculation_date: date
    left_out: tuple[LeftOutSymbol, ...]


def diversify(inputs: Inputs, parameters: DiversificationParameters) -> Found:
    """Give the measures of diversification of a book: of all its underlyings that are not small."""
    assessed = assess(inputs)
    beside = {"duration_days": parameters.lookback_days}
    if not assessed.enough:
        return assessed.unavailable(beside=beside)
    window = Window(parameters.lookback_days, parameters.min_overlap, parameters.filter_mode)
    if too_many(inputs, assessed, window):
        return assessed.unavailable("too_many_symbols", beside)
    found = comovement(inputs, assessed, window)
    if found is None:
        return assessed.unavailable("insufficient_symbols", beside)
    body = _body(found, inputs.market.session.as_of_date)
    return Found(body, assessed.coverage, assessed.warnings + found.warnings, lookback=found.lookback, beside=beside)


DIVERSIFICATION_SCORE = Analysis(
    kind="diversification_score",
    parameters=DiversificationParameters,
    needs=lambda parameters: Needs(sessions=parameters.lookback_days + 1),
    compute=diversify,
    formulas=("correlation",),
)


def _body(found: Comovement, day: date) -> DiversificationScore:
    signed = np.sign(found.underlyings.exposure) * found.weights
    covariance = _covariance(found)
    average, score = found.average, diversification_score(signed, found.correlations.matrix)
    assert average is not None, "two underlyings or more have a pair"
    assert score is not None, "each of them has a weight"
    return DiversificationScore(
        portfolio_correlation=score,
        average_correlation=average,
        diversification_ratio=diversification_ratio(signed, covariance),
        effective_bets=effective_bets(signed, covariance),
        symbols_included=len(found.underlyings),
        calculation_date=day,
        left_out=found.left_out,
    )


def _covariance(found: Comovement) -> FloatArray:
    """Scale the correlations by volatilities of the same sessions: of all, where the window is common."""
    returns = found.returns
    if found.correlations.window == "common":
        returns = returns[~np.isnan(returns).any(axis=1)]
    deviation = np.nanstd(returns, axis=0, ddof=1)
    return np.asarray(found.correlations.matrix * np.multiply.outer(deviation, deviation))
