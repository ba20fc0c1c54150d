"""The history of exports in PostgreSQL: lines are added and read, and never changed."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Integer, Table, Text, insert, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.exports.history import Export
from services.portfolio.storage.columns import columns, identifier, metadata, moment

table = Table(
    "exports",
    metadata,
    identifier("export_id", key=True),
    identifier("owner_id"),
    Column("kind", Text),
    identifier("portfolio_id"),
    *columns(portfolio_revision=Integer, format=Text, sections=ARRAY(Text), byte_count=BigInteger, sha256=Text),
    moment("created_time"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an export stands in the history."""

    created_time: datetime.datetime
    export_id: str


async def add(connection: AsyncConnection, owner_id: str, export: Export) -> None:
    """Note an export."""
    values = {column.name: getattr(export, column.name) for column in table.c if column.name != "owner_id"}
    await connection.execute(insert(table).values(**values | {"sections": list(export.sections)}, owner_id=owner_id))


async def page(
    connection: AsyncConnection, owner_id: str, portfolio_id: str, after: Place | None, size: int
) -> Sequence[Export]:
    """Give an owner's exports, the newest first.

    Args:
        connection: the owner's transaction.
        owner_id: whose.
        portfolio_id: only of this portfolio. Empty: of any.
        after: begin after this place. None: with the newest.
        size: at most so many.
    """
    order = (table.c.created_time, table.c.export_id)
    shown = [column for column in table.c if column.name != "owner_id"]
    statement = select(*shown).where(table.c.owner_id == owner_id).order_by(*(c.desc() for c in order)).limit(size)
    if portfolio_id:
        statement = statement.where(table.c.portfolio_id == portfolio_id)
    if after is not None:
        identifier_of = literal(after.export_id, table.c.export_id.type)
        statement = statement.where(tuple_(*order) < tuple_(literal(after.created_time), identifier_of))
    rows = await connection.execute(statement)
    return [Export(**{**row._mapping, "sections": tuple(row.sections)}) for row in rows]
