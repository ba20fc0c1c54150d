"""Factors at a date: which of them can be computed, and the closes of what stands for them."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from services.marketdata.application.history import known_version
from services.marketdata.domain.factor_prices import ProxyPrices, ProxySeries
from services.marketdata.domain.factors import AssetClass, Factors, FactorSet, benchmark, factors_at
from services.marketdata.domain.matrix import price_matrix
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.reference import ReferenceKind
from services.marketdata.domain.sessions import pin
from services.marketdata.storage import matrix, proxy_history, reference_sets, versions


@dataclass(frozen=True, slots=True)
class Definitions:
    """The factors of an asset class, and the version of the set that they stand in."""

    factor_set: FactorSet
    version: int


async def read_factors(database: Database, asset_class: AssetClass, as_of: date | None) -> Factors:
    """Say which factors of an asset class can be computed at a date.

    Args:
        database: where they are.
        asset_class: of which factors.
        as_of: None: the newest sealed session, and no factor is active where there is none.

    Raises:
        OutOfRange: the date is after the newest sealed session, or before the first.
        FailedPrecondition: a date was given, and no session was ever sealed.
    """
    async with database.transaction() as connection:
        standing, session, previous = await versions.session_on_or_before(connection, as_of)
        if as_of is None and standing.newest_sealed is None:
            found = await _definitions(connection, asset_class)
            return _factors(found, {}, None)
        day = pin(as_of, standing, session, previous).session.session_date
        factors, _ = await _read(connection, asset_class, day)
    return factors


async def read_proxy_prices(
    database: Database, asset_class: AssetClass, as_of: date | None, session_count: int, known_at_version: int = 0
) -> ProxyPrices:
    """Give the closes of what stands for the active factors, in the sessions up to a date, known at a version.

    Raises:
        OutOfRange: the date is after the newest sealed session, or before the first.
        FailedPrecondition: no session was ever sealed.
    """
    async with database.transaction() as connection:
        standing, session, previous = await versions.session_on_or_before(connection, as_of)
        pinned = pin(as_of, standing, session, previous)
        day, version = pinned.session.session_date, known_version(known_at_version, standing)
        factors, ids = await _read(connection, asset_class, day)
        series = [
            ProxySeries(factor.definition.name, symbol)
            for factor in factors.factors
            for symbol in (factor.proxy, factor.less_proxy)
            if symbol
        ]
        columns = [ids[one.symbol] for one in series]
        block = await matrix.block(connection, columns, day, session_count, version)
    closes = await asyncio.to_thread(lambda: price_matrix(*block.unpack(), PriceBasis.TOTAL_RETURN_ADJUSTED))
    return ProxyPrices(factors, series, closes, block.data_version)


async def _read(connection: AsyncConnection, asset_class: AssetClass, day: date) -> tuple[Factors, dict[str, int]]:
    """Give the factors at a session, and the instruments of the symbols that have enough history."""
    found = await _definitions(connection, asset_class)
    usable = await proxy_history.usable(connection, set(found.factor_set.symbols()), day)
    return _factors(found, usable, day), usable


async def _definitions(connection: AsyncConnection, asset_class: AssetClass) -> Definitions:
    found = await reference_sets.get(connection, ReferenceKind.FACTOR_DEFINITIONS)
    sets = (entry for entry in found.entries if isinstance(entry, FactorSet))
    return Definitions(next(one for one in sets if one.asset_class is asset_class), found.version)


def _factors(found: Definitions, usable: Collection[str], day: date | None) -> Factors:
    return Factors(factors_at(found.factor_set, usable), benchmark(found.factor_set, usable), found.version, day)
