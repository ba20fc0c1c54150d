"""What a book makes under many joint moves of what it follows, options valued again."""

from collections.abc import Callable

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.option_curves import option_curves
from services.risk.domain.inputs import Inputs
from services.risk.domain.live_options import live_options
from services.risk.domain.moves import Moves


def simulated_pnl(
    inputs: Inputs, moved: Moves, lowest: FloatArray, highest: FloatArray
) -> Callable[[FloatArray], FloatArray]:
    """Give what tells profit and loss by scenario and underlying, (S, N) of (S, N), in base currency.

    What is no option moves with its underlying; an option is priced again at the moved spot, its volatility, rate and
    days to expiry as they are; one that has expired is worth what it was. The scenarios are between the lowest and the
    highest returns, (N,): so far options are valued, once, however many scenarios there are.
    """
    held, exposure = inputs.book.held, moved.assessed.valued.exposure
    place = moved.columns_of(held)
    shares = np.flatnonzero(~held.is_option & ~np.isnan(exposure))
    linear = np.zeros(len(moved.underlyings))
    np.add.at(linear, place[shares], exposure[shares])
    options = live_options(inputs, moved.assessed)
    if not len(options):
        return lambda scenarios: scenarios * linear
    curves = option_curves(options.terms, options.size, place[options.rows], lowest, highest)
    return lambda scenarios: scenarios * linear + curves.pnl(scenarios)
