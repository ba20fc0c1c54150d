"""What positions are worth, what they cost, and what was won or lost on them (methodology, section 1)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import FloatArray, columns, product, require_positive


@dataclass(frozen=True, slots=True, eq=False)
class ProfitAndLoss:
    """Profit and loss per position, in base currency, by where it came from.

    local: (N,), from the move of the price, at the opening rate of exchange.
    currency: (N,), from the move of the rate of exchange, the cross term included.
    """

    local: FloatArray
    currency: FloatArray

    @property
    def total(self) -> FloatArray:
        """(N,): local + currency."""
        return self.local + self.currency


def market_value(quantity: ArrayLike, price: ArrayLike, multiplier: ArrayLike, fx: ArrayLike) -> FloatArray:
    """Market value per position.

    Formula: quantity x price x multiplier x fx.
    Shapes: all (N,), result (N,).
    Units: quantity signed, in shares or contracts; price in the instrument's currency per unit of the underlying;
        multiplier in units per contract, above 0; fx in base currency per unit of the instrument's, above 0. The
        result is signed, in base currency.
    NaN: a row with any of the four missing is NaN.
    Errors: ValueError for infinity, different lengths, a multiplier or fx at or below 0; FloatingPointError when a
        product is beyond float64.
    Source: methodology, section 1.
    """
    return product({"quantity": quantity, "price": price}, positive={"multiplier": multiplier, "fx": fx})


def cost_basis(quantity: ArrayLike, entry_price: ArrayLike, multiplier: ArrayLike, opening_fx: ArrayLike) -> FloatArray:
    """What was paid for each position; negative where a short or written position was paid for.

    Formula: quantity x entry_price x multiplier x opening_fx.
    Shapes, units, NaN, errors: as `market_value`, with the price and the rate of exchange of the day of entry.
    Source: methodology, section 1.
    """
    return product(
        {"quantity": quantity, "entry_price": entry_price},
        positive={"multiplier": multiplier, "opening_fx": opening_fx},
    )


def profit_and_loss(
    quantity: ArrayLike,
    opening_price: ArrayLike,
    closing_price: ArrayLike,
    multiplier: ArrayLike,
    opening_fx: ArrayLike,
    closing_fx: ArrayLike,
) -> ProfitAndLoss:
    """Profit and loss per position between two prices: unrealised when the second is a mark, realised when an exit.

    Formula: local = quantity x multiplier x (closing_price - opening_price) x opening_fx,
        currency = quantity x multiplier x closing_price x (closing_fx - opening_fx);
        their sum is market value less cost.
    Shapes: all (N,), results (N,).
    Units: quantity signed; prices in the instrument's currency; fx in base currency per unit of it; results in base
        currency.
    NaN: a row with any of the six missing is NaN in both parts.
    Errors: ValueError for infinity, different lengths, a multiplier or fx at or below 0; FloatingPointError when a
        product is beyond float64.
    Source: methodology, section 1: the cross term counts as currency.
    """
    quantity, opening_price, closing_price, multiplier, opening_fx, closing_fx = columns(
        quantity=quantity,
        opening_price=opening_price,
        closing_price=closing_price,
        multiplier=multiplier,
        opening_fx=opening_fx,
        closing_fx=closing_fx,
    )
    require_positive(multiplier=multiplier, opening_fx=opening_fx, closing_fx=closing_fx)
    with np.errstate(over="raise"):
        size = quantity * multiplier
        local = size * (closing_price - opening_price) * opening_fx
        currency = size * closing_price * (closing_fx - opening_fx)
        missing = np.isnan(local + currency)  # local is known without closing_fx, but half a result misleads
    return ProfitAndLoss(local=np.where(missing, np.nan, local), currency=np.where(missing, np.nan, currency))
