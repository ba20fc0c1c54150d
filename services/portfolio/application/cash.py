"""Stating cash: balances at a day, and what moved them besides trades."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import InvalidFields, NotFound, Violation
from services.portfolio.application.import_positions import EXCHANGE_ZONE
from services.portfolio.domain.book import CashBalance, CashMovement, Date
from services.portfolio.domain.cash_movement import refuse_wrong_sign
from services.portfolio.domain.portfolio import Portfolio, refuse_stale
from services.portfolio.ports import Clock
from services.portfolio.storage import cash, contents, portfolios


class Cash:
    """States cash and its movements."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def state(
        self,
        connection: AsyncConnection,
        owner_id: str,
        portfolio_id: str,
        balances: Mapping[str, Decimal],
        balance_date: Date,
        revision: int,
    ) -> tuple[Portfolio, Sequence[CashBalance]]:
        """State the balances of some currencies at a day; give all balances then. Without a difference nothing is done.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            StaleRevision: one of them changed since the revision that the caller read.
            InvalidFields: the day has not come yet.
        """
        self._refuse_future("balance_date", balance_date)
        portfolio = await portfolios.lock(connection, owner_id, portfolio_id)
        before = await cash.stated(connection, portfolio)
        after = {currency: CashBalance(currency, amount, balance_date) for currency, amount in balances.items()}
        changed = max((before[currency][1] for currency in after if currency in before), default=1)
        refuse_stale(revision, changed, portfolio.revision)
        different = [b for b in after.values() if b.currency not in before or before[b.currency][0] != b]
        if different:
            portfolio = await portfolios.advance(connection, portfolio, "cash_stated")
            await contents.state_cash(connection, portfolio, different)
        return portfolio, await contents.cash_of(connection, portfolio)

    async def retract(
        self, connection: AsyncConnection, owner_id: str, portfolio_id: str, currency: str, revision: int
    ) -> None:
        """Take back what was stated of a currency.

        Raises:
            NotFound: there is no such portfolio, it is another's, or nothing was stated.
            StaleRevision: it changed since the revision that the caller read.
        """
        portfolio = await portfolios.lock(connection, owner_id, portfolio_id)
        before = await cash.stated(connection, portfolio)
        if currency not in before:
            raise NotFound("cash balance", currency)
        refuse_stale(revision, before[currency][1], portfolio.revision)
        portfolio = await portfolios.advance(connection, portfolio, "cash_retracted")
        await cash.retract(connection, portfolio, currency)

    async def add_movement(
        self, connection: AsyncConnection, owner_id: str, portfolio_id: str, movement: CashMovement
    ) -> CashMovement:
        """State a movement, and give it as saved.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            InvalidFields: the day has not come yet, or the amount has the sign of another kind.
        """
        self._refuse_future("movement_date", movement.movement_date)
        refuse_wrong_sign(movement)
        portfolio = await portfolios.lock(connection, owner_id, portfolio_id)
        portfolio = await portfolios.advance(connection, portfolio, "cash_moved")
        await cash.add_movement(connection, portfolio, movement)
        return replace(movement, portfolio_id=portfolio_id, revision=portfolio.revision)

    async def remove_movement(
        self, connection: AsyncConnection, owner_id: str, portfolio_id: str, movement_id: str
    ) -> None:
        """Take a movement back.

        Raises:
            NotFound: there is no such portfolio or movement, or it is another's.
        """
        portfolio = await portfolios.lock(connection, owner_id, portfolio_id)
        portfolio = await portfolios.advance(connection, portfolio, "cash_movement_deleted")
        await cash.end_movement(connection, portfolio, movement_id)

    def _refuse_future(self, field: str, day: Date) -> None:
        if day > self._clock().astimezone(EXCHANGE_ZONE).date():
            raise InvalidFields([Violation(field, f"{day}", "has not come yet")])
