"""Keeping what-if scenarios: marketdata is asked for the symbols before a transaction opens."""

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import FailedPrecondition, InvalidFields, StaleRevision, Violation
from services.portfolio.domain.entries import instrument_problems
from services.portfolio.domain.market import Instrument
from services.portfolio.domain.scenario import Scenario, Terms
from services.portfolio.ports import MarketData
from services.portfolio.storage import portfolios, scenarios

MOST_SCENARIOS = 500
"""That a user may have."""
MOST_VIOLATIONS = 20
"""Named in one answer, which has room for few more."""


class Scenarios:
    """Reads and keeps scenarios."""

    def __init__(self, database: Database, marketdata: MarketData) -> None:
        self._database = database
        self._marketdata = marketdata

    async def page(self, owner_id: str, portfolio_id: str, after_name: str, size: int) -> list[Scenario]:
        """Give an owner's scenarios whose name comes after another, by name; of one portfolio, or of any.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
        """
        async with self._database.transaction(owner_id) as connection:
            if portfolio_id:
                await portfolios.get(connection, owner_id, portfolio_id)
            return await scenarios.page(connection, owner_id, portfolio_id, after_name, size)

    async def get(self, owner_id: str, scenario_id: str) -> Scenario:
        """Give a scenario.

        Raises:
            NotFound: there is none, or it is another's.
        """
        async with self._database.transaction(owner_id) as connection:
            return await scenarios.get(connection, owner_id, scenario_id)

    async def refuse_unknown(self, terms: Terms) -> None:
        """Refuse weights of what cannot be owned; outside any transaction, because it asks marketdata.

        Raises:
            InvalidFields: a symbol is not known, or it is an index.
        """
        symbols = terms.instruments
        found = await self._marketdata.resolve_instruments(symbols) if symbols else {}
        refused = [
            Violation(f"target_weights[{symbol}]", symbol, rule)
            for symbol in symbols
            if (rule := _broken_rule(symbol, found[symbol]))
        ]
        if refused:
            raise InvalidFields(refused[:MOST_VIOLATIONS])

    async def add(self, connection: AsyncConnection, owner_id: str, portfolio_id: str, terms: Terms) -> Scenario:
        """Keep a scenario of a portfolio.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            AlreadyExists: the owner has one of that name.
            FailedPrecondition: the owner has as many as there may be.
        """
        await portfolios.lock(connection, owner_id, portfolio_id)
        if await scenarios.count(connection, owner_id) >= MOST_SCENARIOS:
            message = f"there may be {MOST_SCENARIOS} scenarios at a time: delete one first"
            raise FailedPrecondition("LIMIT_REACHED", message, resource="scenario", limit=MOST_SCENARIOS)
        return await scenarios.add(connection, owner_id, portfolio_id, terms)

    async def put(
        self, connection: AsyncConnection, owner_id: str, scenario_id: str, terms: Terms, revision: int
    ) -> Scenario:
        """State a scenario anew; without a difference nothing is done.

        Raises:
            NotFound: there is none, or it is another's.
            StaleRevision: it changed since the revision that the caller read.
            AlreadyExists: another of the owner's has the new name.
        """
        before = await _locked(connection, owner_id, scenario_id, revision)
        return before if terms == before.terms else await scenarios.change(connection, before, terms)

    async def remove(self, connection: AsyncConnection, owner_id: str, scenario_id: str, revision: int) -> None:
        """Delete a scenario.

        Raises:
            NotFound: there is none, or it is another's.
            StaleRevision: it changed since the revision that the caller read.
        """
        await scenarios.remove(connection, await _locked(connection, owner_id, scenario_id, revision))


async def _locked(connection: AsyncConnection, owner_id: str, scenario_id: str, revision: int) -> Scenario:
    found = await scenarios.lock(connection, owner_id, scenario_id)
    if revision and revision != found.revision:
        raise StaleRevision(revision, found.revision)
    return found


def _broken_rule(symbol: str, found: Instrument | str) -> str:
    """Give the rule that a symbol breaks. Empty: it can be owned."""
    if isinstance(found, str):
        return f"is no instrument that is known: {found}"
    return next((problem.message for problem in instrument_problems(found, symbol)), "")
