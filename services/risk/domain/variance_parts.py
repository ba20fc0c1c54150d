"""The covariances that a book's variance is made of, and its parts as answers show them.

Shared by the variance of a book and by its variance against a benchmark. Contributions are annual, in base currency.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.covariance import ewma_covariance
from riskmath.returns import SESSIONS_A_YEAR
from riskmath.variance import VarianceDecomposition, specific_covariance
from services.risk.domain.factor_exposures import per_value
from services.risk.domain.factor_fits import FittedBook, factor_moves, model_of
from services.risk.domain.inputs import Inputs, InstrumentFacts

CovarianceMethod = Literal["two_speed", "ewma"]
ANNUAL: Final = float(np.sqrt(SESSIONS_A_YEAR))


@dataclass(frozen=True, slots=True)
class VariancePart:
    """A part of the variance."""

    variance_percent: float | None
    volatility_contribution: float


@dataclass(frozen=True, slots=True)
class FactorVariance:
    """What one factor has in the variance."""

    name: str
    beta: float | None
    exposure_dollar: float
    factor_volatility: float
    variance_percent: float | None
    volatility_contribution: float


@dataclass(frozen=True, slots=True)
class PositionVariance:
    """What one position has in the variance."""

    position_id: str
    symbol: str
    delta_adjusted_exposure: float
    variance_percent: float | None
    volatility_contribution: float
    marginal_volatility: float


def factor_covariance(inputs: Inputs, fitted: FittedBook, method: CovarianceMethod) -> FloatArray:
    """Give the covariance of the market and the residual styles, (1 + J, 1 + J), of one session."""
    model = model_of(inputs, fitted)
    return model.covariance if method == "two_speed" else ewma_covariance(factor_moves(inputs, fitted, model))


def specific_of(inputs: Inputs, fitted: FittedBook) -> FloatArray:
    """Give the covariance of what the factors leave of the underlyings, (N, N), of one session."""
    assert inputs.facts is not None, "an analysis of variance needs facts"
    sectors = sector_numbers(inputs.facts, fitted.moved.underlyings.instrument_ids)
    return specific_covariance(fitted.residuals, fitted.fits.residual_volatility, sectors)


def sector_numbers(facts: Mapping[int, InstrumentFacts], instrument_ids: Sequence[int]) -> FloatArray:
    """Give a number for the sector of each; NaN where it is not known."""
    names = [facts[number].sector for number in instrument_ids]
    numbered = {name: float(place) for place, name in enumerate(sorted(set(names) - {""}))}
    return np.array([numbered.get(name, np.nan) for name in names])


def part_of(variance: float, whole: VarianceDecomposition) -> VariancePart:
    """Give a part of a variance."""
    if whole.volatility == 0.0:
        return VariancePart(None, 0.0)
    return VariancePart(100.0 * variance / whole.variance, ANNUAL * variance / whole.volatility)


def factors_of(
    fitted: FittedBook, covariance: FloatArray, parts: VarianceDecomposition, value: float | None
) -> tuple[FactorVariance, ...]:
    """Give the part of each factor, the market first."""
    volatility = ANNUAL * np.sqrt(np.diag(covariance))
    rows = zip(
        fitted.factors.regressors,
        parts.exposures.tolist(),
        volatility.tolist(),
        (part_of(own, parts) for own in parts.by_factor.tolist()),
        strict=True,
    )
    return tuple(
        FactorVariance(
            name, per_value(exposure, value), exposure, deviation, part.variance_percent, part.volatility_contribution
        )
        for name, exposure, deviation, part in rows
    )


def positions_of(
    inputs: Inputs, parts: VarianceDecomposition, rows: Sequence[int], exposure: FloatArray
) -> tuple[PositionVariance, ...]:
    """Give the part of each of these positions, which are the first rows of the decomposition."""
    held = inputs.book.held
    moves = parts.volatility > 0.0
    return tuple(
        PositionVariance(
            position_id=held.position_ids[row],
            symbol=held.symbols[row],
            delta_adjusted_exposure=float(exposure[place]),
            variance_percent=100.0 * float(parts.percent[place]) if moves else None,
            volatility_contribution=ANNUAL * float(parts.contributions[place]),
            marginal_volatility=ANNUAL * float(parts.marginal[place]),
        )
        for place, row in enumerate(rows)
    )
