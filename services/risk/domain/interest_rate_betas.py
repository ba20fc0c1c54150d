"""What a book and each of its positions gain or lose with a Treasury yield, the market held still."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from riskmath.rates import BASIS_POINT, SIGNIFICANT, rate_betas
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.factor_exposures import per_value, value_to_divide_by
from services.risk.domain.inputs import Inputs
from services.risk.domain.rate_betas import (
    DEFAULT_TENOR,
    LAGS,
    MINIMUM,
    RATE_NEEDS,
    RatedBook,
    Tenor,
    newest_yield,
    rate_book,
)
from services.risk.domain.results import known


@dataclass(frozen=True, slots=True)
class RateBetaParameters:
    """Which yield."""

    tenor: Tenor = DEFAULT_TENOR


@dataclass(frozen=True, slots=True)
class RateSensitivity:
    """What something gains when the yield rises."""

    rate_beta: float | None
    standard_error: float | None
    t_stat: float | None
    significant: bool
    observations: int
    pnl_per_basis_point: float


@dataclass(frozen=True, slots=True)
class PositionRateBeta:
    """One position."""

    position_id: str
    symbol: str
    underlying_symbol: str
    delta_adjusted_exposure: float
    sensitivity: RateSensitivity


@dataclass(frozen=True, slots=True)
class InterestRateBetas:
    """Rate betas of a book."""

    calculation_date: date
    tenor: str
    yield_date: date | None
    newest_yield: float | None
    book: RateSensitivity
    total_value: float | None
    total_value_reason: str
    positions: tuple[PositionRateBeta, ...]


def measure_rates(inputs: Inputs, parameters: RateBetaParameters) -> Found:
    """Give the rate betas of a book and of its positions."""
    rated = rate_book(inputs, parameters.tenor)
    if isinstance(rated, Found):
        return rated
    assert inputs.yields is not None, "without yields there are no rate betas"
    assessed = rated.moved.assessed
    newest = newest_yield(inputs.yields, parameters.tenor)
    body = InterestRateBetas(
        calculation_date=inputs.market.session.as_of_date,
        tenor=parameters.tenor,
        yield_date=newest[0] if newest else None,
        newest_yield=newest[1] if newest else None,
        book=_of_book(rated),
        total_value=assessed.net_asset_value,
        total_value_reason=value_to_divide_by(assessed)[1],
        positions=_positions(inputs, rated),
    )
    return Found(body, assessed.coverage, assessed.warnings + _warnings(inputs, rated), lookback=rated.lookback)


INTEREST_RATE_BETAS = Analysis(
    kind="interest_rate_betas",
    parameters=RateBetaParameters,
    needs=lambda _: RATE_NEEDS,
    compute=measure_rates,
    formulas=("rates",),
)


def _of_book(rated: RatedBook) -> RateSensitivity:
    """The sum of the parts, with the errors of the book's own regression: those of the parts cannot be added."""
    value, _ = value_to_divide_by(rated.moved.assessed)
    exposure = rated.moved.underlyings.exposure
    own_returns = (rated.moved.returns @ exposure)[:, None]
    own = rate_betas(own_returns, rated.change, rated.market, lags=LAGS, minimum=MINIMUM)
    amount, t = float(exposure @ rated.betas.rate_beta), known(own.t[0])
    return RateSensitivity(
        rate_beta=per_value(amount, value),
        standard_error=per_value(float(own.error[0]), value),
        t_stat=t,
        significant=t is not None and abs(t) >= SIGNIFICANT,
        observations=int(own.observations[0]),
        pnl_per_basis_point=BASIS_POINT * amount,
    )


def _positions(inputs: Inputs, rated: RatedBook) -> tuple[PositionRateBeta, ...]:
    held, betas = inputs.book.held, rated.betas
    exposure = rated.moved.assessed.valued.exposure.tolist()
    columns = rated.moved.columns_of(held).tolist()
    return tuple(
        PositionRateBeta(
            position_id=held.position_ids[row],
            symbol=held.symbols[row],
            underlying_symbol=held.underlying_symbols[row],
            delta_adjusted_exposure=exposure[row],
            sensitivity=RateSensitivity(
                rate_beta=float(betas.rate_beta[column]),
                standard_error=known(betas.error[column]),
                t_stat=known(betas.t[column]),
                significant=bool(betas.significant[column]),
                observations=int(betas.observations[column]),
                pnl_per_basis_point=BASIS_POINT * exposure[row] * float(betas.rate_beta[column]),
            ),
        )
        for row, column in enumerate(columns)
        if column >= 0
    )


def _warnings(inputs: Inputs, rated: RatedBook) -> tuple[str, ...]:
    kept = ~np.isnan(rated.moved.assessed.valued.exposure)
    if not (inputs.book.held.is_option & kept).any():
        return ()
    return ("options count with the rate beta of their underlying times their delta; their own rho is not in it",)
