"""What an analysis may read beside its parameters: slices of what other services know, each pinned, each with a digest.

An analysis says what it needs (`Needs`), gets it as arrays (`Inputs`), and can read nothing else. So the digests of
its slices name its answer, and tell later which of them changed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any, Final, TypeVar

import numpy as np

from riskmath.arrays import FloatArray
from services.risk.domain.book import Book
from services.risk.domain.market import MarketSlice, PriceBasis
from services.risk.domain.result_id import market_digest
from services.risk.domain.snapshot import Snapshot

SLICES_KEPT: Final = 128
"""Slices whose digests are remembered: what several analyses read, and what is the same for every book."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an analysis reads beside the book and its marks. Everything is nothing by default."""

    sessions: int = 0
    """Closes of what the positions follow (an option's underlying), the last one that of the day: so many sessions."""
    factor_sessions: int = 0
    """Closes of the factors' funds: so many sessions, up to 2,520."""
    asset_class: str = "stocks"
    """Which set of factors."""
    facts: bool = False
    """Names, sectors and industries of what the positions follow."""
    yield_sessions: int = 0
    """Treasury yields: so many days."""
    fits: bool = False
    """Whether fits on the factors that were computed before are of use: they are computed otherwise."""
    closed: bool = False
    """Facts also of what closed positions followed."""
    snapshots: bool = False
    """The snapshots of the portfolio up to the day."""
    proxies: bool = False
    """What stands for the drivers of what the positions follow; its closes are then among those of `sessions`."""
    before: str = ""
    """The book and its marks also at an earlier session: that of a day (YYYY-MM-DD), or the one before (`previous`)."""


@dataclass(frozen=True, slots=True, eq=False)
class PriceHistory:
    """Total-return closes on the sessions of the exchange."""

    session_dates: tuple[date, ...]
    """(S,), oldest first."""
    instrument_ids: tuple[int, ...]
    """(N,), ascending."""
    closes: FloatArray
    """(S, N); NaN where there is none. Nothing is filled forward."""
    price_bases: tuple[PriceBasis, ...]
    """(N,)"""
    data_version: int
    """The newest among what was read."""

    def columns(self, instrument_ids: Iterable[int]) -> FloatArray:
        """Closes of these instruments, (S, len), in this order; every one of them must be here."""
        place = {instrument_id: column for column, instrument_id in enumerate(self.instrument_ids)}
        return self.closes[:, [place[instrument_id] for instrument_id in instrument_ids]]

    def digest(self) -> str:
        """SHA-256, in hex, of all of it."""
        return _digest([self.session_dates, self.instrument_ids, self.price_bases, self.data_version], self.closes)


@dataclass(frozen=True, slots=True)
class InactiveFactor:
    """A factor that cannot be computed, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class FactorHistory:
    """Closes of the funds that stand for factors, in display order."""

    session_dates: tuple[date, ...]
    """(S,), oldest first."""
    names: tuple[str, ...]
    """(K,), a factor each; one that is a spread has two entries, its long fund first."""
    symbols: tuple[str, ...]
    """(K,), the fund of each."""
    closes: FloatArray
    """(S, K); NaN where there is none."""
    price_bases: tuple[PriceBasis, ...]
    """(K,)"""
    inactive: tuple[InactiveFactor, ...]
    data_version: int

    def digest(self) -> str:
        """SHA-256, in hex, of all of it."""
        inactive = [[factor.name, factor.reason] for factor in self.inactive]
        told = [self.session_dates, self.names, self.symbols, self.price_bases, inactive, self.data_version]
        return _digest(told, self.closes)


@dataclass(frozen=True, slots=True)
class InstrumentFacts:
    """What an instrument is. An empty text: not known."""

    symbol: str
    name: str
    kind: str
    """`STOCK`, `ETF`, `INDEX`, ..."""
    exchange: str
    currency: str
    sector: str
    industry: str


@dataclass(frozen=True, slots=True, eq=False)
class YieldHistory:
    """Treasury par yields by day and tenor."""

    dates: tuple[date, ...]
    """(D,), oldest first."""
    tenors: tuple[str, ...]
    """(T,), such as `10Y`."""
    yields: FloatArray
    """(D, T), decimals a year; NaN where there is none."""
    data_version: int
    """The newest among what was read; 0 where there are no yields."""

    def digest(self) -> str:
        """SHA-256, in hex, of all of it."""
        return _digest([self.dates, self.tenors, self.data_version], self.yields)


@dataclass(frozen=True, slots=True)
class OwnProxies:
    """What stands for the drivers of one symbol, in the order of `riskmath.stock_proxies.PROXIES`."""

    symbols: tuple[tuple[str, ...], ...]
    """(5,), one symbol each, of peers several; none where nothing stands for it."""
    stated: tuple[bool, ...]
    """(5,), whether the owner stated it; otherwise it is the default of the exchange or the industry."""

    def named(self) -> set[str]:
        """Give every symbol among them."""
        return {symbol for symbols in self.symbols for symbol in symbols}


@dataclass(frozen=True, slots=True, eq=False)
class BookProxies:
    """The proxies of what a book follows, and the instruments that they are."""

    by_symbol: Mapping[str, OwnProxies]
    """By the symbol that stands on them."""
    instrument_ids: Mapping[str, int]
    """By proxy; without those that nobody knows."""

    def digest(self) -> str:
        """SHA-256, in hex, of all of it."""
        stands = [[symbol, own.symbols, own.stated] for symbol, own in sorted(self.by_symbol.items())]
        return _digest([stands, sorted(self.instrument_ids.items())])


Slice = TypeVar("Slice", PriceHistory, FactorHistory, YieldHistory)


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """The same revision of a portfolio at an earlier session."""

    book: Book
    market: MarketSlice


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything that one analysis reads. A slice it did not ask for is None."""

    book: Book
    market: MarketSlice
    history: PriceHistory | None = None
    factors: FactorHistory | None = None
    facts: Mapping[int, InstrumentFacts] | None = None
    """By instrument."""
    yields: YieldHistory | None = None
    proxies: BookProxies | None = None
    snapshots: tuple[Snapshot, ...] | None = None
    """Oldest first."""
    before: Before | None = None
    fits: Mapping[str, FloatArray] | None = None
    """Fits on the factors, by their keys. They are no slice: what is missing is computed, and comes out the same."""

    def digests(self) -> dict[str, str]:
        """SHA-256, in hex, of each slice that was read, by its name."""
        found = {"portfolio": self.book.digest, "marks": market_digest(self.market)}
        if self.history:
            found["prices"] = _digest_of(self.history)
        if self.factors:
            found["factors"] = _digest_of(self.factors)
        if self.facts is not None:
            rows = [[number, *_texts(self.facts[number])] for number in sorted(self.facts)]
            found["instruments"] = _digest(rows)
        if self.yields:
            found["yields"] = _digest_of(self.yields)
        if self.proxies:
            found["proxies"] = self.proxies.digest()
        if self.snapshots is not None:
            found["snapshots"] = _digest([snapshot.digest for snapshot in self.snapshots])
        if self.before:
            found["portfolio_before"] = self.before.book.digest
            found["marks_before"] = market_digest(self.before.market)
        return found

    @property
    def data_version(self) -> int:
        """The newest version of market data among the rows that were read."""
        slices = [self.market, *(part for part in (self.history, self.factors, self.yields) if part)]
        earlier = [self.before.market] if self.before else []
        return max(part.data_version for part in (*slices, *earlier, *(self.snapshots or ())))


def newest(part: Slice, sessions: int) -> Slice:
    """Cut a slice to its newest sessions (of yields: days); the same object each time, as is what is made of it."""
    cut: Slice = _newest(part, sessions)
    return cut


@lru_cache(maxsize=SLICES_KEPT)
def _newest(part: PriceHistory | FactorHistory | YieldHistory, sessions: int) -> Any:
    dates = part.dates if isinstance(part, YieldHistory) else part.session_dates
    if len(dates) <= sessions:
        return part
    kept = slice(len(dates) - sessions, None)
    if isinstance(part, YieldHistory):
        return replace(part, dates=dates[kept], yields=part.yields[kept])
    return replace(part, session_dates=dates[kept], closes=part.closes[kept])


@lru_cache(maxsize=SLICES_KEPT)
def _digest_of(part: PriceHistory | FactorHistory | YieldHistory) -> str:
    return part.digest()


def _texts(facts: InstrumentFacts) -> list[str]:
    return [facts.symbol, facts.name, facts.kind, facts.exchange, facts.currency, facts.sector, facts.industry]


def _digest(told: Sequence[object], numbers: FloatArray | None = None) -> str:
    digest = hashlib.sha256(json.dumps(told, default=str, ensure_ascii=False).encode())
    if numbers is not None:
        # One bit pattern for every NaN: two of them must not make two digests of the same slice.
        digest.update(np.ascontiguousarray(np.where(np.isnan(numbers), np.nan, numbers), dtype="<f8").tobytes())
    return digest.hexdigest()
