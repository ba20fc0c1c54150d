"""What a book makes over moves of spots, of volatilities and of time, every option valued again in every case."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.option_revaluation import prices_at
from riskmath.options import DAYS_A_YEAR
from riskmath.sums import exact_sum
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.assessed import Assessed, assess
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.live_options import LiveOptions, live_options

MOST_PRICES: Final = 250_000
"""Options times cases that one answer values: a few seconds."""
EXPIRED: Final = 0.5 / DAYS_A_YEAR
"""Half a day is left of nothing but rounding."""


@dataclass(frozen=True, slots=True)
class OptionGridParameters:
    """The three axes. Each case is one move of all spots, one of all volatilities, and one lapse of time."""

    spot_moves: tuple[float, ...] = (-0.3, -0.2, -0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
    """Simple returns of everything that positions follow."""
    volatility_moves: tuple[float, ...] = (-0.25, 0.0, 0.25, 0.5)
    """Relative changes of implied volatilities: 0.25 takes 20 % to 25 %."""
    days_ahead: tuple[int, ...] = (0, 7, 30)
    """Calendar days."""


@dataclass(frozen=True, slots=True)
class GridCase:
    """One case, and what the book makes in it, in base currency."""

    spot_move: float
    volatility_move: float
    days_ahead: int
    pnl: float
    pnl_percent: float | None


@dataclass(frozen=True, slots=True)
class OptionGrid:
    """A book over the cases."""

    total_value: float | None
    total_value_reason: str
    option_count: int
    cases: tuple[GridCase, ...]
    """By days, then volatility, then spot."""
    worst: GridCase
    best: GridCase


def option_grid(inputs: Inputs, parameters: OptionGridParameters) -> Found:
    """Give what the present positions make in each case."""
    assessed = assess(inputs)
    if not len(inputs.book.held):
        return assessed.unavailable("no_exposure")
    if not assessed.enough:
        return assessed.unavailable()
    options = live_options(inputs, assessed)
    count = len(parameters.spot_moves) * len(parameters.volatility_moves) * len(parameters.days_ahead)
    if len(options) * count > MOST_PRICES:
        return assessed.unavailable("too_many_options")
    cases = _cases(assessed, _linear(inputs, assessed), options, parameters)
    body = OptionGrid(
        total_value=assessed.net_asset_value,
        total_value_reason=assessed.cash_reason,
        option_count=len(options),
        cases=cases,
        worst=min(cases, key=lambda case: case.pnl),
        best=max(cases, key=lambda case: case.pnl),
    )
    return Found(body, assessed.coverage, assessed.warnings)


OPTION_GRID = Analysis(
    kind="option_grid",
    parameters=OptionGridParameters,
    needs=lambda _: Needs(),
    compute=option_grid,
    formulas=("options", "stress#from-factors-to-money"),
)


def _linear(inputs: Inputs, assessed: Assessed) -> float:
    """What the book gains, options apart, when every spot doubles."""
    exposure = assessed.valued.exposure[~inputs.book.held.is_option]
    return exact_sum(exposure[~np.isnan(exposure)])


def _cases(
    assessed: Assessed, linear: float, options: LiveOptions, parameters: OptionGridParameters
) -> tuple[GridCase, ...]:
    axes = parameters.days_ahead, parameters.volatility_moves, parameters.spot_moves
    days, volatility, spot = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
    # the price as it is now comes from the same call as the others, so that no move is no profit to the last bit
    prices = _prices(options, *(np.append(axis, 0.0) for axis in (days, volatility, spot)))
    pnl = spot * linear + (prices[:-1] - prices[-1]) @ options.size
    nav = assessed.net_asset_value
    percent = 100.0 / nav if nav is not None and nav > 0.0 else None
    rows = zip(days.tolist(), volatility.tolist(), spot.tolist(), pnl.tolist(), strict=True)
    return tuple(
        GridCase(move, vol_move, int(ahead), made, None if percent is None else made * percent)
        for ahead, vol_move, move, made in rows
    )


def _prices(options: LiveOptions, days: FloatArray, volatility_move: FloatArray, spot_move: FloatArray) -> FloatArray:
    """Prices in each case, (C, O); what has expired by then is worth what it pays at that spot."""
    terms = options.terms
    left = terms.years_to_expiry - days[:, None] / DAYS_A_YEAR
    spots = np.repeat(spot_move[:, None], len(options), axis=1)
    live = prices_at(
        terms,
        spots,
        volatility=terms.volatility * (1.0 + volatility_move[:, None]),
        years_to_expiry=np.maximum(left, EXPIRED),
    )
    paid = np.maximum(terms.right * (terms.spot * (1.0 + spots) - terms.strike), 0.0)
    return np.where(left > EXPIRED, live, paid)
