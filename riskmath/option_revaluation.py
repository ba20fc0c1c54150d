"""Options valued again at another spot, volatility and rate: under a scenario, and under many (sections 5 and 8)."""

from dataclasses import dataclass, replace
from typing import Final, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.american import american_price
from riskmath.arrays import BoolArray, FloatArray, columns, matrices
from riskmath.black_scholes import european
from riskmath.options import option_columns

WORTHLESS: Final = 1e-8
"""What is left of the spot of an underlying that loses everything: a logarithm needs something."""


@dataclass(frozen=True, slots=True, eq=False)
class OptionTerms:
    """N options and what they are valued with; units as in `european`. american: (N,), true for early exercise."""

    spot: FloatArray
    strike: FloatArray
    years_to_expiry: FloatArray
    volatility: FloatArray
    rate: FloatArray
    dividend_yield: FloatArray
    right: FloatArray
    american: BoolArray

    @classmethod
    def of(
        cls,
        *,
        spot: ArrayLike,
        strike: ArrayLike,
        years_to_expiry: ArrayLike,
        volatility: ArrayLike,
        rate: ArrayLike,
        dividend_yield: ArrayLike,
        right: ArrayLike,
        american: ArrayLike,
    ) -> "OptionTerms":
        """Checked columns. Errors: ValueError for infinity, different lengths, a right that is neither CALL nor PUT."""
        terms = option_columns(
            right,
            spot=spot,
            strike=strike,
            years_to_expiry=years_to_expiry,
            volatility=volatility,
            rate=rate,
            dividend_yield=dividend_yield,
        )
        early = np.asarray(american, dtype=bool)
        if early.shape != terms["spot"].shape:
            raise ValueError(f"american has shape {early.shape}: must have {terms['spot'].size} rows")
        return cls(**terms, american=early)

    def only(self, chosen: BoolArray | slice | NDArray[np.int64]) -> "OptionTerms":
        """Some of the options: a mask (N,), or places in the order in which they are wanted."""
        return OptionTerms(**terms_of(self, chosen), american=self.american[chosen])

    def at(self, volatility: ArrayLike) -> "OptionTerms":
        """The same options at other volatilities, (N,). Errors: ValueError for infinity or a different length."""
        sigma, _ = columns(volatility=volatility, spot=self.spot)
        return replace(self, volatility=sigma)

    def shocked(
        self, spot_return: ArrayLike, *, volatility: ArrayLike | None = None, rate_change: float = 0.0
    ) -> "OptionTerms":
        """The same options after a move of each underlying; volatility (N,) in place of the present one, None as it is.

        Errors: ValueError for infinity, different lengths, a return below -1.
        """
        moved, _ = columns(spot_return=spot_return, spot=self.spot)
        (sigma,) = columns(volatility=self.volatility if volatility is None else volatility)
        return replace(self, spot=self.spot * left_of(moved), volatility=sigma, rate=self.rate + rate_change)


def model_price(options: OptionTerms) -> FloatArray:
    """Prices by the model that fits the right to exercise: American or European.

    Shapes: (N,). NaN: as `european`. Errors: as `european` and `american_price`.
    """
    price = np.full(options.spot.size, np.nan)
    for early, chosen in ((True, options.american), (False, ~options.american)):
        if chosen.any():
            terms = terms_of(options, chosen)
            price[chosen] = american_price(**terms).price if early else european(**terms).price
    return price


def revaluation_pnl(
    options: OptionTerms,
    size: ArrayLike,
    spot_return: ArrayLike,
    *,
    volatility: ArrayLike | None = None,
    rate_change: float = 0.0,
) -> FloatArray:
    """Profit and loss of option positions when everything is valued again.

    Formula: size x (price after - price before), both by the model.
    Shapes: size and spot_return (N,), result (N,). Units: size = quantity x multiplier x fx, signed; result in base
        currency; volatility after the move, a year; rate_change in decimals.
    NaN: where an option has no price before or after. Errors: as `OptionTerms.shocked` and `model_price`;
        FloatingPointError when a product is beyond float64.
    """
    (units, _) = columns(size=size, spot=options.spot)
    after = model_price(options.shocked(spot_return, volatility=volatility, rate_change=rate_change))
    with np.errstate(over="raise"):
        return units * (after - model_price(options))


def delta_gamma_pnl(size: ArrayLike, spot: ArrayLike, delta: ArrayLike, gamma: ArrayLike, r: ArrayLike) -> FloatArray:
    """What the first two derivatives say: the check of a revaluation, not a substitute for it.

    Formula: size (delta S r + gamma (S r)^2 / 2). Shapes: all (N,). Units and NaN: as `revaluation_pnl`.
    Errors: ValueError for infinity or different lengths; FloatingPointError beyond float64.
    """
    units, price, first, second, moved = columns(size=size, spot=spot, delta=delta, gamma=gamma, r=r)
    with np.errstate(over="raise"):
        change = price * moved
        return units * (first * change + 0.5 * second * change**2)


def prices_at(
    options: OptionTerms,
    spot_returns: ArrayLike,
    *,
    volatility: ArrayLike | None = None,
    years_to_expiry: ArrayLike | None = None,
    rate_change: ArrayLike | None = None,
) -> FloatArray:
    """Prices of options in a few cases that move spots, volatilities, time and rates, each valued in full.

    Shapes: spot_returns, volatility and years_to_expiry (S, N), rate_change (S,), result (S, N). None: as they are.
    Units: volatility after the move, a year; years that are left then; rate_change in decimals.
    NaN: a missing move, or an option without a price.
    Errors: ValueError for infinity, a wrong shape, a return below -1.
    """
    ratio = left_of(_moves_of(options, spot_returns))
    moved = spread(options, ratio)
    if volatility is not None:
        sigma, _ = matrices(volatility=volatility, spot_returns=ratio)
        moved = moved.at(sigma.ravel())
    if years_to_expiry is not None:
        left, _ = matrices(years_to_expiry=years_to_expiry, spot_returns=ratio)
        moved = replace(moved, years_to_expiry=np.broadcast_to(left, ratio.shape).ravel())
    if rate_change is not None:
        change, _ = matrices(rate_change=np.asarray(rate_change, dtype=np.float64)[:, None], spot_returns=ratio)
        moved = replace(moved, rate=(options.rate + change).ravel())
    return model_price(moved).reshape(ratio.shape)


def _moves_of(options: OptionTerms, spot_returns: ArrayLike) -> FloatArray:
    (moved,) = matrices(spot_returns=spot_returns)
    if moved.shape[1] != options.spot.size:
        raise ValueError(f"spot_returns has {moved.shape[1]} columns: must have {options.spot.size}")
    return moved


def spread(options: OptionTerms, ratio: FloatArray) -> OptionTerms:
    """One row for each option at each ratio of spot, row by row of the ratios."""

    def repeated(column: FloatArray) -> FloatArray:
        return np.broadcast_to(column, ratio.shape).ravel()

    return OptionTerms(
        spot=(options.spot * ratio).ravel(),
        strike=repeated(options.strike),
        years_to_expiry=repeated(options.years_to_expiry),
        volatility=repeated(options.volatility),
        rate=repeated(options.rate),
        dividend_yield=repeated(options.dividend_yield),
        right=repeated(options.right),
        american=np.broadcast_to(options.american, ratio.shape).ravel(),
    )


class _Columns(TypedDict):
    """What the models are called with."""

    spot: FloatArray
    strike: FloatArray
    years_to_expiry: FloatArray
    volatility: FloatArray
    rate: FloatArray
    dividend_yield: FloatArray
    right: FloatArray


def terms_of(options: OptionTerms, chosen: BoolArray | slice | NDArray[np.int64] = slice(None)) -> _Columns:
    """What the models are called with; chosen: a mask, or places in the order in which they are wanted."""
    return {
        "spot": options.spot[chosen],
        "strike": options.strike[chosen],
        "years_to_expiry": options.years_to_expiry[chosen],
        "volatility": options.volatility[chosen],
        "rate": options.rate[chosen],
        "dividend_yield": options.dividend_yield[chosen],
        "right": options.right[chosen],
    }


def left_of(returns: FloatArray) -> FloatArray:
    """What is left of each spot; a hair of it where all is lost."""
    if (returns < -1.0).any():
        raise ValueError(f"a spot return is {np.nanmin(returns)}: must be at least -1")
    return np.maximum(1.0 + returns, WORTHLESS)
