"""Stating what analyses of a portfolio are set up with, and reading it with its defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.portfolio.application.valuation import Books
from services.portfolio.domain.book import Date
from services.portfolio.domain.expected_return import ExpectedReturn, newest
from services.portfolio.domain.factor_proxies import PortfolioProxies, StockProxies
from services.portfolio.domain.portfolio import Portfolio, refuse_stale
from services.portfolio.domain.risk_limits import RiskLimits
from services.portfolio.ports import MarketData
from services.portfolio.storage import portfolios, risk_settings

MOST_VIOLATIONS = 20
"""Named in one answer, which has room for few more."""


class RiskSettings:
    """Reads and states limits, proxies and expectations."""

    def __init__(self, database: Database, marketdata: MarketData, books: Books) -> None:
        self._database = database
        self._marketdata = marketdata
        self._books = books

    async def limits(self, owner_id: str, portfolio_id: str, revision: int) -> tuple[Portfolio, RiskLimits]:
        """Give the limits of a portfolio at a revision.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            OutOfRange: it has no such revision.
        """
        async with self._database.transaction(owner_id) as connection:
            portfolio = await portfolios.get(connection, owner_id, portfolio_id, revision)
            return portfolio, (await risk_settings.limits_of(connection, portfolio))[0]

    async def state_limits(
        self, connection: AsyncConnection, owner_id: str, portfolio_id: str, limits: RiskLimits, revision: int
    ) -> Portfolio:
        """Replace the stated limits of a portfolio; without a difference nothing is done.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            StaleRevision: they changed since the revision that the caller read.
        """
        portfolio = await portfolios.lock(connection, owner_id, portfolio_id)
        before, since = await risk_settings.limits_of(connection, portfolio)
        refuse_stale(revision, since, portfolio.revision)
        if limits != before:
            portfolio = await portfolios.advance(connection, portfolio, "risk_limits_stated")
            await risk_settings.state_limits(connection, portfolio, limits)
        return portfolio

    async def proxies(self, owner_id: str, portfolio_id: str, revision: int) -> PortfolioProxies:
        """Give the proxies of everything that a portfolio holds at a revision, and of every symbol that was stated.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            OutOfRange: it has no such revision.
        """
        async with self._database.transaction(owner_id) as connection:
            portfolio = await portfolios.get(connection, owner_id, portfolio_id, revision)
            found = await risk_settings.proxies_of(connection, portfolio)
        stated = {symbol: proxies for symbol, (proxies, _) in found.items()}
        held = {p.underlying_symbol for p in await self._books.positions(portfolio) if p.exit_date is None}
        symbols = sorted(held | set(stated))
        instruments = await self._marketdata.resolve_instruments(symbols) if symbols else {}
        sources = await self._marketdata.default_proxies()
        known = {symbol: None if isinstance(i, str) else i for symbol, i in instruments.items()}
        defaults = {symbol: sources.of(known[symbol]) for symbol in symbols}
        return PortfolioProxies(portfolio, stated, defaults, sources)

    async def refuse_unknown(self, named: Mapping[str, str]) -> None:
        """Refuse symbols that marketdata does not know; outside any transaction, because it asks.

        Args:
            named: symbols by where in the request they stand.

        Raises:
            InvalidFields: one is not known.
        """
        symbols = sorted(set(named.values()))
        found = await self._marketdata.resolve_instruments(symbols) if symbols else {}
        unknown = [
            Violation(field, symbol, f"is no instrument that is known: {found[symbol]}")
            for field, symbol in named.items()
            if isinstance(found[symbol], str)
        ]
        if unknown:
            raise InvalidFields(unknown[:MOST_VIOLATIONS])

    async def state_proxies(
        self,
        connection: AsyncConnection,
        owner_id: str,
        portfolio_id: str,
        stated: Mapping[str, StockProxies],
        reset: Sequence[str],
        revision: int,
    ) -> None:
        """State the proxies of some symbols, and take back those of others; without a difference nothing is done.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            StaleRevision: those of one of the symbols changed since the revision that the caller read.
        """
        portfolio = await portfolios.lock(connection, owner_id, portfolio_id)
        before = await risk_settings.proxies_of(connection, portfolio)
        since = max((before[symbol][1] for symbol in (*stated, *reset) if symbol in before), default=1)
        refuse_stale(revision, since, portfolio.revision)
        different = {s: proxies for s, proxies in stated.items() if s not in before or before[s][0] != proxies}
        ended = [symbol for symbol in reset if symbol in before]
        if different or ended:
            portfolio = await portfolios.advance(connection, portfolio, "factor_proxies_stated")
            await risk_settings.state_proxies(connection, portfolio, different, ended)

    async def expected(
        self, owner_id: str, portfolio_id: str, revision: int, as_of_date: Date | None, *, history: bool
    ) -> tuple[Portfolio, list[ExpectedReturn]]:
        """Give what is expected of symbols on a day, or everything that ever was.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            OutOfRange: it has no such revision.
        """
        async with self._database.transaction(owner_id) as connection:
            portfolio = await portfolios.get(connection, owner_id, portfolio_id, revision)
            found = await risk_settings.expected_of(connection, portfolio, as_of_date)
        return portfolio, found if history else newest(found)

    async def state_expected(
        self, connection: AsyncConnection, owner_id: str, portfolio_id: str, stated: list[ExpectedReturn]
    ) -> tuple[Portfolio, list[ExpectedReturn]]:
        """State expectations of one day, and give what is expected then; without a difference nothing is done.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
        """
        portfolio = await portfolios.lock(connection, owner_id, portfolio_id)
        before = {replace(e, revision=0) for e in await risk_settings.expected_of(connection, portfolio, None)}
        if different := [expectation for expectation in stated if expectation not in before]:
            portfolio = await portfolios.advance(connection, portfolio, "expected_returns_stated")
            await risk_settings.state_expected(connection, portfolio, different)
        return portfolio, newest(await risk_settings.expected_of(connection, portfolio, None))
