"""What every answer says of itself: how much of the book it covers, and what it leaves out.

Here, and in the bodies of all findings, fields are named as in the contract, and no number is NaN or infinite.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Excluded:
    """A position that the answer leaves out, and why."""

    position_id: str
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class BookCoverage:
    """How much of the book the answer covers. Amounts in base currency."""

    modelled_gross_exposure: float
    gross_exposure: float
    modelled_percent: float | None
    """Percentage points."""
    excluded: tuple[Excluded, ...]


def known(value: float) -> float | None:
    """Give a number, or None for NaN: what is not known is absent."""
    return None if math.isnan(value) else float(value)
