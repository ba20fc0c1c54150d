"""Options that a caller describes, valued by the model that fits their style, from a volatility or from a price."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmath.american import american
from riskmath.arrays import BoolArray, FloatArray
from riskmath.black_scholes import european
from riskmath.bracketed_roots import bracketed_roots
from riskmath.option_revaluation import OptionTerms, model_price
from riskmath.options import CALL, PUT, OptionValues

LOWEST_VOLATILITY: Final = 0.005
HIGHEST_VOLATILITY: Final = 5.0
"""Between these a volatility is looked for that gives a price."""
SAME_PRICE: Final = 1e-10
"""As a part of the strike: two prices this close are one."""
NAMES: Final = ("price", "delta", "gamma", "theta", "vega", "rho")


@dataclass(frozen=True, slots=True)
class OptionToPrice:
    """Terms of one option on one unit of its underlying; rates and volatility in decimals a year."""

    label: str
    is_call: bool
    is_american: bool
    spot: float
    strike: float
    years_to_expiry: float
    """At or below 0: it has expired."""
    rate: float
    dividend_yield: float
    volatility: float | None
    """None: what `price` implies."""
    price: float | None
    """None: `volatility` is stated."""


@dataclass(frozen=True, slots=True)
class PricedOption:
    """One option valued, in the units of riskmath/options.py, or why it is not."""

    label: str
    available: bool
    reason: str
    price: float | None = None
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    rho: float | None = None
    volatility: float | None = None
    volatility_source: str = ""


def price_options(options: Sequence[OptionToPrice]) -> tuple[PricedOption, ...]:
    """Value options, each in its place."""
    live = [option for option in options if option.years_to_expiry > 0.0]
    valued = iter(_priced(live) if live else ())
    return tuple(
        next(valued) if option.years_to_expiry > 0.0 else PricedOption(option.label, False, "expired")
        for option in options
    )


def _priced(options: Sequence[OptionToPrice]) -> list[PricedOption]:
    stated = np.array([np.nan if option.volatility is None else option.volatility for option in options])
    quoted = np.array([np.nan if option.price is None else option.price for option in options])
    terms = _terms(options, stated)
    implied, reasons = _implied(terms, quoted)
    volatility = np.where(np.isnan(stated), implied, stated)
    values = _values(terms, volatility)
    return [
        _line(option, values[:, row].tolist(), float(volatility[row]), reasons[row])
        for row, option in enumerate(options)
    ]


def _line(option: OptionToPrice, values: list[float], volatility: float, reason: str) -> PricedOption:
    if reason or np.isnan(values).any():
        return PricedOption(option.label, False, reason or "too_close_to_expiry")
    source = "price" if option.volatility is None else "stated"
    named = dict(zip(NAMES, values, strict=True))
    return PricedOption(option.label, True, "", **named, volatility=volatility, volatility_source=source)


def _terms(options: Sequence[OptionToPrice], volatility: FloatArray) -> OptionTerms:
    return OptionTerms.of(
        spot=[option.spot for option in options],
        strike=[option.strike for option in options],
        years_to_expiry=[option.years_to_expiry for option in options],
        volatility=volatility,
        rate=[option.rate for option in options],
        dividend_yield=[option.dividend_yield for option in options],
        right=[CALL if option.is_call else PUT for option in options],
        american=[option.is_american for option in options],
    )


def _implied(terms: OptionTerms, quoted: FloatArray) -> tuple[FloatArray, list[str]]:
    """Give the volatilities that prices imply, (N,), NaN without a price, and why there is none where there is not."""
    found = np.full(quoted.size, np.nan)
    rows = np.flatnonzero(~np.isnan(quoted))
    if not rows.size:
        return found, [""] * quoted.size
    chosen, price = terms.only(rows), quoted[rows]
    lowest = model_price(chosen.at(np.full(rows.size, LOWEST_VOLATILITY)))

    def miss(places: NDArray[np.intp], tried: FloatArray) -> FloatArray:
        return model_price(chosen.only(places).at(tried)) - price[places]

    low, high = np.full(rows.size, LOWEST_VOLATILITY), np.full(rows.size, HIGHEST_VOLATILITY)
    found[rows] = bracketed_roots(miss, low, high, SAME_PRICE * chosen.strike)
    reasons = np.full(quoted.size, "", dtype=object)
    reasons[rows] = np.where(
        ~np.isnan(found[rows]), "", np.where(price <= lowest, "price_at_or_below_intrinsic_value", "price_too_high")
    )
    return found, reasons.tolist()


def _values(terms: OptionTerms, volatility: FloatArray) -> FloatArray:
    """Price and Greeks, (6, N); NaN without a volatility."""
    values = np.full((len(NAMES), volatility.size), np.nan)
    for early, model in ((True, american), (False, european)):
        rows: BoolArray = terms.american == early
        if rows.any():
            some = terms.at(volatility).only(rows)
            found: OptionValues = model(
                spot=some.spot,
                strike=some.strike,
                years_to_expiry=some.years_to_expiry,
                volatility=some.volatility,
                rate=some.rate,
                dividend_yield=some.dividend_yield,
                right=some.right,
            )
            values[:, rows] = [getattr(found, name) for name in NAMES]
    return values
