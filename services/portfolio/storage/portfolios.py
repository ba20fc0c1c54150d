"""Portfolios in PostgreSQL. Every statement names the owner; row-level security is the second wall, not the first."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import AlreadyExists, NotFound, OutOfRange, Violation
from chassis.hot_path import HotStatement
from services.portfolio.domain.portfolio import Portfolio, Terms
from services.portfolio.storage import risk_settings
from services.portfolio.storage.tables import portfolio_revisions as revisions
from services.portfolio.storage.tables import portfolios

COLUMNS = (
    portfolios.c.portfolio_id,
    portfolios.c.owner_id,
    revisions.c.name,
    portfolios.c.base_currency,
    revisions.c.benchmark,
    revisions.c.start_date,
    revisions.c.end_date,
    revisions.c.revision,
    revisions.c.position_count,
    portfolios.c.created_time,
    revisions.c.created_time.label("updated_time"),
)


def _at(revision: "ColumnElement[int]") -> "Select[Any]":
    """Select an owner's portfolios, each at a revision."""
    joined = and_(revisions.c.portfolio_id == portfolios.c.portfolio_id, revisions.c.revision == revision)
    return select(*COLUMNS).join(revisions, joined).where(portfolios.c.owner_id == bindparam("owner"))


# Built once: these are the statements of nearly every call, and building one takes longer than running it.
NEWEST = _at(portfolios.c.revision).where(portfolios.c.portfolio_id == bindparam("id"))
AT_REVISION = _at(bindparam("revision", type_=Integer)).where(portfolios.c.portfolio_id == bindparam("id"))
PAGE = (
    _at(portfolios.c.revision)
    .where(portfolios.c.name > bindparam("after"))
    .order_by(portfolios.c.name)
    .limit(bindparam("size", type_=Integer))
)
EVERY = _at(portfolios.c.revision).order_by(portfolios.c.portfolio_id)
PINNED = (
    select(*COLUMNS)
    .join(revisions, revisions.c.portfolio_id == portfolios.c.portfolio_id)
    .where(portfolios.c.owner_id == bindparam("owner"))
    .where(tuple_(revisions.c.portfolio_id, revisions.c.revision).in_(bindparam("pins", expanding=True)))
    .order_by(portfolios.c.portfolio_id)
)


HOT_NEWEST, HOT_AT_REVISION = HotStatement(NEWEST), HotStatement(AT_REVISION)


def _portfolio(row: "Row[*tuple[Any, ...]]") -> Portfolio:
    return Portfolio(*row)  # COLUMNS stand in the order of the fields


async def glance(connection: asyncpg.Connection, owner_id: str, portfolio_id: str, revision: int = 0) -> Portfolio:
    """Give a portfolio as `get` does, on the driver itself: it begins every read of a book."""
    named = {"owner": owner_id, "id": portfolio_id}
    if revision:
        found = await HOT_AT_REVISION.fetch(connection, **named, revision=revision)
    else:
        found = await HOT_NEWEST.fetch(connection, **named)
    if found:
        return Portfolio(str(found[0][0]), str(found[0][1]), *list(found[0])[2:])
    if not revision:
        raise NotFound("portfolio", portfolio_id)
    raise _no_such_revision(revision, (await glance(connection, owner_id, portfolio_id)).revision)


def _no_such_revision(given: int, current: int) -> OutOfRange:
    absent = Violation("portfolio_revision", str(given), f"is none of the portfolio's: it has 1 to {current}")
    return OutOfRange("REVISION_OUT_OF_RANGE", absent, given=given, current=current)


async def page(connection: AsyncConnection, owner_id: str, after_name: str, size: int) -> list[Portfolio]:
    """Give an owner's portfolios whose name comes after another, by name."""
    found = await connection.execute(PAGE, {"owner": owner_id, "after": after_name, "size": size})
    return [_portfolio(row) for row in found]


async def every(connection: AsyncConnection, owner_id: str, pins: Mapping[str, int]) -> list[Portfolio]:
    """Give every portfolio of an owner at its newest revision, by id; with pins those, each at the revision named.

    Raises:
        NotFound: there is no such portfolio, or not at that revision, or it is another's.
    """
    if not pins:
        return [_portfolio(row) for row in await connection.execute(EVERY, {"owner": owner_id})]
    found = await connection.execute(PINNED, {"owner": owner_id, "pins": list(pins.items())})
    read = [_portfolio(row) for row in found]
    if missing := sorted(set(pins) - {portfolio.portfolio_id for portfolio in read}):
        raise NotFound("portfolio", missing[0])
    return read


async def get(connection: AsyncConnection, owner_id: str, portfolio_id: str, revision: int = 0) -> Portfolio:
    """Give a portfolio at a revision; 0 is the newest.

    Raises:
        NotFound: there is none, or it is another's.
        OutOfRange: it has no such revision.
    """
    named = {"owner": owner_id, "id": portfolio_id}
    if revision:
        found = await connection.execute(AT_REVISION, {**named, "revision": revision})
    else:
        found = await connection.execute(NEWEST, named)
    if row := found.one_or_none():
        return _portfolio(row)
    if revision:
        raise _no_such_revision(revision, (await get(connection, owner_id, portfolio_id)).revision)
    raise NotFound("portfolio", portfolio_id)


async def base_currencies(connection: AsyncConnection, owner_id: str, portfolio_ids: Iterable[str]) -> dict[str, str]:
    """Give the base currencies of an owner's portfolios, by id."""
    own = (portfolios.c.owner_id == owner_id) & portfolios.c.portfolio_id.in_(list(portfolio_ids))
    rows = await connection.execute(select(portfolios.c.portfolio_id, portfolios.c.base_currency).where(own))
    return {row.portfolio_id: row.base_currency for row in rows}


async def lock(connection: AsyncConnection, owner_id: str, portfolio_id: str) -> Portfolio:
    """Give a portfolio at its newest revision, and keep others from changing it until this transaction ends.

    Raises:
        NotFound: there is none, or it is another's.
    """
    own = (portfolios.c.owner_id == owner_id) & (portfolios.c.portfolio_id == portfolio_id)
    await connection.execute(select(portfolios.c.revision).where(own).with_for_update())
    return await get(connection, owner_id, portfolio_id)


async def lock_all(connection: AsyncConnection, owner_id: str) -> set[str]:
    """Keep others from changing any portfolio of an owner until this transaction ends; give their ids."""
    statement = select(portfolios.c.portfolio_id).where(portfolios.c.owner_id == owner_id)
    return set(await connection.scalars(statement.order_by(portfolios.c.portfolio_id).with_for_update()))


async def add(connection: AsyncConnection, owner_id: str, base_currency: str, terms: Terms) -> Portfolio:
    """Make an empty portfolio at revision 1.

    Raises:
        AlreadyExists: the owner has one of that name.
    """
    portfolio_id = str(uuid.uuid4())
    values = {"portfolio_id": portfolio_id, "owner_id": owner_id, "name": terms.name, "base_currency": base_currency}
    try:
        await connection.execute(insert(portfolios).values(**values, revision=1, created_time=func.now()))
    except IntegrityError:
        raise AlreadyExists("portfolio", terms.name) from None
    await _add_revision(connection, owner_id, portfolio_id, 1, terms, 0, "created")
    await risk_settings.adopt_limits(connection, owner_id, portfolio_id)
    return await get(connection, owner_id, portfolio_id)


async def revise(
    connection: AsyncConnection, portfolio: Portfolio, terms: Terms, position_count: int, change: str
) -> Portfolio:
    """Give a locked portfolio its next revision.

    Raises:
        AlreadyExists: another portfolio of the owner has the new name.
    """
    revision = portfolio.revision + 1
    statement = update(portfolios).where(portfolios.c.portfolio_id == portfolio.portfolio_id)
    try:
        await connection.execute(statement.values(name=terms.name, revision=revision))
    except IntegrityError:
        raise AlreadyExists("portfolio", terms.name) from None
    await _add_revision(connection, portfolio.owner_id, portfolio.portfolio_id, revision, terms, position_count, change)
    return await get(connection, portfolio.owner_id, portfolio.portfolio_id)


async def advance(connection: AsyncConnection, portfolio: Portfolio, change: str, opened: int = 0) -> Portfolio:
    """Give a locked portfolio its next revision, in which its contents differ: so many more positions are open."""
    return await revise(connection, portfolio, portfolio.terms, portfolio.position_count + opened, change)


async def advance_all(connection: AsyncConnection, owner_id: str, portfolio_ids: Sequence[str], change: str) -> None:
    """Give locked portfolios each its next revision, in which its contents differ and as many positions are open."""
    if not portfolio_ids:
        return
    concerned = (portfolios.c.owner_id == owner_id) & portfolios.c.portfolio_id.in_(portfolio_ids)
    await connection.execute(update(portfolios).where(concerned).values(revision=portfolios.c.revision + 1))
    replaced = {"revision": portfolios.c.revision, "change": literal(change), "created_time": func.now()}
    kept = [column for column in revisions.c if column.name not in replaced]
    before = and_(
        revisions.c.portfolio_id == portfolios.c.portfolio_id, revisions.c.revision == portfolios.c.revision - 1
    )
    following = select(*kept, *replaced.values()).join(portfolios, before).where(concerned)
    columns = [*(column.name for column in kept), *replaced]
    await connection.execute(insert(revisions).from_select(columns, following))


async def remove(connection: AsyncConnection, owner_id: str, portfolio_id: str) -> None:
    """Delete a portfolio and everything in it.

    Raises:
        NotFound: there is none, or it is another's.
    """
    own = (portfolios.c.owner_id == owner_id) & (portfolios.c.portfolio_id == portfolio_id)
    if (await connection.execute(delete(portfolios).where(own))).rowcount == 0:
        raise NotFound("portfolio", portfolio_id)


async def _add_revision(
    connection: AsyncConnection,
    owner_id: str,
    portfolio_id: str,
    revision: int,
    terms: Terms,
    position_count: int,
    change: str,
) -> None:
    values = {"portfolio_id": portfolio_id, "owner_id": owner_id, "revision": revision, "change": change}
    values |= {"name": terms.name, "benchmark": terms.benchmark, "position_count": position_count}
    values |= {"start_date": terms.start_date, "end_date": terms.end_date, "created_time": func.now()}
    await connection.execute(insert(revisions).values(**values))
