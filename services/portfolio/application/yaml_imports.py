"""Importing the files of the earlier file-based system: all that a file states, as one revision, or nothing of it.

A portfolio file states a whole portfolio: it makes one, or fills one that is empty. Limits and the cash map replace
what a portfolio had.
"""

import asyncio
import datetime
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.portfolio.application.import_positions import EXCHANGE_ZONE
from services.portfolio.application.risk_settings import RiskSettings
from services.portfolio.domain.cash_map import CashMap
from services.portfolio.domain.entries import Days
from services.portfolio.domain.expected_return import ExpectedReturn
from services.portfolio.domain.market import Instrument, Session
from services.portfolio.domain.portfolio import Portfolio, Terms
from services.portfolio.domain.whole_import import WholeImport
from services.portfolio.domain.yaml_files import reading, taking
from services.portfolio.domain.yaml_files.stated import Stated, StatedPortfolio
from services.portfolio.domain.yaml_files.taking import Prices, Whole
from services.portfolio.ports import Clock, MarketData
from services.portfolio.storage import cash, cash_maps, contents, events, portfolios, risk_settings


@dataclass(frozen=True, slots=True)
class YamlUpload:
    """A file, and the portfolio it is for: a new one by name, or one that exists."""

    portfolio_name: str
    portfolio_id: str
    base_currency: str
    portfolio_value: Decimal | None
    """What weights are parts of. None: it is not said."""
    content: bytes


@dataclass(frozen=True, slots=True)
class YamlImport:
    """What is to be saved of a file, and what is to be said of it."""

    stated: Stated
    taken: WholeImport
    day: datetime.date | None
    """The session that it speaks of. None: nobody asked which."""

    @property
    def saved(self) -> WholeImport:
        """What becomes of it: with an error nothing is saved."""
        return replace(self.taken, positions=[], cash=[]) if self.taken.errors else self.taken


class YamlImports:
    """Imports files of the earlier system."""

    def __init__(self, database: Database, marketdata: MarketData, settings: RiskSettings, clock: Clock) -> None:
        self._database = database
        self._marketdata = marketdata
        self._settings = settings
        self._clock = clock

    async def read(self, owner_id: str, upload: YamlUpload) -> YamlImport:
        """Read a file and check it against the market; outside any transaction that writes.

        Raises:
            InvalidRequest: it cannot be read as a whole.
            InvalidFields: it names an unknown proxy, or something that it needs beside is not there.
            NotFound: there is no such portfolio, or it is another's.
        """
        stated = await asyncio.to_thread(reading.parse, upload.content)
        if stated.errors:  # what is wrong with the file itself comes first, and nothing is saved
            return YamlImport(stated, WholeImport(0, errors=stated.errors, warnings=stated.warnings), None)
        _refuse_incomplete(stated, upload)
        await self._settings.refuse_unknown(_named_symbols(stated.portfolio or StatedPortfolio()))
        session = await self._session(stated.portfolio.end_date if stated.portfolio else None)
        taken = WholeImport(0)
        if stated.portfolio is not None:
            whole = await self._whole(owner_id, upload, stated.cash_map)
            prices = await self._prices(stated.portfolio, whole.cash_map, session)
            taken = await asyncio.to_thread(taking.take, stated.portfolio, whole, prices)
        taken.warnings[:0] = stated.warnings
        return YamlImport(stated, taken, session.as_of_date)

    async def save(
        self, connection: AsyncConnection, owner_id: str, upload: YamlUpload, read: YamlImport
    ) -> Portfolio | None:
        """Save what a file states; if anything is wrong with it nothing, and a portfolio that it was to make is None.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            AlreadyExists: the owner has a portfolio of that name.
            InvalidFields: the portfolio that it was to fill is not empty.
        """
        if read.taken.errors:
            return await portfolios.get(connection, owner_id, upload.portfolio_id) if upload.portfolio_id else None
        stated = read.stated
        portfolio = await self._opened(connection, owner_id, upload, stated)
        terms = portfolio.terms
        if stated.portfolio is not None:
            terms = _terms(terms, stated.portfolio)
        count = portfolio.position_count + len(read.taken.positions)
        portfolio = await portfolios.revise(connection, portfolio, terms, count, "imported")
        await contents.add_positions(connection, portfolio, read.taken.positions)
        await contents.state_cash(connection, portfolio, read.taken.cash)
        await _state_settings(connection, portfolio, read)
        if stated.portfolio is not None:
            await events.import_completed(connection, owner_id, portfolio.portfolio_id, portfolio.revision)
        return portfolio

    async def _opened(
        self, connection: AsyncConnection, owner_id: str, upload: YamlUpload, stated: Stated
    ) -> Portfolio:
        if not upload.portfolio_id:
            return await portfolios.add(connection, owner_id, upload.base_currency, Terms(upload.portfolio_name))
        portfolio = await portfolios.lock(connection, owner_id, upload.portfolio_id)
        filled = portfolio.position_count or await cash.stated(connection, portfolio)
        if stated.portfolio is not None and stated.portfolio.stakes and filled:
            rule = "is not empty, and the file states a whole portfolio: give portfolio_name for a new one"
            raise InvalidFields([Violation("portfolio_id", upload.portfolio_id, rule)])
        return portfolio

    async def _whole(self, owner_id: str, upload: YamlUpload, cash_map: CashMap | None) -> Whole:
        currency, known = upload.base_currency, cash_map
        if upload.portfolio_id:
            async with self._database.transaction(owner_id) as connection:
                portfolio = await portfolios.get(connection, owner_id, upload.portfolio_id)
                currency = portfolio.base_currency
                known = known or await cash_maps.get(connection, portfolio)
        return Whole(currency, upload.portfolio_value or Decimal(0), known or CashMap())

    async def _session(self, end_date: datetime.date | None) -> Session:
        newest = await self._marketdata.session(None)
        if end_date is None or end_date >= newest.as_of_date:
            return newest
        return await self._marketdata.session(end_date)

    async def _prices(self, portfolio: StatedPortfolio, cash_map: CashMap, session: Session) -> Prices:
        cash_tickers = taking.cash_tickers(portfolio, cash_map)
        tickers = [stake.ticker for stake in portfolio.stakes if stake.ticker not in cash_tickers]
        found = await self._marketdata.resolve_instruments(tickers) if tickers else {}
        ids = sorted({i.instrument_id for i in found.values() if isinstance(i, Instrument)})
        marks = await self._marketdata.marks(ids, session) if ids else {}
        day = session.as_of_date
        today = self._clock().astimezone(EXCHANGE_ZONE).date()
        days = Days(today, await self._marketdata.calendar(day, day))
        return Prices(day, days, found, marks)


def _refuse_incomplete(stated: Stated, upload: YamlUpload) -> None:
    if stated.portfolio is None and not upload.portfolio_id:
        rule = "must be given: the file states settings of a portfolio, and none of its contents"
        raise InvalidFields([Violation("portfolio_id", "", rule)])
    if stated.portfolio is not None and stated.portfolio.weighted and not upload.portfolio_value:
        rule = "must be given: the file states weights, and not of how much"
        raise InvalidFields([Violation("portfolio_value", "", rule)])


def _named_symbols(portfolio: StatedPortfolio) -> dict[str, str]:
    """Give every symbol that is a setting, by where it stands."""
    named = {f"expected_returns[{symbol}]": symbol for symbol in portfolio.expected_returns}
    for symbol, proxies in portfolio.proxies.items():
        named[f"stock_factor_proxies[{symbol}]"] = symbol
        named |= {f"stock_factor_proxies[{symbol}].{place}": name for place, name in proxies.symbols.items()}
    return named


def _terms(before: Terms, portfolio: StatedPortfolio) -> Terms:
    start, end = portfolio.start_date or before.start_date, portfolio.end_date or before.end_date
    return replace(before, start_date=start, end_date=end)


async def _state_settings(connection: AsyncConnection, portfolio: Portfolio, read: YamlImport) -> None:
    stated, expected = read.stated, _expectations(read)
    if stated.limits is not None:
        await risk_settings.state_limits(connection, portfolio, stated.limits)
    if stated.cash_map is not None:
        await cash_maps.state(connection, portfolio, stated.cash_map)
    if stated.portfolio is not None and stated.portfolio.proxies:
        await risk_settings.state_proxies(connection, portfolio, stated.portfolio.proxies, [])
    if expected:
        await risk_settings.state_expected(connection, portfolio, expected)


def _expectations(read: YamlImport) -> list[ExpectedReturn]:
    """Give what the file expects; it names no day, so it does from the session on that it speaks of."""
    if read.stated.portfolio is None or read.day is None:
        return []
    return [
        ExpectedReturn(symbol, number, read.day) for symbol, number in read.stated.portfolio.expected_returns.items()
    ]
