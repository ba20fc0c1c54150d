"""Prices as of a session and a version: marks, a block of closes, and the history of one symbol."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.marketdata.domain.bars import Bar
from services.marketdata.domain.matrix import PriceMatrix, align
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.prices import NO_PRICE, RAW_UNAVAILABLE, Mark, PriceBasis
from services.marketdata.domain.sessions import Standing, check_pinned
from services.marketdata.storage import instruments, prices, versions

MOST_PRICES = 4_000_000
"""Prices in one matrix at most: 32 MB on the wire."""


async def marks(database: Database, instrument_ids: Sequence[int], day: date, version: int) -> list[Mark]:
    """Say what each instrument was worth at the close of a session, as known at a version.

    Raises:
        InvalidFields: there is no such session or version.
    """
    async with database.transaction() as connection:
        found = await prices.marks(connection, instrument_ids, day, version)
    check_pinned(day, version, is_session=found.is_session, newest_version=found.newest_version)
    return found.marks


async def matrix(
    database: Database, instrument_ids: Sequence[int], day: date, session_count: int, version: int
) -> tuple[PriceMatrix, int]:
    """Give the closes of instruments in the sessions up to a day, and the newest version among them.

    Raises:
        InvalidFields: there is no such session or version, or it is more than one answer can hold.
    """
    if len(instrument_ids) * session_count > MOST_PRICES:
        rule = f"times {len(instrument_ids)} instruments is more than the {MOST_PRICES} prices of one answer"
        raise InvalidFields([Violation("sessions", str(session_count), rule)])
    async with database.transaction() as connection:
        block = await prices.block(connection, instrument_ids, day, session_count, version)
    aligned = await asyncio.to_thread(lambda: align(*block.unpack()))
    newest = aligned.session_dates[-1:].astype(object).tolist()
    check_pinned(day, version, is_session=newest == [day], newest_version=block.newest_version)
    return aligned, block.data_version


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


async def history(database: Database, asked: HistoryRequest) -> History:
    """Give the history of a symbol on one basis.

    Raises:
        NotFound: there is no such symbol.
        InvalidFields: there is no such version yet.
    """
    async with database.transaction() as connection:
        instrument = await instruments.get(connection, canonical(asked.symbol))
        standing = await versions.standing(connection)
        version = _version(asked.version, standing)
        bases = await prices.bases(connection, instrument.instrument_id, version)
        last = asked.last or standing.newest_sealed
        if reason := _unavailable(asked.basis, bases, last):
            return History(instrument.listing.symbol, version, PriceBasis.UNSPECIFIED, reason=reason)
        basis = asked.basis or bases[0]
        days = (asked.first or date.min, last or date.max)
        bars = await prices.bars(connection, instrument.instrument_id, basis, days, version, asked.limit)
    return History(instrument.listing.symbol, version, basis, bars)


def _version(asked: int, standing: Standing) -> int:
    if asked > standing.data_version:
        rule = f"does not exist yet: the newest is {standing.data_version}"
        raise InvalidFields([Violation("known_at_version", str(asked), rule)])
    return asked or standing.data_version


def _unavailable(basis: PriceBasis, bases: Sequence[PriceBasis], last: date | None) -> str:
    """Say why there is no history on a basis, or nothing if there is."""
    if not bases or last is None:
        return NO_PRICE
    if basis in (PriceBasis.UNSPECIFIED, *bases):
        return ""
    return RAW_UNAVAILABLE if basis is PriceBasis.RAW else NO_PRICE
