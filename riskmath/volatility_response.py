"""What implied volatilities do when the market moves (methodology, section 5).

Measured on 21-session moves of more than 8 %: for each per cent that the S&P 500 falls, its implied volatility rises
by 3.3; for each that it rises, it falls by 2.3.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import BoolArray, FloatArray, columns, require_positive

FALLING: Final = 3.3
RISING: Final = 2.3
"""Log change of volatility per log change of the market, the other way."""
HIGHEST_INDEX: Final = 0.85
"""Above what an index option has been quoted at; a shock takes it no further."""
INDEX_SENSITIVITY: Final = 1.0
STOCK_SENSITIVITY: Final = 0.6
STRIKE_SPECIFIC: Final = 1.0 / 3.0
"""A smile that is known at the strike has two thirds of the move in it already, once the spot has moved along it."""
REFERENCE_DAYS: Final = 30.0
LOWEST, HIGHEST = 0.05, 3.0


def volatility_move(market: float, index_volatility: float, stated: float | None = None) -> float:
    """Log change of implied volatility of a 30-day index option under a scenario.

    Formula: ln(1 + stated) where the scenario states one; else -3.3 ln(1 + m) for m < 0 and -2.3 ln(1 + m) for m > 0.
        Not above ln(0.85 / index_volatility), where that is above 0, and otherwise not above 0.
    Units: decimals; stated a relative change (1.5: two and a half times as high); index_volatility a year.
    Errors: ValueError for a market or stated change at or below -1, infinity, NaN, a volatility not above 0.
    Source: methodology, section 5.
    """
    for name, move in (("market", market), ("stated", stated or 0.0)):
        if not (math.isfinite(move) and move > -1.0):
            raise ValueError(f"{name} is {move}: must be a change above -1")
    if not (math.isfinite(index_volatility) and index_volatility > 0.0):
        raise ValueError(f"index_volatility is {index_volatility}: must be above 0")
    by_market = -(FALLING if market < 0.0 else RISING) * math.log1p(market)
    response = by_market if stated is None else math.log1p(stated)
    return min(response, max(math.log(HIGHEST_INDEX / index_volatility), 0.0))


def shocked_volatility(
    volatility: ArrayLike, move: ArrayLike, days: ArrayLike, on_index: ArrayLike, strike_specific: ArrayLike
) -> FloatArray:
    """Implied volatilities after a move of the market's.

    Formula: sigma exp(kappa v min(1, sqrt(30 / days))) within 0.05 and 3, kappa 1 on an index and 0.6 on a stock, v the
        move, a third of it where the volatility is of the option's own strike. A volatility outside those bounds
        already is not brought inside: where nothing moves, nothing changes.
    Shapes: volatility, days, on_index and strike_specific (N,), the last two true or false; move a number or (C,),
        result (N,) or (C, N).
    Units: volatility a year, decimal; days to expiry, of the calendar.
    NaN: a missing volatility or day is a missing result.
    Errors: ValueError for infinity, different lengths, a volatility or days not above 0.
    Source: methodology, section 5.
    """
    sigma, left = columns(volatility=volatility, days=days)
    require_positive(volatility=sigma, days=left)
    moves = np.asarray(move, dtype=np.float64)
    if not np.isfinite(moves).all():
        raise ValueError(f"move is {moves.tolist()}: must be finite")
    index: BoolArray = np.asarray(on_index, dtype=bool)
    own: BoolArray = np.asarray(strike_specific, dtype=bool)
    if not index.shape == own.shape == sigma.shape:
        raise ValueError(f"on_index has shape {index.shape}, strike_specific {own.shape}: must be {sigma.shape}")
    sensitivity = np.where(index, INDEX_SENSITIVITY, STOCK_SENSITIVITY) * np.where(own, STRIKE_SPECIFIC, 1.0)
    exponent = sensitivity * moves[..., None] * np.minimum(1.0, np.sqrt(REFERENCE_DAYS / left))
    shocked = sigma * np.exp(np.clip(exponent, -50.0, 50.0))
    return np.clip(shocked, np.minimum(sigma, LOWEST), np.maximum(sigma, HIGHEST))
