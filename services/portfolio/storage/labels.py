"""Tags and strategies in PostgreSQL.

Names on positions are changed with `relabel`. Who changes positions locks their portfolio first and the labels after
it; `relabel` does the same with all portfolios of the owner, so that no position can keep a name that is gone.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import AlreadyExists, InvalidFields, NotFound, Violation
from services.portfolio.domain.label import MOST_LABELS, Kind, Label
from services.portfolio.storage.portfolio_tables import labels
from services.portfolio.storage.tables import portfolios, positions

NEWEST = positions.c.to_revision.is_(None)


async def page(connection: AsyncConnection, owner_id: str, kind: Kind, after_name: str, size: int) -> list[Label]:
    """Give an owner's labels of a kind whose name comes after another, by name."""
    statement = _counted(owner_id, kind).where(labels.c.name > after_name).order_by(labels.c.name).limit(size)
    return [_label(row) for row in await connection.execute(statement)]


async def get(connection: AsyncConnection, owner_id: str, kind: Kind, label_id: str) -> Label:
    """Give a label.

    Raises:
        NotFound: there is none, or it is another's.
    """
    statement = _counted(owner_id, kind).where(labels.c.label_id == label_id)
    if row := (await connection.execute(statement)).one_or_none():
        return _label(row)
    raise NotFound(kind, label_id)


async def lock(connection: AsyncConnection, owner_id: str, kind: Kind, label_id: str) -> Label:
    """Give a label, and keep others from giving it to positions until this transaction ends.

    Raises:
        NotFound: there is none, or it is another's.
    """
    own = (labels.c.owner_id == owner_id) & (labels.c.label_id == label_id)
    await connection.execute(select(labels.c.label_id).where(own).with_for_update())
    return await get(connection, owner_id, kind, label_id)


async def add(connection: AsyncConnection, owner_id: str, kind: Kind, name: str, description: str) -> Label:
    """Make a label that no position has.

    Raises:
        AlreadyExists: the owner has one of that name.
        InvalidFields: the owner has as many as a user may have.
    """
    values = {"owner_id": owner_id, "kind": kind, "name": name, "description": description}
    try:
        label_id = await connection.scalar(insert(labels).values(**values).returning(labels.c.label_id))
    except IntegrityError:
        raise AlreadyExists(kind, name) from None
    await _refuse_too_many(connection, owner_id)
    return await get(connection, owner_id, kind, str(label_id))


async def register(connection: AsyncConnection, owner_id: str, names: Sequence[tuple[Kind, str]]) -> None:
    """Make the labels that positions are given, unless they are there, and keep others from renaming them.

    Raises:
        InvalidFields: the owner would have more than a user may have.
    """
    if not names:
        return
    rows = [{"owner_id": owner_id, "kind": kind, "name": name} for kind, name in names]
    statement = upsert(labels).values(rows)
    # Updated to itself, a row that is there is locked.
    same = {"name": statement.excluded.name}
    key = [labels.c.owner_id, labels.c.kind, labels.c.name]
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=same))
    await _refuse_too_many(connection, owner_id)


async def change(connection: AsyncConnection, label: Label, name: str, description: str) -> None:
    """Give a locked label another name and description; positions keep theirs.

    Raises:
        AlreadyExists: the owner has one of that name.
    """
    statement = update(labels).where(labels.c.label_id == label.label_id)
    try:
        await connection.execute(statement.values(name=name, description=description))
    except IntegrityError:
        raise AlreadyExists(label.kind, name) from None


async def remove(connection: AsyncConnection, label: Label) -> None:
    """Delete a locked label; positions keep its name."""
    await connection.execute(delete(labels).where(labels.c.label_id == label.label_id))


async def portfolios_with(connection: AsyncConnection, owner_id: str, label: Label) -> list[str]:
    """Give the portfolios in which a position has a label now."""
    having = (positions.c.owner_id == owner_id) & NEWEST & _has(label)
    return sorted(await connection.scalars(select(positions.c.portfolio_id).where(having).distinct()))


async def relabel(connection: AsyncConnection, owner_id: str, label: Label, name: str) -> None:
    """Give every position that has a label another name for it, or with an empty one none.

    The portfolios concerned stand at the revision from which on it holds; see `portfolios.advance_all`.
    """
    having = (positions.c.owner_id == owner_id) & NEWEST & _has(label)
    of_portfolio = positions.c.portfolio_id == portfolios.c.portfolio_id
    await connection.execute(update(positions).where(having, of_portfolio).values(to_revision=portfolios.c.revision))
    # What was closed by this revision, and nothing else, is opened again with the other name.
    replaced = _replaced(label, name)
    kept = [c for c in positions.c if c.name not in ("from_revision", "to_revision", *replaced)]
    follower = select(*kept, portfolios.c.revision, *replaced.values()).join(portfolios, of_portfolio)
    closed = (positions.c.owner_id == owner_id) & (positions.c.to_revision == portfolios.c.revision)
    columns = [*(c.name for c in kept), "from_revision", *replaced]
    await connection.execute(insert(positions).from_select(columns, follower.where(closed, _has(label))))


def _has(label: Label) -> "ColumnElement[bool]":
    if label.kind == "strategy":
        return positions.c.strategy == label.name
    return positions.c.tags.contains([label.name])


def _replaced(label: Label, name: str) -> "dict[str, ColumnElement[Any]]":
    if label.kind == "strategy":
        return {"strategy": literal(name)}
    if not name:
        return {"tags": func.array_remove(positions.c.tags, label.name)}
    return {"tags": func.array_replace(positions.c.tags, label.name, name)}


def _counted(owner_id: str, kind: Kind) -> "Select[Any]":
    """Select an owner's labels of a kind, each with the number of positions that have it."""
    name = positions.c.strategy if kind == "strategy" else func.unnest(positions.c.tags)
    named = select(name.label("name")).where(positions.c.owner_id == owner_id, NEWEST).subquery()
    counts = select(named.c.name, func.count().label("count")).group_by(named.c.name).subquery()
    own = (labels.c.owner_id == owner_id) & (labels.c.kind == kind)
    count = func.coalesce(counts.c.count, 0).label("position_count")
    return select(labels, count).outerjoin(counts, counts.c.name == labels.c.name).where(own)


def _label(row: "Row[*tuple[Any, ...]]") -> Label:
    return Label(row.label_id, row.kind, row.name, row.description, row.created_time, row.position_count)


async def _refuse_too_many(connection: AsyncConnection, owner_id: str) -> None:
    counted = select(labels.c.kind, func.count()).where(labels.c.owner_id == owner_id).group_by(labels.c.kind)
    for kind, count in await connection.execute(counted):
        if count > MOST_LABELS:
            field = "strategy" if kind == "strategy" else "tags"
            rule = f"would make {count} of them: a user has at most {MOST_LABELS}"
            raise InvalidFields([Violation(field, "", rule)])
