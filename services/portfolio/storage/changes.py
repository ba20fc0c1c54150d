"""The change log in PostgreSQL, which writes it itself (migrations/versions/0013_changes.py); here it is read."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.change import Change, Value
from services.portfolio.storage.portfolio_tables import changes

EMPTY = ("", "[]", "{}")


def _as_texts(column: "ColumnElement[Any]") -> "ColumnElement[Any]":
    """Give a value with every field as text: numbers as they were stored, lists and maps as JSON."""
    fields = func.jsonb_each_text(column).table_valued("key", "value")
    return select(func.jsonb_object_agg(fields.c.key, fields.c.value)).scalar_subquery().label(column.key)


VALUES = ("old_value", "new_value")
COLUMNS = [_as_texts(column) if column.name in VALUES else column for column in changes.c]


async def knows(connection: AsyncConnection, owner_id: str, portfolio_id: str) -> bool:
    """Say whether an owner's portfolio ever changed, be it there or deleted."""
    of_portfolio = (changes.c.owner_id == owner_id) & (changes.c.portfolio_id == portfolio_id)
    return await connection.scalar(select(changes.c.change_id).where(of_portfolio).limit(1)) is not None


async def page(
    connection: AsyncConnection,
    owner_id: str,
    portfolio_id: str,
    subjects: Sequence[str],
    subject_id: str,
    before: int | None,
    size: int,
) -> list[Change]:
    """Give an owner's changes, the newest first.

    Args:
        connection: the owner's transaction.
        owner_id: whose changes.
        portfolio_id: only of this portfolio. Empty: of any, and of what is in none.
        subjects: only of these kinds of things. Empty: of any.
        subject_id: only of this thing. Empty: of any.
        before: only with a smaller id. None: from the newest.
        size: at most so many.
    """
    statement = select(*COLUMNS).where(changes.c.owner_id == owner_id).order_by(changes.c.change_id.desc()).limit(size)
    if portfolio_id:
        statement = statement.where(changes.c.portfolio_id == portfolio_id)
    if subjects:
        statement = statement.where(changes.c.subject.in_(subjects))
    if subject_id:
        statement = statement.where(changes.c.subject_id == subject_id)
    if before is not None:
        statement = statement.where(changes.c.change_id < before)
    return [_change(row) for row in await connection.execute(statement)]


def _change(row: "Row[*tuple[Any, ...]]") -> Change:
    return Change(
        change_id=row.change_id,
        change_time=row.change_time,
        actor_id=row.actor_id,
        reason=row.reason,
        portfolio_id=row.portfolio_id or "",
        revision=row.revision or 0,
        subject=row.subject,
        subject_id=row.subject_id,
        old_value=_value(row.old_value),
        new_value=_value(row.new_value),
    )


def _value(found: dict[str, str | None] | None) -> Value | None:
    return None if found is None else {field: None if text in EMPTY else text for field, text in found.items()}
