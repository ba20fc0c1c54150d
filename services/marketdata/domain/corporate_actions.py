"""Corporate actions: what issuers do to their shares, and what a history must be read with."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum


class ActionKind(IntEnum):
    """What a corporate action is. The numbers are those of the contract."""

    SPLIT = 1
    DIVIDEND = 2


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """One split or one cash dividend."""

    symbol: str
    ex_date: date
    """First session without the right to it."""
    kind: ActionKind
    value: float
    """Split: new shares per old share, 10 for ten for one. Dividend: cash per share, in the instrument's currency."""
