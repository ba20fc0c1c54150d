"""Instruments for symbols. An option contract on a known underlying exists as soon as somebody asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chassis.database import Database
from services.marketdata.domain import occ
from services.marketdata.domain.instruments import Contract, Instrument, Kind, Listing, style_on
from services.marketdata.domain.prices import UNKNOWN_INSTRUMENT
from services.marketdata.storage import instruments

UNKNOWN_UNDERLYING = "unknown_underlying"


@dataclass(frozen=True, slots=True)
class Resolution:
    """A symbol as asked for and its instrument, or the reason why there is none."""

    symbol: str
    instrument: Instrument | None
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A symbol, and what it says by itself."""

    symbol: str
    canonical: str
    terms: occ.OptionTerms | None
    """None: it is not an option's."""
    reason: str
    """Why it cannot be any instrument's. Empty: it can."""


async def resolve(database: Database, symbols: Sequence[str], viewer: str = "") -> list[Resolution]:
    """Give the instrument of each symbol, in the order asked for; record the options that are new.

    Three statements at most, however many symbols; one where no option is new. A private instrument is found by its
    owner alone: the viewer. Empty: nobody.
    """
    asked = [_read(symbol) for symbol in symbols]
    async with database.transaction(viewer) as connection:
        known = await instruments.by_symbols(connection, _spellings(asked))
        new = _new_options(asked, known)
        if new:
            await instruments.record_options(connection, list(new.values()))
            # Read back in a statement of its own: another call may have recorded some of them in between.
            known |= await instruments.by_symbols(connection, list(new))
    return [_resolution(one, known) for one in asked]


def _read(symbol: str) -> Asked:
    canonical = occ.canonical(symbol)
    try:
        return Asked(symbol, canonical, occ.parse(canonical), "")
    except occ.ImpossibleTerms as error:
        return Asked(symbol, canonical, None, error.reason)


def _spellings(asked: Sequence[Asked]) -> set[str]:
    """Give every symbol that needs looking up, those of underlyings included."""
    return {one.canonical for one in asked} | {one.terms.underlying for one in asked if one.terms}


def _new_options(asked: Sequence[Asked], known: Mapping[str, Instrument]) -> dict[str, tuple[Listing, Contract]]:
    """Give the options to record, by symbol: those on a known underlying that are not known themselves.

    Options are everybody's, so none is recorded on an underlying that only one user may know of.
    """
    found = {}
    for one in asked:
        underlying = known.get(one.terms.underlying) if one.terms else None
        if one.terms and one.canonical not in known and underlying and not underlying.private:
            found[one.canonical] = contract_on(one.terms, underlying)
    return found


def contract_on(terms: occ.OptionTerms, underlying: Instrument) -> tuple[Listing, Contract]:
    """Give the listing and terms of an option on an instrument."""
    listing = Listing(
        symbol=terms.symbol,
        kind=Kind.OPTION,
        name=terms.name,
        exchange="",
        currency=underlying.listing.currency,
        sector=underlying.listing.sector,
        industry=underlying.listing.industry,
        multiplier=occ.MULTIPLIER,
    )
    contract = Contract(
        underlying_instrument_id=underlying.instrument_id,
        underlying_symbol=underlying.listing.symbol,
        expiry=terms.expiry,
        right=terms.right,
        strike=terms.strike,
        style=style_on(underlying.listing.kind),
    )
    return listing, contract


def _resolution(asked: Asked, known: Mapping[str, Instrument]) -> Resolution:
    instrument = known.get(asked.canonical)
    if instrument:
        return Resolution(asked.symbol, instrument, "")
    missing = UNKNOWN_UNDERLYING if asked.terms else UNKNOWN_INSTRUMENT
    return Resolution(asked.symbol, None, asked.reason or missing)
