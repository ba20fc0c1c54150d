"""The market, as the fund of the market factor has it."""

from datetime import date
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.returns import log_returns
from services.risk.domain.inputs import FactorHistory

MARKET: Final = "Market Beta"
"""The name of the factor, among those of stocks."""


def market_closes(factors: FactorHistory | None, dates: tuple[date, ...]) -> FloatArray | None:
    """Closes of the fund that stands for the market, (S,), NaN where there is none. None: nothing stands for it."""
    if factors is None or MARKET not in factors.names:
        return None
    column = factors.closes[:, factors.names.index(MARKET)]
    by_date = dict(zip(factors.session_dates, column.tolist(), strict=True))
    closes = np.array([by_date.get(day, np.nan) for day in dates], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        known = np.where(closes > 0.0, closes, np.nan)
    return None if np.isnan(known).all() else known


def market_symbol(factors: FactorHistory) -> str:
    """Give the symbol of the fund that stands for the market."""
    return factors.symbols[factors.names.index(MARKET)]


def market_log_returns(factors: FactorHistory | None, dates: tuple[date, ...]) -> FloatArray | None:
    """Log returns of the market from each of these sessions to the next, (S - 1,). None: nothing stands for it."""
    closes = market_closes(factors, dates)
    return None if closes is None else log_returns(closes[:, None])[:, 0]
