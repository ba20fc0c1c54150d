"""Sums up a book at its marks. A pure function: the same book and marks give the same overview, to the last bit."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.exposure import exposure_totals, weights
from riskmath.sums import sum_known
from services.risk.domain.analysis import Analysis, Found, NoParameters
from services.risk.domain.assessed import Assessed, assess
from services.risk.domain.book import Positions
from services.risk.domain.inputs import Inputs, Needs


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
    assessed = assess(inputs)
    if not assessed.enough:
        return assessed.unavailable()
    return Found(_overview(inputs, assessed), assessed.coverage, assessed.warnings)


OVERVIEW = Analysis(
    kind="overview",
    parameters=NoParameters,
    needs=lambda _: Needs(),
    compute=sum_up,
    formulas=("valuation", "options"),
)


def _overview(inputs: Inputs, assessed: Assessed) -> Overview:
    unrealized, realized = sum_known(assessed.valued.pnl).total, assessed.realized.total
    return Overview(
        total_value=assessed.net_asset_value,
        total_value_reason=assessed.cash_reason,
        cash_balance=assessed.cash,
        exposures=_exposures(assessed.valued.exposure, assessed.net_asset_value),
        pnl=Pnl(unrealized + realized, unrealized, realized),
        position_count=_count(inputs.book.held),
        last_updated=inputs.market.session.close_time,
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
