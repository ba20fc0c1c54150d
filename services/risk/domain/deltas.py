"""The delta of each position per unit of its underlying: what turns a notional into an exposure."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol

import numpy as np

from riskmath.american import american_price
from riskmath.arrays import FloatArray
from riskmath.black_scholes import HANDFUL, european
from riskmath.options import CALL, DAYS_A_YEAR, PUT
from services.risk.domain.book import Positions
from services.risk.domain.market import MarketSlice, OptionMark


class Valued(Protocol):
    """What option models answer with."""

    @property
    def delta(self) -> FloatArray:
        """Per 1.00 of spot."""
        ...


Model = Callable[..., Valued]


def deltas(held: Positions, market: MarketSlice) -> FloatArray:
    """Give a delta per position.

    1 for what is no option: a share is its own underlying. 0 for an option that has expired, because what it is worth
    no longer moves. NaN for an option whose mark names no volatility.
    """
    result = np.where(held.is_option, np.nan, 1.0)
    live: list[tuple[int, OptionMark]] = []
    for row in np.flatnonzero(held.is_option).tolist():
        option = market.marks[held.instrument_ids[row]].option
        if option and option.expired:
            result[row] = 0.0
        elif option:
            live.append((row, option))
    for american, model in ((True, american_price), (False, european)):
        rows = [row for row, option in live if option.is_american == american]
        if rows:
            options = [option for _, option in live if option.is_american == american]
            result[rows] = _deltas(model, options, market.session.as_of_date)
    return result


def _deltas(model: Model, options: Sequence[OptionMark], day: date) -> FloatArray:
    """Give the deltas of options that have not expired; NaN where the volatility is missing."""
    # A handful is valued by other code, which differs in the last bit: a delta must not depend on how many there are.
    padded = [*options, *[options[0]] * (HANDFUL - len(options))]
    values = model(
        spot=[option.underlying_price for option in padded],
        strike=[option.strike for option in padded],
        years_to_expiry=[(option.expiry_date - day).days / DAYS_A_YEAR for option in padded],
        volatility=[option.volatility for option in padded],
        rate=[option.rate for option in padded],
        dividend_yield=[option.dividend_yield for option in padded],
        right=[CALL if option.is_call else PUT for option in padded],
    )
    return values.delta[: len(options)]
