"""Realised volatility: how much an underlying moved, for options that nobody quotes."""

import math

import numpy as np

from services.marketdata.domain.bars import Prices

SESSIONS = 90
"""Returns at most."""
FEWEST = 20
"""Returns at least."""
SESSIONS_A_YEAR = 252


def realised_volatility(closes: Prices) -> Prices:
    """Give the standard deviation of log returns a year, per instrument; NaN with too few returns, or without a move.

    A return is between two sessions that follow each other. Sums are rounded once, so a volatility does not depend on
    which other instruments it is computed with.

    Args:
        closes: S x N, at least the last `SESSIONS` + 1 of them adjusted; NaN where there is none.
    """
    returns = np.diff(np.log(closes[-(SESSIONS + 1) :]), axis=0)
    return np.array([_deviation(column[~np.isnan(column)].tolist()) for column in returns.T]) * math.sqrt(
        SESSIONS_A_YEAR
    )


def _deviation(returns: list[float]) -> float:
    if len(returns) < FEWEST:
        return math.nan
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((one - mean) ** 2 for one in returns) / (len(returns) - 1)
    return math.sqrt(variance) or math.nan
