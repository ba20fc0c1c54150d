"""How the price of each position moves: deltas for exposures, and all five Greeks where they are asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

import numpy as np

from riskmath.american import american, american_price
from riskmath.arrays import FloatArray
from riskmath.black_scholes import HANDFUL, european
from riskmath.options import CALL, DAYS_A_YEAR, PUT
from services.risk.domain.book import Positions
from services.risk.domain.market import MarketSlice, OptionMark

Model = Callable[..., Any]
BOOKS_KEPT: Final = 32
"""Whose Greeks one analysis wants, the next will want too."""


@dataclass(frozen=True, slots=True, eq=False)
class Greeks:
    """Greeks of one unit of each position, (N,), as riskmath/options.py quotes them.

    NaN for an option whose mark names no volatility. An option that has expired no longer moves: all are 0.
    """

    delta: FloatArray
    gamma: FloatArray
    theta: FloatArray
    vega: FloatArray
    rho: FloatArray


@lru_cache(maxsize=BOOKS_KEPT)
def deltas_and_gammas(held: Positions, market: MarketSlice) -> tuple[FloatArray, FloatArray]:
    """Give a delta and a gamma per position, (N,): 1 and 0 for what is no option: a share is its own underlying."""
    delta, gamma = _sensitivities(held, market, ("delta", "gamma"), american_price)
    return delta, gamma


@lru_cache(maxsize=BOOKS_KEPT)
def greeks(held: Positions, market: MarketSlice) -> Greeks:
    """Give the five Greeks of one unit of each position; a share has a delta of 1 and no others."""
    return Greeks(*_sensitivities(held, market, ("delta", "gamma", "theta", "vega", "rho"), american))


def _sensitivities(held: Positions, market: MarketSlice, names: Sequence[str], model: Model) -> list[FloatArray]:
    """Give columns by name, delta first; `model` values American options."""
    found = np.zeros((len(names), len(held)))
    found[0] = 1.0
    found[:, held.is_option] = np.nan
    live: list[tuple[int, OptionMark]] = []
    for row in np.flatnonzero(held.is_option).tolist():
        option = market.marks[held.instrument_ids[row]].option
        if option and option.expired:
            found[:, row] = 0.0
        elif option:
            live.append((row, option))
    for is_american, valued_by in ((True, model), (False, european)):
        rows = [row for row, option in live if option.is_american == is_american]
        if rows:
            options = [option for _, option in live if option.is_american == is_american]
            values = _values(valued_by, options, market.session.as_of_date)
            found[:, rows] = [getattr(values, name)[: len(rows)] for name in names]
    return list(found)


def _values(model: Model, options: Sequence[OptionMark], day: date) -> Any:
    """Value options that have not expired; NaN where the volatility is missing."""
    # A handful is valued by other code, which differs in the last bit: a delta must not depend on how many there are.
    padded = [*options, *[options[0]] * (HANDFUL - len(options))]
    return model(
        spot=[option.underlying_price for option in padded],
        strike=[option.strike for option in padded],
        years_to_expiry=[(option.expiry_date - day).days / DAYS_A_YEAR for option in padded],
        volatility=[option.volatility for option in padded],
        rate=[option.rate for option in padded],
        dividend_yield=[option.dividend_yield for option in padded],
        right=[CALL if option.is_call else PUT for option in padded],
    )
