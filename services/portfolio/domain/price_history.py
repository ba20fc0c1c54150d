"""Daily prices of many symbols on the same sessions."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from services.portfolio.domain.market import Session
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.domain.valued_book import ValuedBook

Date = datetime.date


@dataclass(frozen=True, slots=True)
class Bar:
    """One session of one symbol; None is what its source does not know."""

    session_date: Date
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None


@dataclass(frozen=True, slots=True)
class History:
    """The bars of one symbol, oldest first, or the reason why there are none."""

    price_basis: str
    bars: tuple[Bar, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FactorEtf:
    """A fund that stands for a factor."""

    factor: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Series:
    """The prices of one symbol, one place per session; without a bar the place is None."""

    symbol: str
    name: str
    factor: str
    price_basis: str
    reason: str
    bars: tuple[Bar | None, ...]


@dataclass(frozen=True, slots=True)
class PortfolioPrices:
    """The prices of what a portfolio holds."""

    portfolio: Portfolio
    session: Session
    lookback_days: int
    sessions: tuple[Date, ...]
    series: tuple[Series, ...]
    symbol_count: int
    truncated: bool


def symbols_by_value(valued: ValuedBook) -> dict[str, str]:
    """Give the symbols whose prices move a book, the largest by absolute market value first, each with its name.

    An option counts with its underlying. What has no market value counts nothing, and comes last.
    """
    sizes: dict[str, float] = {}
    names: dict[str, str] = {}
    for found in valued.positions:
        option = found.position.option
        listed = found.instrument.symbol if found.instrument else found.position.symbol
        symbol = option.underlying_symbol if option else listed
        sizes[symbol] = sizes.get(symbol, 0.0) + abs(found.market_value or 0.0)
        if found.instrument and not option:
            names[symbol] = found.instrument.name
    return {symbol: names.get(symbol, "") for symbol in sorted(sizes, key=lambda s: (-sizes[s], s))}


def aligned(symbol: str, name: str, factor: str, history: History, sessions: Sequence[Date]) -> Series:
    """Put the bars of a symbol in their places among sessions."""
    by_date = {bar.session_date: bar for bar in history.bars}
    bars = () if history.reason else tuple(by_date.get(day) for day in sessions)
    return Series(symbol, name, factor, history.price_basis, history.reason, bars)
