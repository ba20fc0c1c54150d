"""The factor exposures of each position: the coefficients of what it follows, and what they amount to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.factor_fits import FITS, LARGE_BETA, MODEL, FittedBook, fit_book
from services.risk.domain.inputs import InactiveFactor, Inputs
from services.risk.domain.results import known


@dataclass(frozen=True, slots=True)
class PositionFactorParameters:
    """Which positions."""

    limit: int = 50
    offset: int = 0
    symbols: tuple[str, ...] = ()
    """In capitals: the position's own or that of its underlying. Empty: all."""


@dataclass(frozen=True, slots=True)
class PositionFactors:
    """One position."""

    position_id: str
    symbol: str
    underlying_symbol: str
    delta_adjusted_exposure: float
    exposures: Mapping[str, float]
    exposure_dollars: Mapping[str, float]
    t_stats: Mapping[str, float]
    market_beta: float
    market_beta_error: float | None
    r2: float | None
    observations: int
    quality_flag: str
    large_beta: bool


@dataclass(frozen=True, slots=True)
class PositionFactorExposures:
    """Positions on one page."""

    calculation_date: date
    factor_model: str
    total: int
    limit: int
    offset: int
    positions: tuple[PositionFactors, ...]
    inactive_factors: tuple[InactiveFactor, ...]


def expose_positions(inputs: Inputs, parameters: PositionFactorParameters) -> Found:
    """Give the factor exposures of positions, in the order of the book."""
    fitted = fit_book(inputs)
    if isinstance(fitted, Found):
        return fitted
    column_of = fitted.moved.columns_of(inputs.book.held)
    rows = asked_for(inputs, np.flatnonzero(column_of >= 0).tolist(), parameters.symbols)
    page = rows[parameters.offset : parameters.offset + parameters.limit]
    body = PositionFactorExposures(
        calculation_date=inputs.market.session.as_of_date,
        factor_model=MODEL,
        total=len(rows),
        limit=parameters.limit,
        offset=parameters.offset,
        positions=tuple(_position(inputs, fitted, row, int(column_of[row])) for row in page),
        inactive_factors=fitted.factors.inactive,
    )
    return Found(body, fitted.assessed.coverage, fitted.warnings(inputs), lookback=fitted.lookback)


POSITION_FACTOR_EXPOSURES = Analysis(
    kind="position_factor_exposures",
    parameters=PositionFactorParameters,
    needs=lambda _: FITS,
    compute=expose_positions,
    formulas=("factors",),
)


def asked_for(inputs: Inputs, rows: list[int], symbols: tuple[str, ...]) -> list[int]:
    """Give those of the held positions, by row, that have or follow one of the symbols; without symbols all."""
    held = inputs.book.held
    if not symbols:
        return rows
    return [row for row in rows if {held.symbols[row].upper(), held.underlying_symbols[row].upper()} & set(symbols)]


def _position(inputs: Inputs, fitted: FittedBook, row: int, column: int) -> PositionFactors:
    held, fits = inputs.book.held, fitted.fits
    exposure = float(fitted.assessed.valued.exposure[row])
    by_name = dict(zip(fitted.factors.names, fits.coefficients[column].tolist(), strict=True))
    t_stats = zip(fitted.factors.names, map(known, fits.t[column]), strict=True)
    return PositionFactors(
        position_id=held.position_ids[row],
        symbol=held.symbols[row],
        underlying_symbol=held.underlying_symbols[row],
        delta_adjusted_exposure=exposure,
        exposures=by_name,
        exposure_dollars={name: exposure * beta for name, beta in by_name.items()},
        t_stats={name: t for name, t in t_stats if t is not None},
        market_beta=float(fits.market_beta[column]),
        market_beta_error=known(fits.market_beta_error[column]),
        r2=known(fits.r2[column]),
        observations=int(fits.observations[column]),
        quality_flag="limited_history" if fitted.limited[column] else "full_history",
        large_beta=bool(abs(fits.market_beta[column]) > LARGE_BETA),
    )
