"""Instruments for symbols that are to be synced: those that nobody here knows are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from chassis.database import Database
from services.marketdata.application.asking import together, whom
from services.marketdata.application.resolve import resolve
from services.marketdata.domain.fetched import Fetched, Reason, fetched_from
from services.marketdata.domain.instruments import Instrument, Listing
from services.marketdata.domain.prices import UNKNOWN_INSTRUMENT
from services.marketdata.ports import Sources
from services.marketdata.storage import instruments


@dataclass(frozen=True, slots=True)
class Listed:
    """Symbols and what they stand for. Every symbol is in one of the two."""

    instruments: Mapping[str, Instrument]
    failed: Mapping[str, str]
    """Why there is no instrument."""

    @property
    def ids(self) -> dict[str, int]:
        """Ids of the instruments, by symbol."""
        return {symbol: instrument.instrument_id for symbol, instrument in self.instruments.items()}


async def ensure_listed(database: Database, sources: Sources, provider: str, symbols: Sequence[str]) -> Listed:
    """Give the instruments of canonical symbols, and record those that are new.

    What an instrument is costs a call to a vendor, so it is asked for once. Our own files and the operator's cost
    nothing, and may have been corrected: they are read each time.

    Args:
        database: where instruments are.
        sources: who may know.
        provider: who is asked first. Empty: those of the settings.
        symbols: everybody's.
    """
    resolved = await resolve(database, symbols)
    known = {one.symbol: one.instrument for one in resolved if one.instrument}
    impossible = {one.symbol: one.reason for one in resolved if one.reason and one.reason != UNKNOWN_INSTRUMENT}
    nameless = [s for s in symbols if s not in impossible and not (s in known and known[s].listing.name)]
    asked = await _ask_vendors(sources, provider, nameless)
    told = {**asked.found, **(await _read_files(sources, [*known, *nameless])).found}
    async with database.transaction() as connection:
        if told:
            await instruments.record_listings(connection, told.values())
        found = await instruments.by_symbols(connection, symbols)
    failed = {symbol: str(asked.failed.get(symbol, Reason.UNKNOWN_SYMBOL)) for symbol in symbols if symbol not in found}
    return Listed(found, failed | impossible)


async def _ask_vendors(sources: Sources, provider: str, symbols: Sequence[str]) -> Fetched[Listing]:
    asked = whom(sources.listings, provider) or whom(sources.listings, "")
    if asked is None:
        return fetched_from("", {}, dict.fromkeys(symbols, Reason.NO_PROVIDER))
    return await asked.source.fetch_listings(symbols) if symbols else Fetched({}, {}, {})


async def _read_files(sources: Sources, symbols: Sequence[str]) -> Fetched[Listing]:
    """Read what files say that are asked before any vendor: they are the sources that can list all they have."""
    names = list(takewhile(lambda name: name in sources.catalogues, sources.listings.order))
    answers = [await sources.listings.by_name[name].fetch_listings(symbols) for name in names]
    return together(reversed(answers))  # the first one counts
