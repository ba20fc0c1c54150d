"""The history of one symbol, raw or adjusted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.marketdata.domain.adjustment import factors
from services.marketdata.domain.bars import Bar, adjusted
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.prices import ACTIONS_UNKNOWN, NO_PRICE, RAW_UNAVAILABLE, PriceBasis
from services.marketdata.domain.sessions import Standing
from services.marketdata.storage import instruments, prices, versions

RAW, TOTAL_RETURN = PriceBasis.RAW, PriceBasis.TOTAL_RETURN_ADJUSTED


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Which history of a symbol to read."""

    symbol: str
    first: date | None
    last: date | None
    """None: the newest sealed session."""
    basis: PriceBasis
    """UNSPECIFIED: whatever the source has."""
    version: int
    """To read at. 0: the newest."""
    limit: int


@dataclass(frozen=True, slots=True)
class History:
    """Bars of one symbol, oldest first, or why there are none."""

    symbol: str
    data_version: int
    price_basis: PriceBasis
    bars: Sequence[Bar] = ()
    reason: str = ""


async def history(database: Database, viewer: str, asked: HistoryRequest) -> History:
    """Give the history of a symbol on one basis.

    Raises:
        NotFound: there is no such symbol.
        InvalidFields: there is no such version yet.
    """
    async with database.transaction(viewer) as connection:
        instrument = await instruments.get(connection, canonical(asked.symbol))
        standing = await versions.standing(connection)
        version = known_version(asked.version, standing)
        stored = await prices.bases(connection, instrument.instrument_id, version)
        last = asked.last or standing.newest_sealed
        basis = asked.basis or (stored[0] if stored else RAW)
        made_of = _source(basis, stored)
        bars: Sequence[Bar] | None = None
        if made_of and last:
            days = (asked.first or date.min, last)
            bars = await prices.bars(connection, instrument.instrument_id, made_of, days, version, asked.limit)
            if basis is not made_of:
                bars = await _adjust(connection, instrument.instrument_id, version, bars, basis)
    if bars is None:
        reason = NO_PRICE if not stored or last is None else ACTIONS_UNKNOWN if made_of else RAW_UNAVAILABLE
        return History(instrument.listing.symbol, version, PriceBasis.UNSPECIFIED, reason=reason)
    return History(instrument.listing.symbol, version, basis, bars)


async def _adjust(
    connection: AsyncConnection, instrument_id: int, version: int, bars: Sequence[Bar], basis: PriceBasis
) -> list[Bar] | None:
    """Adjust raw bars for all that happened after them. None: nobody was asked what happened."""
    recorded = await prices.corporate_actions(connection, instrument_id, version)
    if not recorded.known:
        return None
    if not bars:
        return []
    # To the newest bar and not to the last one asked for: two overlapping ranges must agree where they overlap.
    days, closes = await prices.raw_closes(connection, instrument_id, bars[0].session_date, version)
    made = await asyncio.to_thread(factors, days, closes[:, None], recorded.columns())
    by = made.splits if basis is PriceBasis.SPLIT_ADJUSTED else made.total
    return adjusted(bars, by[:, 0].tolist(), made.splits[:, 0].tolist())


def known_version(asked: int, standing: Standing) -> int:
    """Give the version to read at. 0: the newest.

    Raises:
        InvalidFields: there is no such version yet.
    """
    if asked > standing.data_version:
        rule = f"does not exist yet: the newest is {standing.data_version}"
        raise InvalidFields([Violation("known_at_version", str(asked), rule)])
    return asked or standing.data_version


def _source(wanted: PriceBasis, stored: Sequence[PriceBasis]) -> PriceBasis | None:
    """Give the basis whose bars serve the basis that is wanted. None: there are none."""
    if wanted is TOTAL_RETURN and stored and (stored[0] is TOTAL_RETURN or RAW not in stored):
        return TOTAL_RETURN
    return RAW if RAW in stored else None
