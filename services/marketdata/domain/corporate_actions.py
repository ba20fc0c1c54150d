"""Corporate actions: what issuers do to their shares, and what a history must be read with."""

import math
from collections.abc import Iterable, Sequence
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


def one_a_day(actions: Iterable[CorporateAction]) -> Sequence[CorporateAction]:
    """Put together what goes ex on the same day, oldest first: dividends add up, splits multiply."""
    values: dict[tuple[date, ActionKind, str], list[float]] = {}
    for action in actions:
        values.setdefault((action.ex_date, action.kind, action.symbol), []).append(action.value)
    return [
        CorporateAction(symbol, day, kind, math.fsum(parts) if kind is ActionKind.DIVIDEND else math.prod(parts))
        for (day, kind, symbol), parts in sorted(values.items())
    ]


@dataclass(frozen=True, slots=True)
class RecordedAction:
    """A corporate action as it is stored."""

    ex_date: date
    kind: ActionKind
    value: float
    source: str
    data_version: int

    @property
    def key(self) -> str:
        """What there is one of, in the order of a list."""
        return f"{self.ex_date}/{self.kind}"
