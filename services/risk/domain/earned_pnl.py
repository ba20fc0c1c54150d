"""What each position of a book has won or lost: since it was entered, or since an earlier session."""

from dataclasses import dataclass

import numpy as np

from riskmath.arrays import FloatArray
from services.risk.domain.assessed import Assessed, assess
from services.risk.domain.book import Positions
from services.risk.domain.inputs import Inputs
from services.risk.domain.results import BookCoverage, Excluded
from services.risk.domain.valuation import realized_pnl


@dataclass(frozen=True, slots=True, eq=False)
class EarnedPnl:
    """P positions, those held at the end first, then those closed; amounts in base currency."""

    assessed: Assessed
    """The book at the end."""
    before: Assessed | None
    """The book at the beginning. None: everything is counted since entry."""
    positions: Positions
    held_count: int
    """So many of them are held at the end."""
    pnl: FloatArray
    """(P,); NaN where it is not known at one of the two ends."""
    unrealized: FloatArray
    """(P,): the part of what is still held; of the others 0."""
    excluded: tuple[Excluded, ...]

    @property
    def realized(self) -> FloatArray:
        """(P,): the part of what was closed."""
        return self.pnl - self.unrealized

    @property
    def coverage(self) -> BookCoverage:
        """That of the book at the end, with all that is left out here."""
        told = self.assessed.coverage
        return BookCoverage(told.modelled_gross_exposure, told.gross_exposure, told.modelled_percent, self.excluded)


def earned_pnl(inputs: Inputs) -> EarnedPnl:
    """Give what each position has won or lost since the earlier session, or since entry where there is none.

    What was closed before the earlier session is no part of it.
    """
    assessed, book = assess(inputs), inputs.book
    positions, held = book.everything(), len(book.held)
    pnl = np.concatenate([assessed.valued.pnl, realized_pnl(book, inputs.market).total])
    excluded = {each.position_id: each for each in assessed.coverage.excluded}
    before: Assessed | None = None
    if inputs.before:
        before = assess(Inputs(inputs.before.book, inputs.before.market))
        excluded |= {each.position_id: each for each in before.coverage.excluded} | excluded
        pnl = pnl - _earned_by_then(positions, inputs, before)
        pnl = np.where(np.isnan(pnl), _change_of_value(positions, inputs, assessed, before), pnl)
    for row in np.flatnonzero(np.isnan(pnl)).tolist():  # what cannot be valued is named already
        number = positions.position_ids[row]
        excluded.setdefault(number, Excluded(number, positions.symbols[row], "no_fx_rate"))
    return EarnedPnl(
        assessed=assessed,
        before=before,
        positions=positions,
        held_count=held,
        pnl=pnl,
        unrealized=np.where(np.arange(len(positions)) < held, pnl, 0.0),
        excluded=tuple(excluded[number] for number in positions.position_ids if number in excluded),
    )


def _earned_by_then(positions: Positions, inputs: Inputs, before: Assessed) -> FloatArray:
    """Give the profit and loss of each position at the earlier session; 0 where it was not there yet."""
    assert inputs.before is not None, "there is an earlier session"
    then, market = inputs.before.book, inputs.before.market
    ids = (*then.held.position_ids, *then.closed.position_ids)
    known = dict(zip(ids, [*before.valued.pnl.tolist(), *realized_pnl(then, market).total.tolist()], strict=True))
    return np.array([known.get(number, 0.0) for number in positions.position_ids], dtype=np.float64)


def _change_of_value(positions: Positions, inputs: Inputs, assessed: Assessed, before: Assessed) -> FloatArray:
    """Give the change of value of what is held at both ends: what it cost, and at which rate, is no matter to it."""
    assert inputs.before is not None, "there is an earlier session"
    then = dict(zip(inputs.before.book.held.position_ids, before.valued.market_value.tolist(), strict=True))
    now = dict(zip(inputs.book.held.position_ids, assessed.valued.market_value.tolist(), strict=True))
    nothing = float("nan")
    rows = [now.get(number, nothing) - then.get(number, nothing) for number in positions.position_ids]
    return np.array(rows, dtype=np.float64)
