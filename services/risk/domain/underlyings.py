"""What a book follows: its positions netted by underlying, and how those underlyings have moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.sums import sum_known
from services.risk.domain.assessed import BOOKS_KEPT, Assessed
from services.risk.domain.book import Positions
from services.risk.domain.inputs import PriceHistory


@dataclass(frozen=True, slots=True, eq=False)
class Underlyings:
    """Underlyings that at least one modelled position follows, the largest net exposure first."""

    symbols: tuple[str, ...]
    """As the book names them; each once."""
    instrument_ids: tuple[int, ...]
    exposure: FloatArray
    """(N,), delta-adjusted and netted over positions, in base currency: what the book gains when one doubles."""

    def __len__(self) -> int:
        return len(self.symbols)

    def only(self, kept: Sequence[int]) -> "Underlyings":
        """Give some of them, in this order."""
        return Underlyings(
            tuple(self.symbols[place] for place in kept),
            tuple(self.instrument_ids[place] for place in kept),
            self.exposure[list(kept)],
        )


@lru_cache(maxsize=BOOKS_KEPT)
def net_by_underlying(held: Positions, assessed: Assessed) -> Underlyings:
    """Net the positions that can be valued; the others are in the coverage already."""
    rows: dict[int, list[int]] = {}
    for row, followed in enumerate(held.underlying_ids):
        if not assessed.valued.reasons[row]:
            rows.setdefault(followed, []).append(row)
    names = _names(held, rows)
    netted = {followed: sum_known(assessed.valued.exposure[members]).total for followed, members in rows.items()}
    order = sorted(rows, key=lambda followed: (-abs(netted[followed]), names[followed]))
    return Underlyings(
        symbols=tuple(names[followed] for followed in order),
        instrument_ids=tuple(order),
        exposure=np.array([netted[followed] for followed in order], dtype=np.float64),
    )


def closes_of(underlyings: Underlyings, history: PriceHistory | None) -> FloatArray:
    """Closes of underlyings, (S, N); NaN where there is none, or one at or below 0, which makes no return."""
    if history is None:
        return np.full((0, len(underlyings)), np.nan)
    closes = history.columns(underlyings.instrument_ids)
    with np.errstate(invalid="ignore"):
        return np.where(closes > 0.0, closes, np.nan)


def _names(held: Positions, rows: dict[int, list[int]]) -> dict[int, str]:
    """Give each underlying a name of its own: two instruments of one symbol must not fall into one."""
    names: dict[int, str] = {}
    for followed, members in rows.items():
        symbol = held.underlying_symbols[members[0]]
        names[followed] = symbol if symbol not in names.values() else f"{symbol}#{followed}"
    return names
