"""What a book makes under many joint moves of what it follows, options valued again."""

from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.option_revaluation import scenario_prices
from services.risk.domain.inputs import Inputs
from services.risk.domain.live_options import live_options
from services.risk.domain.moves import Moves

PRICES_AT_ONCE: Final = 250_000
"""Options times scenarios that are valued together: their terms and prices take some 40 MB, however many there are."""


def simulated_pnl(inputs: Inputs, moved: Moves, scenarios: FloatArray) -> FloatArray:
    """Profit and loss by scenario and underlying, (S, N), in base currency.

    What is no option moves with its underlying; an option is priced again at the moved spot, its volatility, rate and
    days to expiry as they are; one that has expired is worth what it was.
    """
    held, exposure = inputs.book.held, moved.assessed.valued.exposure
    place = moved.columns_of(held)
    shares = np.flatnonzero(~held.is_option & ~np.isnan(exposure))
    linear = np.zeros(len(moved.underlyings))
    np.add.at(linear, place[shares], exposure[shares])
    pnl = scenarios * linear
    options = live_options(inputs, moved.assessed)
    width = max(PRICES_AT_ONCE // len(scenarios), 1)
    for start in range(0, len(options), width):
        block = slice(start, start + width)
        columns = place[options.rows[block]]
        # the price as it is now comes from the same call, so that no move is no profit to the last bit
        moves = np.vstack([scenarios[:, columns], np.zeros(len(columns))])
        prices = scenario_prices(options.terms.only(block), moves)
        np.add.at(pnl.T, columns, ((prices[:-1] - prices[-1]) * options.size[block]).T)
    return pnl
