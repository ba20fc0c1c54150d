"""Sums up a book at its marks. A pure function: the same book and marks give the same overview, to the last bit."""

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.exposure import coverage as measure_coverage
from riskmath.exposure import exposure_totals, weights
from riskmath.sums import KnownSum, sum_known
from services.risk.domain.book import Book, Positions
from services.risk.domain.caveats import caveats
from services.risk.domain.coverage import book_coverage, is_enough
from services.risk.domain.market import MarketSlice
from services.risk.domain.result_id import MODEL_VERSION, result_id
from services.risk.domain.results import Exposures, Metadata, Overview, Pnl, PositionCount, Summary
from services.risk.domain.valuation import ValuedPositions, cash_balance, realized_pnl, value_held

KIND = "overview"


def sum_up(owner_id: str, book: Book, market: MarketSlice) -> Overview:
    """Give the overview of a book."""
    valued = value_held(book, market)
    realized = sum_known(realized_pnl(book))
    measured = measure_coverage(valued.exposure, valued.size)
    coverage = book_coverage(book, valued, realized.covered, measured)
    metadata = Metadata(
        result_id=result_id(KIND, owner_id, book, market),
        as_of_date=market.session.as_of_date.isoformat(),
        portfolio_revision=book.revision,
        data_version=market.data_version,
        model_version=MODEL_VERSION,
        price_basis=market.price_basis,
        coverage=coverage,
        warnings=tuple(caveats(book, market, valued, measured)),
    )
    if not is_enough(measured):
        return Overview(book.portfolio_id, metadata, summary=None, reason="no_market_data")
    return Overview(book.portfolio_id, metadata, _summary(book, market, valued, realized))


def _summary(book: Book, market: MarketSlice, valued: ValuedPositions, realized: KnownSum) -> Summary:
    cash, reason = cash_balance(book)
    total_value = None if cash is None else cash + sum_known(valued.market_value).total
    return Summary(
        total_value=total_value,
        total_value_reason=reason,
        cash_balance=cash,
        exposures=_exposures(valued.exposure, total_value),
        pnl=Pnl(unrealized=sum_known(valued.pnl).total, realized=realized.total),
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
        total=len(held),
        long=int(np.sum(held.quantity > 0.0)),
        short=int(np.sum(held.quantity < 0.0)),
        options=int(np.sum(held.is_option)),
    )
