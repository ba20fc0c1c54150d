"""Splits as they concern who counts in shares."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Split:
    """One split of one instrument."""

    instrument_id: int
    ex_date: date
    """First session in new shares."""
    ratio: float
    """New shares per old share."""
    priced_in: bool
    """Whether prices before that day are in new shares already, because the source adjusts them."""
