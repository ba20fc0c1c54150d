"""The returns that the snapshots of a portfolio make, and from when on they can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np

from riskmath.arrays import FloatArray
from services.risk.domain.book_history import book_returns
from services.risk.domain.snapshot import Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class PastReturns:
    """T snapshots, oldest first, and the returns from each to the next."""

    basis: str
    days: tuple[date, ...]
    """(T,)"""
    value: FloatArray
    """(T,), net asset value in base currency."""
    returns: FloatArray
    """(T - 1,); NaN where another position was left out, or nothing was there to earn on."""
    backfilled: tuple[bool, ...]
    revisions: tuple[int, ...]
    modelled: tuple[bool, ...]
    """Whether a model valued options that have no mark of the day."""

    @property
    def modelled_count(self) -> int:
        """Snapshots with options that were valued by a model in place of their marks."""
        return sum(self.modelled)

    def since(self, start: int) -> "PastReturns":
        """Give the snapshots from one on."""
        return replace(
            self,
            days=self.days[start:],
            value=self.value[start:],
            returns=self.returns[start:],
            backfilled=self.backfilled[start:],
            revisions=self.revisions[start:],
            modelled=self.modelled[start:],
        )


def past_returns(snapshots: Sequence[Snapshot]) -> PastReturns | str:
    """Give the returns of a portfolio, or why there are none: `no_snapshots`, `insufficient_snapshots` (fewer than
    two that have a value on the basis of the newest), `cash_unknown`, or why the newest has no value."""
    if not snapshots:
        return "no_snapshots"
    newest = snapshots[-1]
    if not newest.performance_basis or newest.total_value is None:
        return newest.total_value_reason or "cash_unknown"
    usable = [each for each in snapshots if each.performance_basis == newest.performance_basis]
    usable = [each for each in usable if each.total_value is not None]
    if len(usable) < 2:
        return "insufficient_snapshots"
    value = np.array([each.total_value for each in usable], dtype=np.float64)
    returns = book_returns(value, [each.contributions for each in usable], [each.withdrawals for each in usable])
    alike = np.array([before.left_out == after.left_out for before, after in pairwise(usable)], dtype=bool)
    return PastReturns(
        basis=newest.performance_basis,
        days=tuple(each.snapshot_date for each in usable),
        value=value,
        returns=np.where(alike, returns, np.nan),
        backfilled=tuple(each.backfilled for each in usable),
        revisions=tuple(each.portfolio_revision for each in usable),
        modelled=tuple(each.option_valuation_source == "model" for each in usable),
    )
