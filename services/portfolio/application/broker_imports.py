"""Making portfolios of accounts at brokers: what stands there, as one revision, with the original lines beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import InvalidFields, Violation
from services.portfolio.application.broker_logins import BrokerLogins
from services.portfolio.application.import_positions import EXCHANGE_ZONE
from services.portfolio.domain import broker_positions
from services.portfolio.domain.broker_positions import Market
from services.portfolio.domain.brokerage import BrokerLine, BrokerStatement
from services.portfolio.domain.entries import Days
from services.portfolio.domain.imports.issues import Issue
from services.portfolio.domain.portfolio import Portfolio, Terms
from services.portfolio.domain.whole_import import WholeImport
from services.portfolio.ports import Clock, MarketData
from services.portfolio.storage import cash, contents, events, plaid, portfolios


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which accounts, and the portfolio they are for: a new one by name, or an empty one."""

    plaid_item_id: str
    accounts: Sequence[str]
    portfolio_name: str
    portfolio_id: str
    base_currency: str


@dataclass(frozen=True, slots=True)
class BrokerImport:
    """What is to be saved, and the lines that it comes from."""

    taken: WholeImport
    lines: tuple[BrokerLine, ...]


class BrokerImports:
    """Makes portfolios of accounts at brokers."""

    def __init__(self, logins: BrokerLogins, marketdata: MarketData, clock: Clock) -> None:
        self._logins = logins
        self._marketdata = marketdata
        self._clock = clock

    async def read(self, owner_id: str, wanted: Wanted) -> BrokerImport:
        """Read accounts and check what stands there; outside any transaction, because it asks others.

        Raises:
            FailedPrecondition: this installation has no Plaid, Plaid cannot read there, or there is no session yet.
            InvalidFields: the login has no such account.
            NotFound: there is no such login, or it is another's.
        """
        statement = await self._logins.statement(owner_id, wanted.plaid_item_id)
        _refuse_unknown(statement, wanted.accounts)
        found = statement.only(wanted.accounts)
        symbols = broker_positions.symbols_of(found.lines)
        instruments = await self._marketdata.resolve_instruments(symbols) if symbols else {}
        day = (await self._marketdata.session(None)).as_of_date
        today = self._clock().astimezone(EXCHANGE_ZONE).date()
        market = Market(day, Days(today, await self._marketdata.calendar(day, day)), instruments)
        taken = broker_positions.take(found.lines, market)
        taken.warnings += [Issue(0, "", "", "account_total_differs", warning) for warning in found.warnings]
        return BrokerImport(taken, found.lines)

    async def save(
        self, connection: AsyncConnection, owner_id: str, wanted: Wanted, read: BrokerImport
    ) -> Portfolio | None:
        """Save what can be saved; where nothing can, no portfolio is made.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            AlreadyExists: the owner has a portfolio of that name.
            InvalidFields: the portfolio that was to be filled is not empty.
        """
        taken = read.taken
        if wanted.portfolio_id:
            portfolio = await portfolios.lock(connection, owner_id, wanted.portfolio_id)
            if portfolio.position_count or await cash.stated(connection, portfolio):
                rule = "is not empty: give portfolio_name for a new one"
                raise InvalidFields([Violation("portfolio_id", wanted.portfolio_id, rule)])
        elif not taken.empty:
            portfolio = await portfolios.add(connection, owner_id, wanted.base_currency, Terms(wanted.portfolio_name))
        else:
            return None
        if taken.empty:
            return portfolio
        portfolio = await portfolios.advance(connection, portfolio, "imported", len(taken.positions))
        await contents.add_positions(connection, portfolio, taken.positions)
        await contents.state_cash(connection, portfolio, taken.cash)
        await plaid.add_lines(connection, portfolio, wanted.plaid_item_id, read.lines)
        await events.import_completed(connection, owner_id, portfolio.portfolio_id, portfolio.revision)
        return portfolio


def _refuse_unknown(statement: BrokerStatement, accounts: Sequence[str]) -> None:
    known = {account.account_id for account in statement.accounts}
    rule = "is no investment account of this login"
    if wrong := [Violation("accounts", account, rule) for account in accounts if account not in known]:
        raise InvalidFields(wrong[:20])
