"""What a book makes under many joint moves of what it follows, options valued again."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import FloatArray
from riskmath.option_curves import OptionCurves, option_curves
from services.risk.domain.currency_moves import currency_id, foreign_cash
from services.risk.domain.inputs import Inputs
from services.risk.domain.live_options import LiveOptions, live_options
from services.risk.domain.moves import Moves

BASE = -1
"""In place of a column: what is in base currency needs no rate of exchange."""


def simulated_pnl(
    inputs: Inputs, moved: Moves, lowest: FloatArray, highest: FloatArray
) -> Callable[[FloatArray], FloatArray]:
    """Give what tells profit and loss by scenario and underlying, (S, N) of (S, N), in base currency.

    What is no option moves with its underlying; an option is priced again at the moved spot, its volatility, rate and
    days to expiry as they are; one that has expired is worth what it was. A foreign one is priced at the move of its
    spot in its own currency, and then exchanged at the rate as moved; foreign cash moves with its rate alone. The
    scenarios are between the lowest and the highest returns, (N,): so far options are valued, once, however many
    scenarios there are.
    """
    linear = _linear(inputs, moved)
    options = live_options(inputs, moved.assessed)
    if not len(options):
        return lambda scenarios: scenarios * linear
    revalued = _revalued(inputs, moved, options, lowest, highest)
    return lambda scenarios: scenarios * linear + revalued.pnl(scenarios)


@dataclass(frozen=True, slots=True, eq=False)
class _Revalued:
    """Options by what they follow: P pairs of an underlying and the currency that they are priced in."""

    underlying: NDArray[np.int64]
    """(P,), the column of each."""
    currency: NDArray[np.int64]
    """(P,), that of its currency; `BASE`: none."""
    curves: OptionCurves
    worth: FloatArray
    """(P,), of the options now, in base currency."""

    def pnl(self, scenarios: FloatArray) -> FloatArray:
        """By scenario and underlying, (S, N)."""
        foreign = self.currency != BASE
        own, fx = scenarios[:, self.underlying], np.ones((len(scenarios), foreign.size))
        fx[:, foreign] += scenarios[:, self.currency[foreign]]
        own[:, foreign] = (1.0 + own[:, foreign]) / fx[:, foreign] - 1.0
        found = np.zeros(scenarios.shape)
        np.add.at(found.T, self.underlying, (self.curves.pnl(own) * fx + self.worth * (fx - 1.0)).T)
        return found


def _linear(inputs: Inputs, moved: Moves) -> FloatArray:
    """What the book gains, options apart, when each underlying doubles, (N,)."""
    held, exposure = inputs.book.held, moved.assessed.valued.exposure
    place = moved.columns_of(held)
    shares = np.flatnonzero(~held.is_option & ~np.isnan(exposure))
    linear = np.zeros(len(moved.underlyings))
    np.add.at(linear, place[shares], exposure[shares])
    column = _columns(moved)
    for currency, amount in foreign_cash(inputs.book, inputs.market).items():
        if (of := column.get(currency_id(inputs.book, currency))) is not None:
            linear[of] += amount
    return linear


def _revalued(inputs: Inputs, moved: Moves, options: LiveOptions, lowest: FloatArray, highest: FloatArray) -> _Revalued:
    book, column = inputs.book, _columns(moved)
    priced_in = [book.held.currencies[row] for row in options.rows]
    currency = [BASE if each == book.base_currency else column[currency_id(book, each)] for each in priced_in]
    followed = np.column_stack([moved.columns_of(book.held)[options.rows], np.array(currency, dtype=np.int64)])
    pairs, pair = np.unique(followed, axis=0, return_inverse=True)
    of, exchanged = pairs.T
    low, high, foreign = lowest[of], highest[of], exchanged != BASE
    rates = exchanged[foreign]
    low[foreign] = (1.0 + low[foreign]) / (1.0 + highest[rates]) - 1.0
    high[foreign] = (1.0 + high[foreign]) / (1.0 + lowest[rates]) - 1.0
    curves = option_curves(options.terms, options.size, pair.ravel(), low, high)
    return _Revalued(of, exchanged, curves, curves.worth)


def _columns(moved: Moves) -> dict[int, int]:
    """Give the column of each underlying, currencies among them."""
    return {number: place for place, number in enumerate(moved.underlyings.instrument_ids)}
