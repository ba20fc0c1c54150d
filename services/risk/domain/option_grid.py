"""What a book makes over moves of spots, of volatilities and of time, every option valued again in every case."""

from dataclasses import dataclass, replace
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
    spots = np.array(parameters.spot_moves)
    pairs = [(days, move) for days in parameters.days_ahead for move in parameters.volatility_moves]
    if len(options) * spots.size * len(pairs) > MOST_PRICES:
        return assessed.unavailable("too_many_options")
    linear = _linear(inputs, assessed)
    cases: list[GridCase] = []
    # the price as it is now comes from the same call as the others, so that no move is no profit to the last bit
    now = prices_at(options.terms, _same_moves(np.append(spots, 0.0), options))
    for days, move in pairs:
        after = _prices(options, spots, move, days) if days or move else now[:-1]
        cases += _cases(assessed, spots, spots * linear + (after - now[-1]) @ options.size, move, days)
    body = OptionGrid(
        total_value=assessed.net_asset_value,
        total_value_reason=assessed.cash_reason,
        option_count=len(options),
        cases=tuple(cases),
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


def _prices(options: LiveOptions, spots: FloatArray, volatility_move: float, days: int) -> FloatArray:
    """Prices at each move of spot, (S, O); what has expired by then is worth what it pays at that spot."""
    terms = options.terms
    left = terms.years_to_expiry - days / DAYS_A_YEAR
    later = replace(terms, volatility=terms.volatility * (1.0 + volatility_move), years_to_expiry=left)
    found = np.maximum(terms.right * (np.multiply.outer(1.0 + spots, terms.spot) - terms.strike), 0.0)
    live = np.flatnonzero(left > EXPIRED)
    found[:, live] = prices_at(later.only(live), _same_moves(spots, options)[:, live])
    return found


def _same_moves(spots: FloatArray, options: LiveOptions) -> FloatArray:
    return np.repeat(spots[:, None], len(options), axis=1)


def _cases(assessed: Assessed, spots: FloatArray, pnl: FloatArray, move: float, days: int) -> list[GridCase]:
    nav = assessed.net_asset_value
    percent = 100.0 / nav if nav is not None and nav > 0.0 else None
    return [
        GridCase(spot, move, days, made, None if percent is None else made * percent)
        for spot, made in zip(spots.tolist(), pnl.tolist(), strict=True)
    ]
