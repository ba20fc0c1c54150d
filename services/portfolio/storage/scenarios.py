"""What-if scenarios in PostgreSQL. They are changed in place; the change log keeps what they were."""

from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import AlreadyExists, NotFound
from services.portfolio.domain.scenario import Scenario, Terms
from services.portfolio.storage.portfolio_tables import scenarios


async def page(
    connection: AsyncConnection, owner_id: str, portfolio_id: str, after_name: str, size: int
) -> list[Scenario]:
    """Give an owner's scenarios whose name comes after another, by name; of a portfolio, or with none named of any."""
    statement = select(scenarios).where(scenarios.c.owner_id == owner_id, scenarios.c.name > after_name)
    if portfolio_id:
        statement = statement.where(scenarios.c.portfolio_id == portfolio_id)
    rows = await connection.execute(statement.order_by(scenarios.c.name).limit(size))
    return [_scenario(row) for row in rows]


async def get(connection: AsyncConnection, owner_id: str, scenario_id: str) -> Scenario:
    """Give a scenario.

    Raises:
        NotFound: there is none, or it is another's.
    """
    return await _one(connection, _own(owner_id, scenario_id), scenario_id)


async def lock(connection: AsyncConnection, owner_id: str, scenario_id: str) -> Scenario:
    """Give a scenario, and keep others from changing it until this transaction ends.

    Raises:
        NotFound: there is none, or it is another's.
    """
    return await _one(connection, _own(owner_id, scenario_id).with_for_update(), scenario_id)


async def count(connection: AsyncConnection, owner_id: str) -> int:
    """Give how many scenarios an owner has."""
    counted = select(func.count()).select_from(scenarios).where(scenarios.c.owner_id == owner_id)
    return await connection.scalar(counted) or 0


async def add(connection: AsyncConnection, owner_id: str, portfolio_id: str, terms: Terms) -> Scenario:
    """Add a scenario of a locked portfolio.

    Raises:
        AlreadyExists: the owner has one of that name.
    """
    values = {"owner_id": owner_id, "portfolio_id": portfolio_id, **_values(terms)}
    try:
        added = await connection.execute(insert(scenarios).values(**values).returning(*scenarios.c))
    except IntegrityError:
        raise AlreadyExists("scenario", terms.name) from None
    return _scenario(added.one())


async def change(connection: AsyncConnection, scenario: Scenario, terms: Terms) -> Scenario:
    """Give a locked scenario other terms.

    Raises:
        AlreadyExists: another of the owner's has the new name.
    """
    stated = {**_values(terms), "revision": scenario.revision + 1, "updated_time": func.now()}
    statement = update(scenarios).where(scenarios.c.scenario_id == scenario.scenario_id)
    try:
        changed = await connection.execute(statement.values(**stated).returning(*scenarios.c))
    except IntegrityError:
        raise AlreadyExists("scenario", terms.name) from None
    return _scenario(changed.one())


async def remove(connection: AsyncConnection, scenario: Scenario) -> None:
    """Delete a locked scenario."""
    await connection.execute(delete(scenarios).where(scenarios.c.scenario_id == scenario.scenario_id))


def _own(owner_id: str, scenario_id: str) -> "Select[Any]":
    return select(scenarios).where(scenarios.c.owner_id == owner_id, scenarios.c.scenario_id == scenario_id)


async def _one(connection: AsyncConnection, statement: "Select[Any]", scenario_id: str) -> Scenario:
    if row := (await connection.execute(statement)).one_or_none():
        return _scenario(row)
    raise NotFound("scenario", scenario_id)


def _values(terms: Terms) -> dict[str, object]:
    weights = dict(terms.target_weights)
    return {"name": terms.name, "description": terms.description, "target_weights": weights}


def _scenario(row: "Row[*tuple[Any, ...]]") -> Scenario:
    terms = Terms(row.name, row.description, {symbol: float(w) for symbol, w in row.target_weights.items()})
    return Scenario(row.scenario_id, row.portfolio_id, terms, row.revision, row.created_time, row.updated_time)
