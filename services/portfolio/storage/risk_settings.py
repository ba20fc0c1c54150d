"""What analyses of a portfolio are set up with, in PostgreSQL: limits, proxies and expectations, by revision."""

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import ColumnElement, Table, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.expected_return import ExpectedReturn
from services.portfolio.domain.factor_proxies import StockProxies
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.domain.risk_limits import RiskLimits
from services.portfolio.storage.account_tables import profiles
from services.portfolio.storage.portfolio_tables import expected_returns, factor_proxies, risk_limits

Since = int
"""The revision from which on something is as it is; 1 where it was never stated."""


def _valid(table: Table, portfolio: Portfolio) -> "ColumnElement[bool]":
    return (
        (table.c.portfolio_id == portfolio.portfolio_id)
        & (table.c.owner_id == portfolio.owner_id)
        & (table.c.from_revision <= portfolio.revision)
        & or_(table.c.to_revision.is_(None), table.c.to_revision > portfolio.revision)
    )


def _row(portfolio: Portfolio) -> dict[str, object]:
    return {
        "portfolio_id": portfolio.portfolio_id,
        "owner_id": portfolio.owner_id,
        "from_revision": portfolio.revision,
    }


async def _end(connection: AsyncConnection, table: Table, portfolio: Portfolio, *which: "ColumnElement[bool]") -> None:
    newest = (table.c.portfolio_id == portfolio.portfolio_id) & (table.c.owner_id == portfolio.owner_id)
    statement = update(table).where(newest, table.c.to_revision.is_(None), *which)
    await connection.execute(statement.values(to_revision=portfolio.revision))


async def limits_of(connection: AsyncConnection, portfolio: Portfolio) -> tuple[RiskLimits, Since]:
    """Give the limits of a portfolio at its revision, and since when they are so."""
    statement = select(risk_limits).where(_valid(risk_limits, portfolio))
    row = (await connection.execute(statement)).one_or_none()
    return (RiskLimits(row.limits, row.additional), row.from_revision) if row else (RiskLimits(), 1)


async def state_limits(connection: AsyncConnection, portfolio: Portfolio, limits: RiskLimits) -> None:
    """Let a portfolio have limits from its revision on."""
    await _end(connection, risk_limits, portfolio)
    if limits.stated or limits.additional:
        values = {"limits": dict(limits.stated), "additional": dict(limits.additional)}
        await connection.execute(insert(risk_limits).values(**_row(portfolio), **values))


async def adopt_limits(connection: AsyncConnection, owner_id: str, portfolio_id: str) -> None:
    """Let a portfolio that is being made begin with the limits that its owner's profile gives to new ones."""
    row = {"portfolio_id": portfolio_id, "owner_id": owner_id, "from_revision": 1}
    own = (literal(value, risk_limits.c[name].type) for name, value in row.items())
    values = (*own, profiles.c.default_risk_limits, func.jsonb_build_object())
    preferred = select(*values).where(
        profiles.c.user_id == owner_id, profiles.c.default_risk_limits != func.jsonb_build_object()
    )
    await connection.execute(insert(risk_limits).from_select([*row, "limits", "additional"], preferred))


async def proxies_of(connection: AsyncConnection, portfolio: Portfolio) -> dict[str, tuple[StockProxies, Since]]:
    """Give the stated proxies of a portfolio at its revision, by symbol, and since when they are so."""
    rows = await connection.execute(select(factor_proxies).where(_valid(factor_proxies, portfolio)))
    return {
        row.symbol: (
            StockProxies(row.market, row.momentum, row.value, row.industry, tuple(row.subindustry)),
            row.from_revision,
        )
        for row in rows
    }


async def state_proxies(
    connection: AsyncConnection, portfolio: Portfolio, stated: Mapping[str, StockProxies], reset: Iterable[str]
) -> None:
    """Let symbols have proxies, and others none, from a portfolio's revision on."""
    await _end(connection, factor_proxies, portfolio, factor_proxies.c.symbol.in_([*stated, *reset]))
    rows = [
        {
            **_row(portfolio),
            "symbol": symbol,
            "market": proxies.market,
            "momentum": proxies.momentum,
            "value": proxies.value,
            "industry": proxies.industry,
            "subindustry": list(proxies.subindustry),
        }
        for symbol, proxies in stated.items()
    ]
    if rows:
        await connection.execute(insert(factor_proxies), rows)


async def expected_of(
    connection: AsyncConnection, portfolio: Portfolio, effective_by: date | None
) -> list[ExpectedReturn]:
    """Give what was ever expected at a portfolio's revision and is effective on a day, by symbol, then by date."""
    table = expected_returns
    statement = select(table).where(_valid(table, portfolio)).order_by(table.c.symbol, table.c.effective_date)
    if effective_by is not None:
        statement = statement.where(table.c.effective_date <= effective_by)
    rows = await connection.execute(statement)
    return [ExpectedReturn(row.symbol, row.expected_return, row.effective_date, row.from_revision) for row in rows]


async def state_expected(connection: AsyncConnection, portfolio: Portfolio, stated: list[ExpectedReturn]) -> None:
    """State expectations of one day from a portfolio's revision on; what was stated of that day before ends there."""
    symbols = [expectation.symbol for expectation in stated]
    same = (expected_returns.c.effective_date == stated[0].effective_date, expected_returns.c.symbol.in_(symbols))
    await _end(connection, expected_returns, portfolio, *same)
    rows = [
        {
            **_row(portfolio),
            "symbol": expectation.symbol,
            "effective_date": expectation.effective_date,
            "expected_return": expectation.expected_return,
        }
        for expectation in stated
    ]
    await connection.execute(insert(expected_returns), rows)
