"""Labels: the names that a user has for positions, any number of tags and at most one strategy each."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from services.portfolio.domain.book import Position

Kind = Literal["tag", "strategy"]
MOST_LABELS = 500
"""Of each kind, that a user may have."""


@dataclass(frozen=True, slots=True)
class Label:
    """A tag or a strategy, and how many positions have it."""

    label_id: str
    kind: Kind
    name: str
    description: str
    created_time: datetime.datetime
    position_count: int


def names_on(positions: Iterable[Position]) -> list[tuple[Kind, str]]:
    """Give the labels that positions have, each once, in one order for everybody who locks them."""
    found: set[tuple[Kind, str]] = set()
    for position in positions:
        found.update(("tag", tag) for tag in position.tags)
        if position.strategy:
            found.add(("strategy", position.strategy))
    return sorted(found)
