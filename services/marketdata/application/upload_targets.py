"""Which instruments the bars of a file are of: everybody's if an admin brings them, else the user's own."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chassis.database import Database
from services.marketdata.application.resolve import resolve
from services.marketdata.domain.instruments import Instrument, Kind, Listing
from services.marketdata.domain.prices import UNKNOWN_INSTRUMENT
from services.marketdata.domain.private_symbols import can_be_private
from services.marketdata.domain.uploaded_listings import uploaded_listings
from services.marketdata.storage import instruments, private_instruments

KNOWN_TO_EVERYBODY = "known_to_everybody"
"""Its prices are not a user's to say."""
NO_PRIVATE_SYMBOL = "not_a_private_symbol"
TOO_MANY = "too_many_private_instruments"
MOST_PRIVATE = 1_000
"""Private instruments of one user."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The instruments of symbols. Every symbol is in one of the two."""

    instruments: Mapping[str, Instrument]
    refused: Mapping[str, str]
    """Why bars of a symbol are not taken."""


async def everybodys(database: Database, content: bytes, symbols: Collection[str]) -> Targets:
    """Give everybody's instruments of canonical symbols; those that are new are made from what the file says.

    Raises:
        InvalidRequest: the file cannot be read as a whole.
    """
    resolved = await resolve(database, list(symbols))
    unknown = [one.symbol for one in resolved if one.reason == UNKNOWN_INSTRUMENT]
    refused = {one.symbol: one.reason for one in resolved if one.reason and one.reason != UNKNOWN_INSTRUMENT}
    if unknown:
        told = await asyncio.to_thread(uploaded_listings, content, unknown)
        refused |= told.refused
        async with database.transaction() as connection:
            await instruments.record_listings(connection, told.listings.values())
    async with database.transaction() as connection:
        return Targets(await instruments.by_symbols(connection, symbols), refused)


async def owners(database: Database, owner_id: str, symbols: Collection[str]) -> Targets:
    """Give the user's own instruments of canonical symbols; those that are new are made."""
    async with database.transaction(owner_id) as connection:
        known = await instruments.by_symbols(connection, symbols)
        room = MOST_PRIVATE - await private_instruments.count(connection)
        refused = {symbol: KNOWN_TO_EVERYBODY for symbol, one in known.items() if not one.private}
        new = [symbol for symbol in symbols if symbol not in known]
        refused |= {symbol: NO_PRIVATE_SYMBOL for symbol in new if not can_be_private(symbol)}
        possible = [symbol for symbol in new if symbol not in refused]
        refused |= dict.fromkeys(possible[max(room, 0) :], TOO_MANY)
        await private_instruments.create(connection, owner_id, map(private_listing, possible[: max(room, 0)]))
        found = await instruments.by_symbols(connection, symbols)
    return Targets({symbol: one for symbol, one in found.items() if one.private}, refused)


def private_listing(
    symbol: str, name: str = "", currency: str = "USD", sector: str = "", industry: str = ""
) -> Listing:
    """Give what an owner says of an instrument."""
    return Listing(
        symbol=symbol,
        kind=Kind.PRIVATE,
        name=name,
        exchange="",
        currency=currency,
        sector=sector,
        industry=industry,
        multiplier=1.0,
    )
