"""What a book makes under many joint moves of what it follows, options valued again."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import FloatArray
from riskmath.option_revaluation import scenario_prices
from services.risk.domain.currency_moves import currency_id, foreign_cash
from services.risk.domain.inputs import Inputs
from services.risk.domain.live_options import live_options
from services.risk.domain.moves import Moves

PRICES_AT_ONCE: Final = 250_000
"""Options times scenarios that are valued together: their terms and prices take some 40 MB, however many there are."""


def simulated_pnl(inputs: Inputs, moved: Moves, scenarios: FloatArray) -> FloatArray:
    """Profit and loss by scenario and underlying, (S, N), in base currency.

    What is no option moves with its underlying; an option is priced again at the moved spot, its volatility, rate and
    days to expiry as they are; one that has expired is worth what it was. A foreign one is priced at the move of its
    spot in its own currency, and then exchanged at the rate as moved; foreign cash moves with its rate alone.
    """
    held, exposure = inputs.book.held, moved.assessed.valued.exposure
    place = moved.columns_of(held)
    shares = np.flatnonzero(~held.is_option & ~np.isnan(exposure))
    linear = np.zeros(len(moved.underlyings))
    np.add.at(linear, place[shares], exposure[shares])
    column = {number: each for each, number in enumerate(moved.underlyings.instrument_ids)}
    for currency, amount in foreign_cash(inputs.book, inputs.market).items():
        if (of := column.get(currency_id(inputs.book, currency))) is not None:
            linear[of] += amount
    pnl = scenarios * linear
    options = live_options(inputs, moved.assessed)
    currencies = [held.currencies[row] for row in options.rows]
    exchanged = np.array(
        [column[currency_id(inputs.book, c)] if c != inputs.book.base_currency else -1 for c in currencies],
        dtype=np.int64,
    )
    width = max(PRICES_AT_ONCE // len(scenarios), 1)
    for start in range(0, len(options), width):
        block = slice(start, start + width)
        columns = place[options.rows[block]]
        moves, fx = _own_moves(scenarios, columns, exchanged[block])
        # the price as it is now comes from the same call, so that no move is no profit to the last bit
        prices = scenario_prices(options.terms.only(block), np.vstack([moves, np.zeros(len(columns))]))
        np.add.at(pnl.T, columns, ((prices[:-1] * fx - prices[-1]) * options.size[block]).T)
    return pnl


def _own_moves(
    scenarios: FloatArray, columns: NDArray[np.int64], exchanged: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Give the moves of spots in their own currencies, and by what their rates of exchange are multiplied, (S, O) each.

    `exchanged` is the column of the currency of each; -1: it is in base currency.
    """
    moves, fx = scenarios[:, columns], np.ones((1, len(columns)))
    foreign = exchanged >= 0
    if foreign.any():
        fx = np.where(foreign, 1.0 + scenarios[:, exchanged], 1.0)
        moves = np.where(foreign, (1.0 + moves) / fx - 1.0, moves)
    return moves, fx
