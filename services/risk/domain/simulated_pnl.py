"""What a book makes under many joint moves of what it follows, options valued again."""

from collections.abc import Sequence

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.option_revaluation import OptionTerms, scenario_prices
from riskmath.options import CALL, DAYS_A_YEAR, PUT
from services.risk.domain.book import Positions
from services.risk.domain.inputs import Inputs
from services.risk.domain.market import MarketSlice, OptionMark
from services.risk.domain.moves import Moves


def simulated_pnl(inputs: Inputs, moved: Moves, scenarios: FloatArray) -> FloatArray:
    """Profit and loss by scenario and underlying, (S, N), in base currency.

    What is no option moves with its underlying; an option is priced again at the moved spot, its volatility, rate and
    days to expiry as they are; one that has expired is worth what it was.
    """
    held, exposure = inputs.book.held, moved.assessed.valued.exposure
    place = {followed: column for column, followed in enumerate(moved.underlyings.instrument_ids)}
    kept = np.flatnonzero(~np.isnan(exposure)).tolist()
    linear = np.zeros(len(place))
    for row in kept:
        if not held.is_option[row]:
            linear[place[held.underlying_ids[row]]] += exposure[row]
    pnl = scenarios * linear
    live = [row for row in kept if held.is_option[row] and _live(inputs.market, held, row)]
    if live:
        columns = [place[held.underlying_ids[row]] for row in live]
        changes = _price_changes(inputs.market, held, live, scenarios[:, columns])
        np.add.at(pnl.T, columns, (changes * (held.quantity[live] * held.multiplier[live])).T)
    return pnl


def _price_changes(market: MarketSlice, held: Positions, rows: Sequence[int], scenarios: FloatArray) -> FloatArray:
    """Change of the price of one unit of each option, (S, rows)."""
    options = [_option(market, held, row) for row in rows]
    day = market.session.as_of_date
    terms = OptionTerms.of(
        spot=[option.underlying_price for option in options],
        strike=[option.strike for option in options],
        years_to_expiry=[(option.expiry_date - day).days / DAYS_A_YEAR for option in options],
        volatility=[option.volatility for option in options],
        rate=[option.rate for option in options],
        dividend_yield=[option.dividend_yield for option in options],
        right=[CALL if option.is_call else PUT for option in options],
        american=[option.is_american for option in options],
    )
    # the price as it is now comes from the same call, so that no move is no profit to the last bit
    prices = scenario_prices(terms, np.vstack([scenarios, np.zeros(len(rows))]))
    return np.asarray(prices[:-1] - prices[-1])


def _live(market: MarketSlice, held: Positions, row: int) -> bool:
    return not _option(market, held, row).expired


def _option(market: MarketSlice, held: Positions, row: int) -> OptionMark:
    option = market.marks[held.instrument_ids[row]].option
    assert option is not None, "an option without terms has no delta, and is left out"
    return option
