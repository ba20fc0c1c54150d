"""Option models over columns of contracts: American ones by lattice, European ones in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmath.american import american_price
from riskmath.black_scholes import HANDFUL, european
from riskmath.bracketed_roots import bracketed_roots
from riskmath.options import CALL, PUT
from services.marketdata.domain.bars import Prices
from services.marketdata.domain.instruments import Contract, Right, Style

SIDES = {Right.CALL: CALL, Right.PUT: PUT}
DAYS_A_YEAR = 365
LEAST_VOLATILITY, MOST_VOLATILITY = 0.005, 5.0
"""Between these an implied volatility is looked for."""
SAME_PRICE = 1e-10
"""As a part of the strike: two prices this close are one."""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """N options and what their models need beside a volatility, in columns of length N."""

    spot: Prices
    strike: Prices
    years_to_expiry: Prices
    rate: Prices
    dividend_yield: Prices
    right: Prices
    """`CALL` or `PUT`."""
    american: NDArray[np.bool_]

    def at(self, places: NDArray[np.intp]) -> "Terms":
        """Give some of them, in an order, each as often as it is named."""
        return Terms(
            spot=self.spot[places],
            strike=self.strike[places],
            years_to_expiry=self.years_to_expiry[places],
            rate=self.rate[places],
            dividend_yield=self.dividend_yield[places],
            right=self.right[places],
            american=self.american[places],
        )

    def prices(self, volatility: Prices) -> Prices:
        """Give the price of each option at its volatility; NaN without one."""
        price = np.full(len(volatility), np.nan)
        for style, value in ((True, american_price), (False, european)):
            rows = np.flatnonzero(self.american == style)
            if len(rows):
                # A handful is valued by other code, which differs in the last bit: a price must not depend on how
                # many there are.
                padded = np.resize(rows, max(len(rows), HANDFUL))
                terms = self.at(padded)
                valued = value(
                    spot=terms.spot,
                    strike=terms.strike,
                    years_to_expiry=terms.years_to_expiry,
                    volatility=volatility[padded],
                    rate=terms.rate,
                    dividend_yield=terms.dividend_yield,
                    right=terms.right,
                )
                price[rows] = valued.price[: len(rows)]
        return price

    def implied(self, price: Prices) -> Prices:
        """Give the volatility at which each option has a price; NaN where none does."""
        size = len(price)
        return bracketed_roots(
            lambda rows, tried: self.at(rows).prices(tried) - price[rows],
            np.full(size, LEAST_VOLATILITY),
            np.full(size, MOST_VOLATILITY),
            SAME_PRICE * self.strike,
        )


def sides(contracts: Sequence[Contract]) -> Prices:
    """Give the side of each contract as models take it."""
    return np.array([SIDES[contract.right] for contract in contracts], dtype=np.float64)


def are_american(contracts: Sequence[Contract]) -> NDArray[np.bool_]:
    """Say of each contract whether it may be exercised early."""
    return np.array([contract.style is Style.AMERICAN for contract in contracts], dtype=bool)
