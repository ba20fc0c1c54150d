"""Sums up a book at its marks. A pure function: the same book and marks give the same overview, to the last bit."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.exposure import coverage as measure_coverage
from riskmath.exposure import exposure_totals, weights
from riskmath.sums import KnownSum, sum_known
from services.risk.domain.analysis import Analysis, Found, NoParameters
from services.risk.domain.book import Book, Positions
from services.risk.domain.caveats import caveats
from services.risk.domain.coverage import book_coverage, is_enough
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.market import MarketSlice
from services.risk.domain.valuation import ValuedPositions, cash_balance, realized_pnl, value_held


@dataclass(frozen=True, slots=True)
class Exposures:
    """Exposure by side, in base currency; percentages of the net asset value in percentage points."""

    long_exposure: float
    short_exposure: float
    gross_exposure: float
    net_exposure: float
    long_percentage: float | None
    short_percentage: float | None


@dataclass(frozen=True, slots=True)
class Pnl:
    """Profit and loss since entry, in base currency."""

    total_pnl: float
    unrealized_pnl: float
    realized_pnl: float


@dataclass(frozen=True, slots=True)
class PositionCount:
    """Held positions, by the sign of their quantity."""

    total_positions: int
    long_count: int
    short_count: int
    option_count: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A book summed up. Amounts in base currency."""

    total_value: float | None
    total_value_reason: str
    cash_balance: float | None
    exposures: Exposures
    pnl: Pnl
    position_count: PositionCount
    last_updated: datetime


def sum_up(inputs: Inputs, _: NoParameters) -> Found:
    """Give the overview of a book."""
    book, market = inputs.book, inputs.market
    valued = value_held(book, market)
    realized = sum_known(realized_pnl(book))
    measured = measure_coverage(valued.exposure, valued.size)
    coverage = book_coverage(book, valued, realized.covered, measured)
    warnings = tuple(caveats(book, market, valued, measured))
    if not is_enough(measured):
        return Found(None, coverage, warnings, reason="no_market_data")
    return Found(_overview(book, market, valued, realized), coverage, warnings)


OVERVIEW = Analysis(
    kind="overview",
    parameters=NoParameters,
    needs=lambda _: Needs(),
    compute=sum_up,
    formulas=("options",),
)


def _overview(book: Book, market: MarketSlice, valued: ValuedPositions, realized: KnownSum) -> Overview:
    cash, reason = cash_balance(book)
    total_value = None if cash is None else cash + sum_known(valued.market_value).total
    unrealized = sum_known(valued.pnl).total
    return Overview(
        total_value=total_value,
        total_value_reason=reason,
        cash_balance=cash,
        exposures=_exposures(valued.exposure, total_value),
        pnl=Pnl(unrealized + realized.total, unrealized, realized.total),
        position_count=_count(book.held),
        last_updated=market.session.close_time,
    )


def _exposures(exposure: FloatArray, total_value: float | None) -> Exposures:
    totals = exposure_totals(exposure)
    long, short = None, None
    if total_value is not None and total_value > 0.0:
        long, short = (100.0 * weights([totals.long, totals.short], total_value)).tolist()
    return Exposures(totals.long, totals.short, totals.gross, totals.net, long, short)


def _count(held: Positions) -> PositionCount:
    return PositionCount(
        total_positions=len(held),
        long_count=int(np.sum(held.quantity > 0.0)),
        short_count=int(np.sum(held.quantity < 0.0)),
        option_count=int(np.sum(held.is_option)),
    )
