"""How the factors move together, and how far that lets a regression tell them apart. No book is in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.covariance import ewma_covariance, two_speed_covariance
from riskmath.factor_basis import collinearity, factor_basis
from riskmath.factor_model import MINIMUM
from services.risk.domain.analysis import Analysis, Found, Lookback
from services.risk.domain.assessed import assess
from services.risk.domain.factor_returns import FactorReturns, factor_returns
from services.risk.domain.inputs import InactiveFactor, Inputs, Needs
from services.risk.domain.variance_parts import ANNUAL, CovarianceMethod

WINDOW: Final = 252
COVARIANCES: Mapping[CovarianceMethod, Callable[[FloatArray], FloatArray]] = MappingProxyType(
    {"two_speed": two_speed_covariance, "ewma": ewma_covariance}
)


@dataclass(frozen=True, slots=True)
class FactorCorrelationParameters:
    """Which history, and how it is weighted."""

    lookback_days: int = WINDOW
    covariance_method: CovarianceMethod = "two_speed"


@dataclass(frozen=True, slots=True)
class FactorSeries:
    """One factor by itself."""

    name: str
    symbol: str
    volatility: float
    variance_inflation: float


@dataclass(frozen=True, slots=True)
class FactorCorrelations:
    """Correlations of the funds, and of what the model regresses on."""

    calculation_date: date
    covariance_method: str
    factors: tuple[FactorSeries, ...]
    matrix: Mapping[str, Mapping[str, float]]
    basis_matrix: Mapping[str, Mapping[str, float]]
    condition_number: float
    basis_condition_number: float
    inactive_factors: tuple[InactiveFactor, ...]


def correlate_factors(inputs: Inputs, parameters: FactorCorrelationParameters) -> Found:
    """Give the correlations of the factors over the recent past."""
    assessed = assess(inputs)
    dates = inputs.factors.session_dates if inputs.factors else ()
    factors = factor_returns(inputs.factors, dates, MINIMUM)
    if factors is None:
        return assessed.unavailable("no_factor_data")
    used = np.flatnonzero(~np.isnan(factors.returns).any(axis=1))
    lookback = Lookback(parameters.lookback_days, used.size, dates[int(used[0]) + 1], dates[int(used[-1]) + 1])
    return Found(_body(inputs, factors, parameters), assessed.coverage, assessed.warnings, lookback=lookback)


FACTOR_CORRELATIONS = Analysis(
    kind="factor_correlations",
    parameters=FactorCorrelationParameters,
    needs=lambda parameters: Needs(factor_sessions=parameters.lookback_days + 1),
    compute=correlate_factors,
    formulas=("variance#covariance", "factors"),
)


def _body(inputs: Inputs, factors: FactorReturns, parameters: FactorCorrelationParameters) -> FactorCorrelations:
    basis = factor_basis(factors.market, factors.styles, value=factors.value, growth=factors.growth).returns
    measure = COVARIANCES[parameters.covariance_method]
    covariance = measure(factors.returns)
    raw = collinearity(factors.returns)
    return FactorCorrelations(
        calculation_date=inputs.market.session.as_of_date,
        covariance_method=parameters.covariance_method,
        factors=tuple(
            FactorSeries(*each)
            for each in zip(
                factors.names,
                factors.symbols,
                (ANNUAL * np.sqrt(np.diag(covariance))).tolist(),
                raw.inflation.tolist(),
                strict=True,
            )
        ),
        matrix=_by_name(factors.names, covariance),
        basis_matrix=_by_name(factors.regressors, measure(basis)),
        condition_number=raw.condition_number,
        basis_condition_number=collinearity(basis).condition_number,
        inactive_factors=factors.inactive,
    )


def _by_name(names: Sequence[str], covariance: FloatArray) -> dict[str, dict[str, float]]:
    deviation = np.sqrt(np.diag(covariance))
    correlation = np.clip(covariance / deviation[:, None] / deviation, -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    rows = zip(names, correlation.tolist(), strict=True)
    return {name: dict(zip(names, row, strict=True)) for name, row in rows}
