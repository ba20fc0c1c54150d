"""Giving out trades of a portfolio as orders, and noting each list in the history. Nothing is sent or booked."""

import asyncio
import datetime
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.portfolio.application.import_positions import EXCHANGE_ZONE
from services.portfolio.application.valuation import Books
from services.portfolio.domain.entries import instrument_problems
from services.portfolio.domain.exports import fix_orders, order_files
from services.portfolio.domain.exports.file_names import file_name
from services.portfolio.domain.exports.fix_orders import Session
from services.portfolio.domain.exports.history import File, Scope
from services.portfolio.domain.exports.orders import Order, Trade, orders_of
from services.portfolio.domain.market import Instrument
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.ports import Clock, MarketData
from services.portfolio.storage import exports

Format = Literal["csv", "json", "fix"]
CONTENT_TYPES: Mapping[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "fix": "text/plain; charset=us-ascii",
}
MOST_VIOLATIONS = 20
"""Named in one answer, which has room for few more."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Between whom the orders of a list are, and for which account. No account: none is named."""

    sender_comp_id: str
    target_comp_id: str
    account: str


class TradeExports:
    """Gives out trades as orders."""

    def __init__(self, database: Database, marketdata: MarketData, books: Books, clock: Clock) -> None:
        self._database = database
        self._marketdata = marketdata
        self._books = books
        self._clock = clock

    async def export(
        self, owner_id: str, portfolio_id: str, trades: Sequence[Trade], kind: Format, addresses: Addresses
    ) -> File:
        """Give trades as a file of orders.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            InvalidFields: a symbol is none that can be traded, or a part of a contract is.
        """
        portfolio = await self._books.glance(owner_id, portfolio_id)
        symbols = sorted({trade.symbol for trade in trades})
        instruments = _known(trades, await self._marketdata.resolve_instruments(symbols))
        export_id = str(uuid.uuid4())
        orders = orders_of(trades, instruments, await self._owned(portfolio), export_id[:13])
        now = self._clock()
        content = await asyncio.to_thread(_rendered, orders, kind, addresses, now)
        scope = Scope(export_id, "TRADES", portfolio, kind)
        async with self._database.transaction(owner_id) as connection:
            await exports.add(connection, owner_id, scope.made(content, now))
        return File(file_name(f"{portfolio.name} trades", kind), CONTENT_TYPES[kind], content)

    async def _owned(self, portfolio: Portfolio) -> dict[int, Decimal]:
        """Give what is owned now, in the shares of today: a split since the entry counts."""
        owned: dict[int, Decimal] = defaultdict(Decimal)
        today = self._clock().astimezone(EXCHANGE_ZONE).date()
        for position in (await self._books.on(today, portfolio, data_version=0)).positions:
            owned[position.instrument_id] += position.quantity
        return owned


def _rendered(orders: Sequence[Order], kind: Format, addresses: Addresses, now: datetime.datetime) -> bytes:
    if kind == "fix":
        session = Session(addresses.sender_comp_id, addresses.target_comp_id, addresses.account, now)
        return fix_orders.render(orders, session)
    return order_files.render_json(orders) if kind == "json" else order_files.render_csv(orders)


def _known(trades: Sequence[Trade], found: Mapping[str, Instrument | str]) -> dict[str, Instrument]:
    """Give the instruments of trades.

    Raises:
        InvalidFields: one is not known or cannot be traded, or its trade is of a part of a contract.
    """
    violations: list[Violation] = []
    for place, trade in enumerate(trades):
        instrument = found[trade.symbol]
        field = f"trades[{place}]"
        if isinstance(instrument, str):
            violations.append(
                Violation(f"{field}.symbol", trade.symbol, f"is no instrument that is known: {instrument}")
            )
            continue
        problems = instrument_problems(instrument, trade.symbol)
        violations += [Violation(f"{field}.symbol", trade.symbol, problem.message) for problem in problems]
        if instrument.option and trade.quantity != trade.quantity.to_integral_value():
            violations.append(Violation(f"{field}.quantity", f"{trade.quantity}", "must be whole: it is of contracts"))
    if violations:
        raise InvalidFields(violations[:MOST_VIOLATIONS])
    return {symbol: instrument for symbol, instrument in found.items() if isinstance(instrument, Instrument)}
