"""The same analytics of a book as one would first write them: position by position, with pandas, statsmodels, mibian.

A peer to measure against, and no more than that: it has none of the shared fits, the coverage, the identities or the
refusals of the service, and its separate numbers are not checked against each other.
"""

from dataclasses import dataclass

import mibian
import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray

Array = NDArray[np.float64]
YEAR, RATE_WINDOW, CORRELATION_WINDOW, SIMULATED = 252, 756, 90, 500
CASES = 44
"""Direct and correlated moves of the 22 scenarios of the library."""
GRID = [(spot, volatility) for spot in np.linspace(-0.3, 0.3, 11) for volatility in (-0.25, 0.0, 0.25, 0.5)]
DAYS_AHEAD = (0, 7, 30)
SPOT, VOLATILITY, RATE, DAYS = 100.0, 30.0, 4.0, 80.0


@dataclass(frozen=True, slots=True, eq=False)
class NaiveBook:
    """Daily returns of stocks, (T, N), of factors, (T, K), and of a yield, (T,); the first options are on the first."""

    stocks: Array
    factors: Array
    yields: Array
    options: int

    @classmethod
    def drawn(cls, stocks: int, options: int, factors: int = 7) -> "NaiveBook":
        """Draw returns from a seed."""
        random = np.random.default_rng(11)
        moves = random.normal(0.0, 0.01, (RATE_WINDOW, factors))
        own = random.normal(0.0, 0.012, (RATE_WINDOW, stocks))
        return cls(moves[:, :1] + own, moves, random.normal(0.0, 0.0005, RATE_WINDOW), options)


def analyse(book: NaiveBook) -> dict[str, object]:
    """Fit, price, stress, simulate and correlate a book, one position after another."""
    betas = [_fit(stock[-YEAR:], book.factors[-YEAR:]) for stock in book.stocks.T]
    rate_betas = [_rate_beta(stock, book) for stock in book.stocks.T]
    shocks = np.random.default_rng(12).normal(0.0, 0.1, (CASES, book.factors.shape[1]))
    return {
        "betas": betas,
        "rate betas": rate_betas,
        "Greeks": [_option(0.0, 0.0, 0) for _ in range(book.options)],
        "stress": [sum(float(shock @ beta) for beta in betas) + _options(book, shock[0], 0.3, 0) for shock in shocks],
        "grid": [_options(book, spot, volatility, days) for days in DAYS_AHEAD for spot, volatility in GRID],
        "simulated": [row.sum() + _options(book, float(row[0]), 0.0, 0) for row in book.stocks[-SIMULATED:]],
        "correlations": pd.DataFrame(book.stocks[-CORRELATION_WINDOW:]).corr(),
        "covariance": pd.DataFrame(book.factors).ewm(halflife=60).cov(),
    }


def _fit(stock: Array, factors: Array) -> Array:
    return np.asarray(sm.OLS(stock, sm.add_constant(factors)).fit().params[1:])


def _rate_beta(stock: Array, book: NaiveBook) -> float:
    design = sm.add_constant(np.column_stack([book.yields, book.factors[:, 0]]))
    fit = sm.OLS(stock, design).fit(cov_type="HAC", cov_kwds={"maxlags": 7})
    return float(fit.params[1] / fit.bse[1])


def _options(book: NaiveBook, spot_move: float, volatility_move: float, days: int) -> float:
    return sum(_option(spot_move, volatility_move, days) for _ in range(book.options))


def _option(spot_move: float, volatility_move: float, days: int) -> float:
    terms = [SPOT * (1.0 + max(spot_move, -0.9)), SPOT, RATE, DAYS - days]
    return float(mibian.BS(terms, volatility=VOLATILITY * (1.0 + volatility_move)).callPrice)
