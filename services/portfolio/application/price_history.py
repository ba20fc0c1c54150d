"""Reading the price history of what a portfolio holds."""

import asyncio
import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from services.portfolio.application.valuation import Books
from services.portfolio.domain.market import Session
from services.portfolio.domain.price_history import (
    Date,
    FactorEtf,
    History,
    PortfolioPrices,
    aligned,
    symbols_by_value,
)
from services.portfolio.ports import MarketData

AT_ONCE = 8
"""Histories that are asked for at the same time: marketdata gives them symbol by symbol."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which prices to read."""

    portfolio_id: str
    portfolio_revision: int
    as_of_date: Date | None
    lookback_days: int
    max_symbols: int
    factor_etfs: bool
    price_basis: str


class PriceHistories:
    """Reads price histories."""

    def __init__(self, books: Books, marketdata: MarketData) -> None:
        self._books = books
        self._marketdata = marketdata

    async def read(self, owner_id: str, wanted: Wanted) -> PortfolioPrices:
        """Give the prices of a portfolio's largest symbols, and of factor ETFs, on the same sessions.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            OutOfRange: it has no such revision.
        """
        valued = await self._books.value(owner_id, wanted.portfolio_id, wanted.portfolio_revision, wanted.as_of_date)
        session = valued.session
        symbols = symbols_by_value(valued)
        shown = dict(list(symbols.items())[: wanted.max_symbols])
        sessions, factors = await asyncio.gather(
            self._sessions(session.as_of_date, wanted.lookback_days), self._factors(session, wanted.factor_etfs)
        )
        histories = await self._histories({*shown, *(etf.symbol for etf in factors)}, sessions, session, wanted)
        series = [aligned(symbol, name, "", histories[symbol], sessions) for symbol, name in shown.items()]
        series += [aligned(etf.symbol, "", etf.factor, histories[etf.symbol], sessions) for etf in factors]
        return PortfolioPrices(
            portfolio=valued.portfolio,
            session=session,
            lookback_days=wanted.lookback_days,
            sessions=sessions,
            series=tuple(series),
            symbol_count=len(symbols),
            truncated=len(shown) < len(symbols),
        )

    async def _sessions(self, last: Date, lookback_days: int) -> tuple[Date, ...]:
        # A year has 252 sessions in 365 days; a little more than that, whatever the holidays.
        first = last - datetime.timedelta(days=lookback_days * 3 // 2 + 15)
        calendar = await self._marketdata.calendar(first, last)
        return tuple(sorted(calendar.sessions)[-lookback_days:])

    async def _factors(self, session: Session, wanted: bool) -> list[FactorEtf]:
        return await self._marketdata.factor_etfs(session.as_of_date) if wanted else []

    async def _histories(
        self, symbols: Iterable[str], sessions: tuple[Date, ...], session: Session, wanted: Wanted
    ) -> dict[str, History]:
        places = asyncio.Semaphore(AT_ONCE)

        async def read(symbol: str) -> tuple[str, History]:
            async with places:
                return symbol, await self._marketdata.history(
                    symbol, sessions[0], sessions[-1], session.data_version, wanted.price_basis
                )

        return dict(await asyncio.gather(*(read(symbol) for symbol in sorted(symbols))))
