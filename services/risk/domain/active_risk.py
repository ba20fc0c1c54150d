"""How far a book may stray from a benchmark: the variance of its weights less the benchmark's, in parts."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.variance import VarianceDecomposition, decompose
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.factor_exposures import value_to_divide_by
from services.risk.domain.factor_fits import MODEL_NEEDS, FittedBook, fit_book
from services.risk.domain.inputs import InactiveFactor, Inputs
from services.risk.domain.instrument_fits import fits_of
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
class ActiveRiskParameters:
    """What the book is compared with."""

    benchmark: str = ""
    """The fund of a factor, by its symbol in capitals. Empty: that of the market."""
    covariance_method: CovarianceMethod = "two_speed"


@dataclass(frozen=True, slots=True)
class ActiveRisk:
    """Active risk in parts. Contributions are annual, in base currency."""

    calculation_date: date
    benchmark: str
    covariance_method: str
    tracking_error: float
    tracking_error_dollar: float
    benchmark_volatility: float
    beta_to_benchmark: float | None
    total_value: float
    factor: VariancePart
    market: VariancePart
    style: VariancePart
    industry: VariancePart
    specific: VariancePart
    factors: tuple[FactorVariance, ...]
    positions: tuple[PositionVariance, ...]
    benchmark_contribution: VariancePart
    inactive_factors: tuple[InactiveFactor, ...]


def measure_active(inputs: Inputs, parameters: ActiveRiskParameters) -> Found:
    """Give the ex-ante tracking error of a book and what it comes from."""
    fitted = fit_book(inputs)
    if isinstance(fitted, Found):
        return fitted
    value, reason = value_to_divide_by(fitted.assessed)
    if value is None:
        return fitted.assessed.unavailable(reason)
    symbols = fitted.factors.symbols
    if parameters.benchmark and parameters.benchmark not in symbols:
        return fitted.assessed.unavailable("no_benchmark_data")
    place = symbols.index(parameters.benchmark) if parameters.benchmark else 0
    column_of = fitted.moved.columns_of(inputs.book.held)
    rows = np.flatnonzero(column_of >= 0).tolist()
    own = _benchmark_betas(fitted, place)
    covariance = factor_covariance(inputs, fitted, parameters.covariance_method)
    exposure = fitted.assessed.valued.exposure[rows]
    # The benchmark is one more row, held short with all that the book is worth. It has no specific risk of its own:
    # a fund of hundreds of names is its factors.
    parts = decompose(
        np.append(exposure, -value),
        np.vstack([fitted.betas[column_of[rows]], own]),
        covariance,
        np.append(column_of[rows], -1),
        specific_of(inputs, fitted),
    )
    body = _body(inputs, fitted, parameters, covariance, parts, rows, own, value, symbols[place])
    warnings = fitted.warnings(inputs) + _warnings(inputs, symbols[place])
    return Found(body, fitted.assessed.coverage, warnings, lookback=fitted.lookback)


ACTIVE_RISK = Analysis(
    kind="active_risk",
    parameters=ActiveRiskParameters,
    needs=lambda _: MODEL_NEEDS,
    compute=measure_active,
    formulas=("variance#decomposition", "factors"),
)


def _benchmark_betas(fitted: FittedBook, place: int) -> FloatArray:
    """The betas, (1 + J,), of the fund of a factor: exactly 1 and nothing else for that of the market."""
    found = fits_of(fitted.factors.returns[:, [place]], fitted.factors)
    betas = np.concatenate([found.market_beta, found.gamma[0]])
    return np.eye(1, betas.size)[0] if place == 0 else betas


def _body(
    inputs: Inputs,
    fitted: FittedBook,
    parameters: ActiveRiskParameters,
    covariance: FloatArray,
    parts: VarianceDecomposition,
    rows: list[int],
    own: FloatArray,
    value: float,
    symbol: str,
) -> ActiveRisk:
    market = float(parts.by_factor[0])
    of_benchmark = float(own @ covariance @ own)
    together = float((parts.exposures + value * own) @ covariance @ own) / value
    return ActiveRisk(
        calculation_date=inputs.market.session.as_of_date,
        benchmark=symbol,
        covariance_method=parameters.covariance_method,
        tracking_error=ANNUAL * parts.volatility / value,
        tracking_error_dollar=ANNUAL * parts.volatility,
        benchmark_volatility=ANNUAL * float(np.sqrt(of_benchmark)),
        beta_to_benchmark=together / of_benchmark if of_benchmark > 0.0 else None,
        total_value=value,
        factor=part_of(parts.systematic, parts),
        market=part_of(market, parts),
        style=part_of(parts.systematic - market, parts),
        industry=part_of(parts.industry, parts),
        specific=part_of(parts.specific, parts),
        factors=factors_of(fitted, covariance, parts, value),
        positions=positions_of(inputs, parts, rows, fitted.assessed.valued.exposure[rows]),
        benchmark_contribution=part_of(float(parts.contributions[-1]) * parts.volatility, parts),
        inactive_factors=fitted.factors.inactive,
    )


def _warnings(inputs: Inputs, symbol: str) -> tuple[str, ...]:
    if inputs.book.benchmark in ("", symbol):
        return ()
    return (f"active risk is against {symbol}, not the benchmark of the portfolio ({inputs.book.benchmark})",)
