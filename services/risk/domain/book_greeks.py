"""The Greeks of a book: of each position, of all together, and once the nearest expiry has passed."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from riskmath.arrays import BoolArray, FloatArray
from riskmath.sums import sum_known
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.assessed import Assessed, assess
from services.risk.domain.book import Positions
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.sensitivities import greeks
from services.risk.domain.valuation import fx_rates

IN_SHARES = ("delta", "gamma")
"""Told in shares of the underlying; the others are money."""
NAMES = ("delta", "gamma", "theta", "vega", "rho")


@dataclass(frozen=True, slots=True)
class GreeksParameters:
    """Which part of the book, and whether also without what expires next."""

    view: Literal["portfolio", "longs", "shorts", "options"] = "portfolio"
    include_after_expiry: bool = False


@dataclass(frozen=True, slots=True)
class GreekTotals:
    """Greeks in the units of the contract: per 1.00 of spot, calendar day, volatility point, percentage point."""

    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float
    delta_dollars: float
    """Delta-adjusted exposure, in base currency."""


@dataclass(frozen=True, slots=True)
class PositionGreeks:
    """Greeks of one position: of a unit times quantity times multiplier."""

    position_id: str
    symbol: str
    underlying_symbol: str
    greeks: GreekTotals
    volatility: float | None
    volatility_source: str
    rate: float | None
    rate_source: str


@dataclass(frozen=True, slots=True)
class AfterExpiry:
    """The book once its nearest expiry has passed."""

    expiry_date: str
    expiring_count: int
    totals: GreekTotals


@dataclass(frozen=True, slots=True)
class BookGreeks:
    """Greeks of a book."""

    view: str
    totals: GreekTotals
    positions: tuple[PositionGreeks, ...]
    after_expiry: AfterExpiry | None


def book_greeks(inputs: Inputs, parameters: GreeksParameters) -> Found:
    """Give the Greeks of the part of the book that is asked for."""
    assessed = assess(inputs)
    if not assessed.enough:
        return assessed.unavailable()
    held = inputs.book.held
    columns = _of_positions(inputs, assessed)
    shown = _in_view(held, parameters.view) & ~np.isnan(assessed.valued.exposure)
    body = BookGreeks(
        view=parameters.view,
        totals=_totals(columns, shown),
        positions=tuple(_position(inputs, columns, row) for row in np.flatnonzero(shown).tolist()),
        after_expiry=_after_expiry(held, inputs, columns, shown) if parameters.include_after_expiry else None,
    )
    return Found(body, assessed.coverage, assessed.warnings)


GREEKS = Analysis(
    kind="greeks",
    parameters=GreeksParameters,
    needs=lambda _: Needs(),
    compute=book_greeks,
    formulas=("options#conventions", "valuation"),
)


def _of_positions(inputs: Inputs, assessed: Assessed) -> FloatArray:
    """Greeks of whole positions and delta dollars, (6, N)."""
    held = inputs.book.held
    units = greeks(held, inputs.market)
    size = held.quantity * held.multiplier
    money = size * fx_rates(inputs.book, inputs.market)
    columns = [getattr(units, name) * (size if name in IN_SHARES else money) for name in NAMES]
    return np.array([*columns, assessed.valued.exposure])


def _in_view(held: Positions, view: str) -> BoolArray:
    views: dict[str, BoolArray] = {
        "portfolio": np.ones(len(held), dtype=bool),
        "longs": held.quantity > 0.0,
        "shorts": held.quantity < 0.0,
        "options": held.is_option,
    }
    return views[view]


def _totals(columns: FloatArray, rows: BoolArray) -> GreekTotals:
    return GreekTotals(*(sum_known(column[rows]).total for column in columns))


def _position(inputs: Inputs, columns: FloatArray, row: int) -> PositionGreeks:
    held = inputs.book.held
    option = inputs.market.marks[held.instrument_ids[row]].option
    live = option if option and not option.expired else None
    return PositionGreeks(
        position_id=held.position_ids[row],
        symbol=held.symbols[row],
        underlying_symbol=held.underlying_symbols[row],
        greeks=GreekTotals(*columns[:, row].tolist()),
        volatility=live.volatility if live else None,
        volatility_source=live.volatility_source if live else "",
        rate=live.rate if live else None,
        rate_source=live.rate_source if live else "",
    )


def _after_expiry(held: Positions, inputs: Inputs, columns: FloatArray, shown: BoolArray) -> AfterExpiry | None:
    """Give the book without what expires next; None: nothing of it ever expires."""
    day = inputs.market.session.as_of_date
    ahead = [expiry for expiry in held.expiry_dates if expiry and expiry > day]
    if not ahead:
        return None
    nearest: date = min(ahead)
    expiring = np.array([expiry == nearest for expiry in held.expiry_dates], dtype=bool)
    count = int(np.count_nonzero(expiring & shown))
    return AfterExpiry(nearest.isoformat(), count, _totals(columns, shown & ~expiring))
