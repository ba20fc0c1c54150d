"""All calculations of many portfolios on two cores, from inputs in memory to serialised answers: arithmetic alone.

The market is made up from a seed: instruments that follow seven factors, some with options. What is read over the
network, and what the ledger writes, is measured by `portfolio_analytics`.
"""

import hashlib
import multiprocessing
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
from cachetools import LRUCache

from benchmarks.measurement import Case, Measurement
from benchmarks.naive_analytics import NaiveBook, analyse
from riskmath.arrays import FloatArray
from services.risk.application.analyses import compute_payload, resolve
from services.risk.application.gathering import WINDOWS
from services.risk.domain.book import Book, CashBalance, Positions
from services.risk.domain.inputs import (
    FactorHistory,
    Inputs,
    InstrumentFacts,
    Needs,
    PriceHistory,
    YieldHistory,
    newest,
)
from services.risk.domain.market import Mark, MarketSlice, OptionMark, Session
from services.risk.domain.scenarios import market_scenarios, rate_scenarios
from services.risk.handlers.catalogue import KINDS, Kind
from services.risk.reference.library import read_library

PORTFOLIOS: Final = 1_000
POSITIONS: Final = 60
OPTIONS: Final = 12
"""Of each portfolio's positions."""
STOCKS: Final = 500
SESSIONS: Final = 2_520
READ: Final = WINDOWS[0]
"""Sessions that the service reads of a book at once."""
CORES: Final = 2
FACTORS: Final = ("Market Beta", "Value", "Growth", "Momentum", "Quality", "Size", "Low Volatility")
SECTORS: Final = ("Technology", "Financials", "Energy", "Health Care", "Industrials")
DAY: Final = date(2022, 12, 28)
EXPIRY: Final = date(2023, 3, 17)
SESSION: Final = Session(DAY, datetime(2022, 12, 28, 21, tzinfo=UTC), 1)
OWNER: Final = "9f4b0c3e-0000-4000-8000-000000000001"
STATED: Final[Mapping[str, Mapping[str, Any]]] = {
    "correlation_clusters": {"lookback_days": 90},
    "stress_test": {"scenarios": read_library()},
    "market_scenarios": {"scenarios": market_scenarios()},
    "rate_scenarios": {"scenarios": rate_scenarios()},
}
"""What has no default of its own, by kind."""
LEFT_OUT: Final = {"performance", "pnl_explain", "stock_proxy_exposures", "data_quality"}
"""Kinds that read what these books have none of: snapshots, an earlier session, proxies of their own; or that try all
the others again."""
COUNTED: Final = {name: kind for name, kind in KINDS.items() if name not in LEFT_OUT}
DATES: Final = tuple(DAY - timedelta(days=SESSIONS - 1 - number) for number in range(SESSIONS))


def risk_batch(_: list[str]) -> Measurement:
    """Measures how long all calculations of 1,000 portfolios of 60 positions take on two cores."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(CORES, mp_context=spawn) as pool:
        list(pool.map(calculate, range(CORES), [1] * CORES))  # so that every process is up, and has the market
        start = time.perf_counter()
        share = PORTFOLIOS // CORES
        by_kind = list(pool.map(calculate, range(CORES), [share] * CORES))
        seconds = time.perf_counter() - start
    subject = f"{len(COUNTED)} calculations of {PORTFOLIOS:,} portfolios of {POSITIONS} positions on {CORES} cores"
    own, naive = seconds * CORES / PORTFOLIOS, _naive_seconds()
    whole = Case("all", {"seconds": seconds, "ms a portfolio": 1000 * own, "times naive": naive / own})
    each = [
        Case(kind, {"seconds": sum(found[kind] for found in by_kind) / CORES, "ms a portfolio": _ms(kind, by_kind)})
        for kind in COUNTED
    ]
    peer = Case("position by position", {"ms a portfolio": 1000 * naive})
    return Measurement("risk_batch", subject, [whole, peer, *each])


def _naive_seconds() -> float:
    """How long one portfolio takes position by position."""
    book = NaiveBook.drawn(stocks=POSITIONS - OPTIONS, options=OPTIONS)
    start = time.process_time()
    analyse(book)
    return time.process_time() - start


def calculate(seed: int, count: int) -> dict[str, float]:
    """Compute every kind of answer of so many portfolios, and give the seconds of each kind."""
    market = made_up_market()
    random = np.random.default_rng(seed)
    taken = dict.fromkeys(COUNTED, 0.0)
    for number in range(count):
        book, marks = _book(random, f"{seed}-{number}", market)
        for name, kind in COUNTED.items():
            start = time.perf_counter()
            _compute(kind, book, marks, market)
            taken[name] += time.perf_counter() - start
    return taken


class Market:
    """Histories of everything, drawn once a process."""

    def __init__(self) -> None:
        random = np.random.default_rng(7)
        styles = random.normal(0.0, 0.004, (SESSIONS - 1, len(FACTORS)))
        market = random.normal(0.0003, 0.011, SESSIONS - 1)
        funds = market[:, None] + np.where(np.arange(len(FACTORS)) == 0, 0.0, styles)
        loads = random.uniform(0.5, 1.5, STOCKS) * market[:, None] + styles @ random.normal(0.0, 0.4, (7, STOCKS))
        self.closes = _closes(loads + random.normal(0.0, 0.012, (SESSIONS - 1, STOCKS)))
        self.funds = _closes(funds)
        yields = 0.04 + np.cumsum(random.normal(0.0, 0.0005, (SESSIONS, 2)), axis=0)
        self.yields = YieldHistory(DATES, ("10Y", "3M"), yields, 1)
        adjusted = ("total_return_adjusted",) * len(FACTORS)
        self.factors = FactorHistory(DATES, FACTORS, FACTORS, self.funds, adjusted, (), 1)
        self._histories: LRUCache[tuple[int, ...], PriceHistory] = LRUCache(16)

    def history(self, columns: tuple[int, ...]) -> PriceHistory:
        """Give three years of closes of some stocks; the same object again within a portfolio, as the service does."""
        if columns not in self._histories:
            closes = self.closes[-READ:, list(columns)]
            found = PriceHistory(DATES[-READ:], columns, closes, ("total_return_adjusted",) * len(columns), 1)
            self._histories[columns] = found
        return self._histories[columns]


_known: list[Market] = []


def made_up_market() -> Market:
    """Give the market of this process."""
    if not _known:
        _known.append(Market())
    return _known[0]


def _compute(kind: Kind, book: Book, marks: MarketSlice, market: Market) -> bytes:
    parameters = kind.analysis.parameters(**STATED.get(kind.analysis.kind, {}))
    resolved = resolve(kind.analysis, OWNER, book, SESSION, parameters)
    inputs = _inputs(kind.analysis.needs(parameters), book, marks, market)
    return compute_payload(kind.analysis, kind.render, resolved, inputs)


def _inputs(needs: Needs, book: Book, marks: MarketSlice, market: Market) -> Inputs:
    followed = book.followed_ids()
    facts = {
        number: InstrumentFacts(f"S{number}", "", "STOCK", "XNYS", "USD", SECTORS[number % len(SECTORS)], "")
        for number in followed
    }
    return Inputs(
        book,
        marks,
        history=newest(market.history(followed), needs.sessions) if needs.sessions else None,
        factors=newest(market.factors, needs.factor_sessions) if needs.factor_sessions else None,
        facts=facts if needs.facts else None,
        yields=newest(market.yields, needs.yield_sessions) if needs.yield_sessions else None,
    )


def _book(random: np.random.Generator, name: str, market: Market) -> tuple[Book, MarketSlice]:
    stocks = random.choice(STOCKS, POSITIONS - OPTIONS, replace=False)
    followed = [*map(int, stocks), *map(int, stocks[:OPTIONS])]
    is_option = np.arange(POSITIONS) >= POSITIONS - OPTIONS
    ids = tuple(number + STOCKS * int(option) for number, option in zip(followed, is_option, strict=True))
    symbols = tuple(f"S{number}" for number in ids)
    held = Positions(
        position_ids=symbols,
        symbols=symbols,
        instrument_ids=ids,
        underlying_ids=tuple(followed),
        currencies=("USD",) * POSITIONS,
        is_option=is_option,
        quantity=np.where(is_option, 5.0, 100.0) * random.choice([1.0, 1.0, -1.0], POSITIONS),
        multiplier=np.where(is_option, 100.0, 1.0),
        entry_price=np.full(POSITIONS, 90.0),
        exit_price=np.full(POSITIONS, np.nan),
        entry_dates=(DATES[-300],) * POSITIONS,
        exit_dates=(None,) * POSITIONS,
        position_types=("LONG",) * POSITIONS,
        tags=(("core",),) * POSITIONS,
        strategies=("",) * POSITIONS,
        underlying_symbols=tuple(f"S{number}" for number in followed),
        expiry_dates=tuple(EXPIRY if option else None for option in is_option),
    )
    marks = {number: _mark(number, followed[row], market) for row, number in enumerate(ids)}
    none = Positions(*(column[:0] for column in _columns(held)))
    digest = hashlib.sha256(name.encode()).hexdigest()
    book = Book(name, 1, "USD", held, none, (CashBalance("USD", 100_000.0),), "", "", (), digest)
    return book, MarketSlice(SESSION, marks)


def _columns(positions: Positions) -> list[Any]:
    return [getattr(positions, name) for name in Positions.__dataclass_fields__]


def _mark(number: int, followed: int, market: Market) -> Mark:
    spot = float(market.closes[-1, followed])
    if number < STOCKS:
        return Mark(number, spot, DAY.isoformat(), 0, "total_return_adjusted", "USD", "", 1, "close")
    terms = OptionMark(
        expiry_date=EXPIRY,
        is_call=number % 2 == 0,
        is_american=True,
        strike=spot,
        expired=False,
        underlying_price=spot,
        volatility=0.3,
        volatility_source="history",
        rate=0.04,
        rate_source="assumed",
        dividend_yield=0.0,
        dividend_yield_source="assumed",
    )
    return Mark(number, 0.055 * spot, DAY.isoformat(), 0, "total_return_adjusted", "USD", "", 1, "model", terms)


def _closes(returns: FloatArray) -> FloatArray:
    return 100.0 * np.vstack([np.ones(returns.shape[1]), np.cumprod(1.0 + returns, axis=0)])


def _ms(kind: str, by_kind: list[dict[str, float]]) -> float:
    return 1000 * sum(found[kind] for found in by_kind) / PORTFOLIOS
