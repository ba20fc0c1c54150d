"""The options of a book that still move, as the models that value them again want them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import BoolArray, FloatArray
from riskmath.option_revaluation import OptionTerms
from riskmath.options import CALL, DAYS_A_YEAR, PUT
from services.risk.domain.assessed import Assessed
from services.risk.domain.inputs import Inputs
from services.risk.domain.market import OptionMark
from services.risk.domain.valuation import fx_rates

OF_THE_UNDERLYING = "realised_90d"
"""The one source of a volatility that knows nothing of the strike."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveOptions:
    """Options that are part of the answer and have not expired."""

    rows: NDArray[np.int64]
    """(O,), which of the held positions they are."""
    terms: OptionTerms
    size: FloatArray
    """(O,), quantity x multiplier x fx: what one unit's change of price is multiplied with, in base currency."""
    strike_specific: BoolArray
    """(O,), whether the volatility is that of the option's own strike, and not of its underlying."""

    def __len__(self) -> int:
        return self.rows.size


def live_options(inputs: Inputs, assessed: Assessed) -> LiveOptions:
    """Give the options that are valued and can still change."""
    held, market = inputs.book.held, inputs.market
    found: list[tuple[int, OptionMark]] = []
    for row in np.flatnonzero(held.is_option & ~np.isnan(assessed.valued.exposure)).tolist():
        option = market.marks[held.instrument_ids[row]].option
        assert option is not None, "an option without terms has no delta, and is left out"
        if not option.expired:
            found.append((row, option))
    size = held.quantity * held.multiplier * fx_rates(inputs.book, market)
    rows = np.array([row for row, _ in found], dtype=np.int64)
    options = [option for _, option in found]
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
    specific = np.array([option.volatility_source != OF_THE_UNDERLYING for option in options], dtype=bool)
    return LiveOptions(rows, terms, size[rows], specific)
