"""What nearly every analysis begins with: the held positions valued, how much of the book that covers, the caveats."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from riskmath.exposure import Coverage
from riskmath.exposure import coverage as measure_coverage
from riskmath.sums import KnownSum, sum_known
from services.risk.domain.analysis import Found
from services.risk.domain.book import Book
from services.risk.domain.caveats import caveats
from services.risk.domain.coverage import book_coverage, is_enough
from services.risk.domain.inputs import Inputs
from services.risk.domain.market import MarketSlice
from services.risk.domain.results import BookCoverage
from services.risk.domain.valuation import ValuedPositions, cash_balance, realized_pnl, value_held

BOOKS_KEPT: Final = 32
"""Whoever asks one analysis of a book asks the next: the same book at the same marks is valued once."""


@dataclass(frozen=True, slots=True, eq=False)
class Assessed:
    """A book at its marks."""

    valued: ValuedPositions
    realized: KnownSum
    measured: Coverage
    coverage: BookCoverage
    warnings: tuple[str, ...]
    cash: float | None
    net_asset_value: float | None
    """Cash plus market value, in base currency. None: `cash_reason` says why."""
    cash_reason: str

    @property
    def enough(self) -> bool:
        """Whether enough of the book is modelled to speak of it."""
        return is_enough(self.measured)

    def unavailable(self, reason: str = "no_market_data", beside: Mapping[str, object] | None = None) -> Found:
        """Give the finding that there is no answer, and what stands beside it all the same."""
        return Found(None, self.coverage, self.warnings, reason=reason, beside=beside or {})


def assess(inputs: Inputs) -> Assessed:
    """Value a book and say what of it could be valued."""
    return _assess(inputs.book, inputs.market)


@lru_cache(maxsize=BOOKS_KEPT)
def _assess(book: Book, market: MarketSlice) -> Assessed:
    valued = value_held(book, market)
    realized = sum_known(realized_pnl(book, market).total)
    measured = measure_coverage(valued.exposure, valued.size)
    cash, reason = cash_balance(book, market.exchange(book.base_currency), market.session.as_of_date)
    return Assessed(
        valued=valued,
        realized=realized,
        measured=measured,
        coverage=book_coverage(book, valued, realized.covered, measured),
        warnings=tuple(caveats(book, market, valued, measured)),
        cash=cash,
        net_asset_value=None if cash is None else cash + sum_known(valued.market_value).total,
        cash_reason=reason,
    )
