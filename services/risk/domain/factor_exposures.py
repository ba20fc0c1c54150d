"""What of a book moves with which factor: the market, and the styles beside it."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.factor_basis import collinearity, complete_basis, factor_basis
from riskmath.factor_model import FactorFits
from riskmath.factor_quality import out_of_sample_r2
from services.risk.domain.analysis import Analysis, Found, NoParameters
from services.risk.domain.assessed import Assessed
from services.risk.domain.factor_fits import FITS, MODEL, FittedBook, fit_book
from services.risk.domain.factor_returns import WINDOWS_KEPT, FactorReturns, are_independent
from services.risk.domain.inputs import InactiveFactor, Inputs
from services.risk.domain.instrument_fits import fits_of
from services.risk.domain.results import known

METHOD: Final = "joint_ridge_regression"
FOLDS: Final = 4
"""Stretches of the window, each forecast from the others."""


@dataclass(frozen=True, slots=True)
class FactorExposure:
    """The exposure to one factor, beside all the others."""

    name: str
    beta: float | None
    exposure_dollar: float
    standard_error: float | None
    t_stat: float | None
    symbol: str
    variance_inflation: float


@dataclass(frozen=True, slots=True)
class FitDiagnostics:
    """How far the exposures can be believed: of the book's own regression, on the sessions that it has whole."""

    observations: int
    r2: float | None
    market_r2: float | None
    style_r2: float | None
    out_of_sample_r2: float | None
    condition_number: float
    basis_condition_number: float


@dataclass(frozen=True, slots=True)
class FactorExposures:
    """The factor exposures of a book."""

    calculation_date: date
    factor_model: str
    calculation_method: str
    factors: tuple[FactorExposure, ...]
    market_beta: float | None
    market_beta_error: float | None
    market_beta_t: float | None
    market_exposure_dollar: float
    total_value: float | None
    total_value_reason: str
    diagnostics: FitDiagnostics
    inactive_factors: tuple[InactiveFactor, ...]


def expose(inputs: Inputs, _: NoParameters) -> Found:
    """Give the exposures of a book to the factors."""
    fitted = fit_book(inputs)
    if isinstance(fitted, Found):
        return fitted
    value, reason = value_to_divide_by(fitted.assessed)
    # The regression of the book's own returns has the weighted coefficients of what is in it, and the errors that
    # belong to them: those of the parts cannot be added, because what the factors leave of them moves together.
    own_returns = (fitted.moved.returns @ fitted.exposure)[:, None]
    own = fits_of(own_returns, fitted.factors)
    market_dollars = float(fitted.exposure @ fitted.fits.market_beta)
    body = FactorExposures(
        calculation_date=inputs.market.session.as_of_date,
        factor_model=MODEL,
        calculation_method=METHOD,
        factors=_by_factor(fitted, own, value),
        market_beta=per_value(market_dollars, value),
        market_beta_error=per_value(float(own.market_beta_error[0]), value),
        market_beta_t=known(own.market_beta_t[0]),
        market_exposure_dollar=market_dollars,
        total_value=fitted.assessed.net_asset_value,
        total_value_reason=reason,
        diagnostics=_diagnostics(own, fitted.factors, _out_of_sample(own_returns, fitted.factors)),
        inactive_factors=fitted.factors.inactive,
    )
    return Found(body, fitted.assessed.coverage, fitted.warnings(inputs), lookback=fitted.lookback)


FACTOR_EXPOSURES = Analysis(
    kind="factor_exposures",
    parameters=NoParameters,
    needs=lambda _: FITS,
    compute=expose,
    formulas=("factors",),
)


def value_to_divide_by(assessed: Assessed) -> tuple[float | None, str]:
    """Give the net asset value, or why there is none that weights can be parts of."""
    value = assessed.net_asset_value
    if value is None:
        return None, assessed.cash_reason
    return (value, "") if value > 0.0 else (None, "net_asset_value_not_positive")


def per_value(amount: float, value: float | None) -> float | None:
    """Give an amount as a part of the value; None where either is not known."""
    return None if value is None else known(amount / value)


def _by_factor(fitted: FittedBook, own: FactorFits, value: float | None) -> tuple[FactorExposure, ...]:
    dollars = fitted.exposure @ fitted.fits.coefficients
    inflation = fitted.collinearity().inflation
    factors = fitted.factors
    return tuple(
        FactorExposure(
            name=factors.names[place],
            beta=per_value(float(dollars[place]), value),
            exposure_dollar=float(dollars[place]),
            standard_error=per_value(float(own.errors[0, place]), value),
            t_stat=known(own.t[0, place]),
            symbol=factors.symbols[place],
            variance_inflation=float(inflation[place]),
        )
        for place in sorted(range(len(factors.names)), key=factors.names.__getitem__)
    )


def _diagnostics(own: FactorFits, factors: FactorReturns, out_of_sample: float) -> FitDiagnostics:
    basis = factor_basis(factors.market, factors.styles, value=factors.value, growth=factors.growth)
    return FitDiagnostics(
        observations=int(own.observations[0]),
        r2=known(own.r2[0]),
        market_r2=known(own.market_r2[0]),
        style_r2=known(own.style_r2[0]),
        out_of_sample_r2=known(out_of_sample),
        condition_number=collinearity(factors.returns).condition_number,
        basis_condition_number=collinearity(complete_basis(basis)).condition_number,
    )


def _out_of_sample(returns: FloatArray, factors: FactorReturns) -> float:
    """Part of the variance that is explained on sessions which a fit on the others has not seen.

    NaN where the factors cannot be told apart once a stretch is taken out.
    """
    if not _independent_without_a_fold(factors):
        return float("nan")
    market, styles = factors.market, factors.styles
    found = out_of_sample_r2(returns, market, styles, value=factors.value, growth=factors.growth, folds=FOLDS)
    return float(found[0])


@lru_cache(maxsize=WINDOWS_KEPT)
def _independent_without_a_fold(factors: FactorReturns) -> bool:
    stretches = np.array_split(np.arange(len(factors.returns)), FOLDS)
    return all(are_independent(np.delete(factors.returns, stretch, axis=0)) for stretch in stretches)
