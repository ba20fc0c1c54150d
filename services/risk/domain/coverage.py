"""How much of a book an answer covers, what it leaves out, and whether what is left is worth an answer."""

import numpy as np

from riskmath.arrays import BoolArray
from riskmath.exposure import Coverage
from services.risk.domain.book import Book
from services.risk.domain.results import BookCoverage, Excluded
from services.risk.domain.valuation import ValuedPositions

ENOUGH = 0.5
"""Less than this share modelled, and there is no answer (methodology, section 0)."""


def is_enough(coverage: Coverage) -> bool:
    """Whether enough is modelled to speak of the book: by exposure, or by number where exposure cannot tell."""
    if coverage.share is not None:
        return coverage.share >= ENOUGH
    return int(coverage.covered.sum()) >= ENOUGH * coverage.covered.size


def book_coverage(book: Book, valued: ValuedPositions, realized_known: BoolArray, coverage: Coverage) -> BookCoverage:
    """Name what is left out, held positions first, each in the order of the book."""
    held, closed = book.held, book.closed
    excluded = [
        Excluded(held.position_ids[row], held.symbols[row], reason)
        for row, reason in enumerate(valued.reasons)
        if reason
    ]
    unknown = np.flatnonzero(~realized_known)
    excluded += [Excluded(closed.position_ids[row], closed.symbols[row], "no_fx_rate") for row in unknown]
    return BookCoverage(
        modelled_gross_exposure=coverage.modelled,
        gross_exposure=coverage.gross,
        modelled_percent=None if coverage.share is None else 100.0 * coverage.share,
        excluded=tuple(excluded),
    )
