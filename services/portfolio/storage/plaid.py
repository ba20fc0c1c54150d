"""Logins at brokers, and what was imported through them, in PostgreSQL."""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Integer, LargeBinary, Numeric, Table, Text, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import NotFound
from services.portfolio.domain.brokerage import BrokerLine
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.storage.columns import columns, identifier, metadata, moment

items = Table(
    "plaid_items",
    metadata,
    identifier("plaid_item_id", key=True),
    identifier("owner_id"),
    *columns(item=Text, sealed_access_token=LargeBinary),
    moment("created_time"),
)
lines = Table(
    "plaid_lines",
    metadata,
    identifier("portfolio_id", key=True),
    Column("revision", Integer, primary_key=True),
    Column("line", Integer, primary_key=True),
    identifier("owner_id"),
    identifier("plaid_item_id"),
    *columns(account=Text, security=Text, ticker=Text, name=Text, security_type=Text, quantity=Numeric),
    *columns(stated_value=Numeric, counted_value=Numeric, currency=Text),
)


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A login as it is kept."""

    plaid_item_id: str
    sealed_access_token: bytes
    created_time: datetime.datetime


KEPT = (items.c.plaid_item_id, items.c.sealed_access_token, items.c.created_time)


async def keep(connection: AsyncConnection, owner_id: str, item: str, sealed: bytes) -> StoredItem:
    """Keep a login; of one that is kept already the newer token."""
    values = {"plaid_item_id": str(uuid.uuid4()), "owner_id": owner_id, "item": item, "sealed_access_token": sealed}
    statement = insert_or_update(items).values(**values, created_time=func.now())
    newer = {"sealed_access_token": statement.excluded.sealed_access_token}
    statement = statement.on_conflict_do_update(index_elements=["owner_id", "item"], set_=newer)
    return StoredItem(*(await connection.execute(statement.returning(*KEPT))).one())


async def get(connection: AsyncConnection, owner_id: str, plaid_item_id: str) -> StoredItem:
    """Give a login.

    Raises:
        NotFound: there is none, or it is another's.
    """
    own = (items.c.owner_id == owner_id) & (items.c.plaid_item_id == plaid_item_id)
    row = (await connection.execute(select(*KEPT).where(own))).one_or_none()
    if row is None:
        raise NotFound("plaid item", plaid_item_id)
    return StoredItem(*row)


async def every(connection: AsyncConnection, owner_id: str) -> list[StoredItem]:
    """Give all logins of an owner, the oldest first."""
    statement = select(*KEPT).where(items.c.owner_id == owner_id)
    ordered = statement.order_by(items.c.created_time, items.c.plaid_item_id)
    return [StoredItem(*row) for row in await connection.execute(ordered)]


async def add_lines(
    connection: AsyncConnection, portfolio: Portfolio, plaid_item_id: str, added: Sequence[BrokerLine]
) -> None:
    """Keep what an import read, as the broker stated it, with the revision that the import made."""
    rows = [
        {
            "portfolio_id": portfolio.portfolio_id,
            "revision": portfolio.revision,
            "line": number,
            "owner_id": portfolio.owner_id,
            "plaid_item_id": plaid_item_id,
            "account": line.account_id,
            "security": line.security_id,
            "ticker": line.ticker,
            "name": line.name,
            "security_type": line.security_type,
            "quantity": line.quantity,
            "stated_value": line.value,
            "counted_value": line.counted_value,
            "currency": line.currency,
        }
        for number, line in enumerate(added, 1)
    ]
    if rows:
        await connection.execute(insert(lines), rows)
