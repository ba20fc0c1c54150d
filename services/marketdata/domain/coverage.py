"""How complete a history is, and what it is good enough for. Arrays of days in, a judgement out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from services.marketdata.domain.bars import Days

NEEDS = {"chat": 20, "regression_minimum": 60, "correlation": 90, "volatility": 150, "full": 252}
"""Sessions without a gap, counted back from the end, that each use needs."""
MOST_GAPS = 100


@dataclass(frozen=True, slots=True, eq=False)
class StoredHistory:
    """What is stored of a symbol: the bars that are in force, on the basis of the newest of them."""

    symbol: str
    days: Days
    """In order."""
    bars_by_source: Mapping[str, int]
    last_updated: datetime | None
    """When a bar was last recorded. None: there is none."""
    quarantined_count: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of sessions without bars."""

    first: date
    last: date
    session_count: int


@dataclass(frozen=True, slots=True)
class SymbolCoverage:
    """How complete the history of a symbol is."""

    symbol: str
    session_count: int
    continuous_count: int
    """Sessions without a gap, counted back from the end."""
    first: date | None
    last: date | None
    gaps: Sequence[Gap]
    """From the first session with a bar to the end; the newest `MOST_GAPS`, oldest first."""
    gap_count: int
    completeness: float | None
    """Sessions with a bar / sessions from the first to the end. None: there is no history."""
    last_updated: datetime | None
    bars_by_source: Mapping[str, int]
    quarantined_count: int

    @property
    def meets(self) -> list[str]:
        """Uses whose need it meets."""
        return [use for use, sessions in NEEDS.items() if self.continuous_count >= sessions]


@dataclass(frozen=True, slots=True)
class Need:
    """What one use needs, and who has it."""

    use: str
    sessions: int
    met_count: int
    lacking: Sequence[str]


@dataclass(frozen=True, slots=True)
class Summary:
    """All symbols together."""

    symbol_count: int
    covered_count: int
    mean_completeness: float | None
    """Of those that have any history. None: none has."""
    needs: Sequence[Need]


def cover(history: StoredHistory, sessions: Days) -> SymbolCoverage:
    """Judge a history.

    Args:
        history: what is stored.
        sessions: those of the calendar up to the one that is judged at, in order.
    """
    covered = np.isin(sessions, history.days)
    places = np.flatnonzero(covered)
    lacking = np.flatnonzero(~covered)
    known = len(places) > 0
    first = int(places[0]) if known else len(sessions)
    gaps = _ranges(lacking[lacking > first], sessions)
    newest_gap = int(lacking[-1]) if len(lacking) else -1
    return SymbolCoverage(
        symbol=history.symbol,
        session_count=len(places),
        continuous_count=len(sessions) - 1 - newest_gap,
        first=sessions[first].item() if known else None,
        last=sessions[places[-1]].item() if known else None,
        gaps=gaps[-MOST_GAPS:],
        gap_count=len(gaps),
        completeness=len(places) / (len(sessions) - first) if known else None,
        last_updated=history.last_updated,
        bars_by_source=history.bars_by_source,
        quarantined_count=history.quarantined_count,
    )


def summarise(symbols: Sequence[SymbolCoverage]) -> Summary:
    """Put the judgements of several symbols together."""
    shares = [one.completeness for one in symbols if one.completeness is not None]
    return Summary(
        symbol_count=len(symbols),
        covered_count=len(shares),
        mean_completeness=float(np.mean(shares)) if shares else None,
        needs=[_need(use, sessions, symbols) for use, sessions in NEEDS.items()],
    )


def _need(use: str, sessions: int, symbols: Sequence[SymbolCoverage]) -> Need:
    lacking = [one.symbol for one in symbols if one.continuous_count < sessions]
    return Need(use, sessions, len(symbols) - len(lacking), lacking)


def _ranges(places: "np.ndarray[tuple[int], np.dtype[np.intp]]", sessions: Days) -> list[Gap]:
    """Put places that follow each other together."""
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) > 1)
    starts = places[np.concatenate([[0], breaks + 1])]
    ends = places[np.concatenate([breaks, [len(places) - 1]])]
    return [
        Gap(sessions[start].item(), sessions[end].item(), int(end - start) + 1)
        for start, end in zip(starts, ends, strict=True)
    ]
