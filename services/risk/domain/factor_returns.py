"""Returns of the funds that stand for factors: the market, the styles beside it, and which factors cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.returns import simple_returns
from services.risk.domain.inputs import FactorHistory, InactiveFactor
from services.risk.domain.market_factor import MARKET

VALUE: Final = "Value"
GROWTH: Final = "Growth"
KNOWN: Final = 0.8
"""A fund that is known on a smaller part of the window than this would take the rest of it from all fits."""
WINDOWS_KEPT: Final = 16
"""The factors of a session are the same for every book."""
INDEPENDENT: Final = 1e-8
"""What the other funds leave of one, as a part of its own deviation; below, it is a mixture of them."""


@dataclass(frozen=True, slots=True, eq=False)
class FactorReturns:
    """Simple returns of the market and of the styles."""

    names: tuple[str, ...]
    """(1 + K,), the market first, the styles in display order."""
    symbols: tuple[str, ...]
    """(1 + K,), the fund of each; of a spread both."""
    returns: FloatArray
    """(T, 1 + K); NaN where one is missing."""
    dates: tuple[date, ...]
    """(T + 1,), of the closes: return t is from the close of dates[t] to that of dates[t + 1]."""
    inactive: tuple[InactiveFactor, ...]
    """Factors that are not among them, and why."""

    @property
    def market(self) -> FloatArray:
        """(T,)"""
        return self.returns[:, 0]

    @property
    def styles(self) -> FloatArray:
        """(T, K)"""
        return self.returns[:, 1:]

    @property
    def value(self) -> int | None:
        """Which style is Value."""
        return self._style(VALUE)

    @property
    def growth(self) -> int | None:
        """Which style is Growth."""
        return self._style(GROWTH)

    @property
    def regressors(self) -> tuple[str, ...]:
        """(1 + J,), what the model regresses on: the market and the styles; Value and Growth make one, their spread."""
        if self.value is None or self.growth is None:
            return self.names
        earlier, later = sorted((self.value + 1, self.growth + 1))
        named = [f"{GROWTH} less {VALUE}" if place == earlier else name for place, name in enumerate(self.names)]
        return tuple(named[:later] + named[later + 1 :])

    def _style(self, name: str) -> int | None:
        return self.names.index(name) - 1 if name in self.names else None


@lru_cache(maxsize=WINDOWS_KEPT)
def factor_returns(factors: FactorHistory | None, dates: tuple[date, ...], at_least: int) -> FactorReturns | None:
    """Give the returns of the factors from each of these sessions to the next.

    A style that is known too rarely, or that is a mixture of the factors before it, is inactive. None: nothing stands
    for the market, or it is known on fewer than so many sessions, or it stands still.
    """
    if factors is None or MARKET not in factors.names:
        return None
    names = tuple(dict.fromkeys((MARKET, *factors.names)))
    moves = _moves(factors, names, dates)
    market = moves[~np.isnan(moves[:, 0]), 0]
    if market.size < at_least or np.ptp(market) == 0.0:
        return None
    kept, inactive = _usable(names, moves)
    return FactorReturns(
        names=tuple(names[place] for place in kept),
        symbols=tuple(_symbol(factors, names[place]) for place in kept),
        returns=moves[:, kept],
        dates=dates,
        inactive=factors.inactive + inactive,
    )


@lru_cache(maxsize=WINDOWS_KEPT)
def longest_returns(factors: FactorHistory, window: FactorReturns) -> FactorReturns:
    """Give the returns of the same factors over all sessions that were read."""
    return FactorReturns(
        names=window.names,
        symbols=window.symbols,
        returns=_moves(factors, window.names, factors.session_dates),
        dates=factors.session_dates,
        inactive=window.inactive,
    )


def are_independent(moves: FloatArray) -> bool:
    """Whether the market, the first column, moves, and no other column is a mixture of those before it."""
    known = moves[~np.isnan(moves[:, 0]), 0]
    moving = known.size > 1 and np.ptp(known) > 0.0
    return bool(moving) and all(_independent(moves[:, : place + 1]) for place in range(1, moves.shape[1]))


def _usable(names: Sequence[str], moves: FloatArray) -> tuple[list[int], tuple[InactiveFactor, ...]]:
    kept, inactive = [0], []
    known = ~np.isnan(moves)
    for place in range(1, len(names)):
        if known[:, place].sum() < KNOWN * known[:, 0].sum():
            inactive.append(InactiveFactor(names[place], "insufficient_history"))
        elif not _independent(moves[:, [*kept, place]]):
            inactive.append(InactiveFactor(names[place], "depends_on_other_factors"))
        else:
            kept.append(place)
    return kept, tuple(inactive)


def _independent(moves: FloatArray) -> bool:
    """Whether the last column is more than a mixture of the others."""
    known = moves[~np.isnan(moves).any(axis=1)]
    if len(known) <= known.shape[1]:
        return False
    centred = known - known.mean(axis=0)
    others, own = centred[:, :-1], centred[:, -1]
    left = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
    return bool(left @ left > INDEPENDENT**2 * (known[:, -1] @ known[:, -1]))


def _moves(factors: FactorHistory, names: Sequence[str], dates: Sequence[date]) -> FloatArray:
    """Returns of factors, (T, len(names)): of the fund of each, or of its long fund less the other."""
    row_of = {day: row for row, day in enumerate(factors.session_dates)}
    rows = np.array([row_of.get(day, -1) for day in dates], dtype=np.int64)
    closes = np.vstack([factors.closes, np.full(len(factors.names), np.nan)])[rows]  # the last is of no session
    with np.errstate(invalid="ignore"):
        returns = simple_returns(np.where(closes > 0.0, closes, np.nan))
    columns = [[column for column, factor in enumerate(factors.names) if factor == name] for name in names]
    return np.column_stack([returns[:, own[0]] - returns[:, own[1:]].sum(axis=1) for own in columns])


def _symbol(factors: FactorHistory, name: str) -> str:
    return " less ".join(
        symbol for factor, symbol in zip(factors.names, factors.symbols, strict=True) if factor == name
    )
