"""Where the variance of a book comes from: factors, industries, single names; and from which positions."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.variance import VarianceDecomposition, decompose
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.factor_exposures import per_value, value_to_divide_by
from services.risk.domain.factor_fits import MODEL_NEEDS, FittedBook, fit_book
from services.risk.domain.inputs import InactiveFactor, Inputs
from services.risk.domain.variance_parts import (
    ANNUAL,
    CovarianceMethod,
    FactorVariance,
    PositionVariance,
    VariancePart,
    factor_covariance,
    factors_of,
    part_of,
    positions_of,
    specific_of,
)


@dataclass(frozen=True, slots=True)
class VarianceParameters:
    """How the covariance of the factors is measured."""

    covariance_method: CovarianceMethod = "two_speed"


@dataclass(frozen=True, slots=True)
class BookVariance:
    """The variance of a book in parts. Contributions and volatilities are annual, in base currency."""

    calculation_date: date
    covariance_method: str
    volatility_dollar: float
    volatility: float | None
    total_value: float | None
    total_value_reason: str
    factor: VariancePart
    market: VariancePart
    style: VariancePart
    industry: VariancePart
    specific: VariancePart
    factors: tuple[FactorVariance, ...]
    positions: tuple[PositionVariance, ...]
    inactive_factors: tuple[InactiveFactor, ...]


def decompose_variance(inputs: Inputs, parameters: VarianceParameters) -> Found:
    """Give the variance of a book by factor, industry, single name and position."""
    fitted = fit_book(inputs)
    if isinstance(fitted, Found):
        return fitted
    covariance = factor_covariance(inputs, fitted, parameters.covariance_method)
    column_of = fitted.moved.columns_of(inputs.book.held)
    rows = np.flatnonzero(column_of >= 0)
    columns = column_of[rows]
    exposure = fitted.assessed.valued.exposure[rows]
    parts = decompose(exposure, fitted.betas[columns], covariance, columns, specific_of(inputs, fitted))
    body = _body(inputs, fitted, parameters, covariance, parts, rows.tolist(), exposure)
    return Found(body, fitted.assessed.coverage, fitted.warnings(inputs), lookback=fitted.lookback)


VARIANCE_DECOMPOSITION = Analysis(
    kind="variance_decomposition",
    parameters=VarianceParameters,
    needs=lambda _: MODEL_NEEDS,
    compute=decompose_variance,
    formulas=("variance", "factors"),
)


def _body(
    inputs: Inputs,
    fitted: FittedBook,
    parameters: VarianceParameters,
    covariance: FloatArray,
    parts: VarianceDecomposition,
    rows: list[int],
    exposure: FloatArray,
) -> BookVariance:
    value, reason = value_to_divide_by(fitted.assessed)
    volatility = ANNUAL * parts.volatility
    market = float(parts.by_factor[0])
    return BookVariance(
        calculation_date=inputs.market.session.as_of_date,
        covariance_method=parameters.covariance_method,
        volatility_dollar=volatility,
        volatility=per_value(volatility, value),
        total_value=fitted.assessed.net_asset_value,
        total_value_reason=reason,
        factor=part_of(parts.systematic, parts),
        market=part_of(market, parts),
        style=part_of(parts.systematic - market, parts),
        industry=part_of(parts.industry, parts),
        specific=part_of(parts.specific, parts),
        factors=factors_of(fitted, covariance, parts, value),
        positions=positions_of(inputs, parts, rows, exposure),
        inactive_factors=fitted.factors.inactive,
    )
