"""A part of a report, before it is known whether a terminal or a browser shows it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. The first column holds words, those that follow figures."""

    titles: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    last_is_prose: bool = False
    """The last column holds words as well, and is cut where there is no room for it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """An amount, drawn to the left or to the right of nothing at all."""

    label: str
    amount: float
    text: str
    """The amount, as it is written beside the bar."""


@dataclass(frozen=True, slots=True)
class Path:
    """How something went over time; a browser draws it, a terminal leaves it out."""

    label: str
    days: tuple[str, ...]
    """YYYY-MM-DD, oldest first."""
    amounts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report, its charts above its table."""

    title: str
    bars: tuple[Bar, ...] = ()
    paths: tuple[Path, ...] = ()
    grid: Grid | None = None
    notes: tuple[str, ...] = ()
    """Sentences below it."""
