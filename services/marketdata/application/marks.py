"""Marks: what instruments are worth at a session, as known at a version. The one place that says so."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from services.marketdata.domain.curves import Curve
from services.marketdata.domain.marks import Mark
from services.marketdata.domain.option_marks import expired_mark, mark_without_spot, option_marks
from services.marketdata.domain.option_volatility import QUOTE_SESSIONS, LiveOption, OptionMarket
from services.marketdata.domain.prices import NO_PRICE, UNKNOWN_INSTRUMENT
from services.marketdata.domain.quotes_beside import quotes_beside
from services.marketdata.domain.realised import SESSIONS
from services.marketdata.domain.sessions import check_pinned
from services.marketdata.domain.sightings import OptionQuote, Priced
from services.marketdata.domain.underlyings import underlyings
from services.marketdata.storage import matrix, sightings, yield_curves

OLDEST_CURVE = timedelta(days=31)
DIVIDENDS_SINCE = timedelta(days=366)
ON_THE_LOOP = 50
"""Options that are modelled without leaving the event loop: some five milliseconds."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Says what instruments are worth."""

    database: Database
    assumed_rate: float
    """Interest rate of option models where no Treasury yields are known."""

    async def read(self, viewer: str, instrument_ids: Sequence[int], day: date, version: int) -> list[Mark]:
        """Mark each instrument at the close of a session, in the order asked for.

        Five statements at most, however many instruments; one where none is an option.

        Args:
            viewer: whose private instruments can be seen. Empty: nobody's.
            instrument_ids: at least one.
            day: the session.
            version: to read at.

        Raises:
            InvalidFields: there is no such session or version.
        """
        async with self.database.transaction(viewer) as connection:
            found = await sightings.priced(connection, instrument_ids, day, version)
            check_pinned(day, version, is_session=found.is_session, newest_version=found.newest_version)
            options = [priced for priced in found.priced if priced.contract and priced.contract.expiry > day]
            reads = await _read_market(connection, options, day, version) if options else None
        marked: dict[int, Mark] = {}
        if reads and len(options) <= ON_THE_LOOP:
            marked = _mark_options(options, reads, day, self.assumed_rate)
        elif reads:
            marked = await asyncio.to_thread(_mark_options, options, reads, day, self.assumed_rate)
        return [marked.get(priced.instrument_id) or _mark(priced) for priced in found.priced]


@dataclass(frozen=True, slots=True)
class MarketReads:
    """What was read to value options in, before anything is worked out."""

    underlying_ids: Sequence[int]
    block: matrix.PackedBlock
    quotes: Mapping[int, OptionQuote]
    """By contract: of the options, and of what is quoted on their underlyings."""
    curve: Curve | None


async def _read_market(connection: AsyncConnection, options: Sequence[Priced], day: date, version: int) -> MarketReads:
    ids = sorted({priced.contract.underlying_instrument_id for priced in options if priced.contract})
    block = await matrix.block(connection, ids, day, SESSIONS + 1, version, day - DIVIDENDS_SINCE)
    first = block.session_dates[-QUOTE_SESSIONS - 1 :][0].item()
    option_ids = [priced.instrument_id for priced in options]
    quotes = await sightings.option_quotes(connection, option_ids, first, day, version)
    return MarketReads(ids, block, quotes, await yield_curves.newest(connection, day - OLDEST_CURVE, day, version))


def _mark_options(options: Sequence[Priced], reads: MarketReads, day: date, assumed_rate: float) -> dict[int, Mark]:
    """Mark options that have not expired. Pure work."""
    silent = {
        priced.instrument_id: priced.contract
        for priced in options
        if priced.contract and not _states_volatility(reads.quotes.get(priced.instrument_id))
    }
    market = OptionMarket(
        day=day,
        underlyings=underlyings(reads.underlying_ids, *reads.block.unpack(), reads.block.data_versions),
        own_quotes=reads.quotes,
        quotes_beside=quotes_beside(silent, reads.quotes),
        curve=reads.curve,
        assumed_rate=assumed_rate,
    )
    live = [
        LiveOption(priced.instrument_id, priced.currency, priced.contract, priced.own, priced.underlying)
        for priced in options
        if priced.contract and priced.underlying
    ]
    blind = [
        mark_without_spot(priced, day, reads.quotes.get(priced.instrument_id))
        for priced in options
        if priced.underlying is None
    ]
    return {mark.instrument_id: mark for mark in (*option_marks(live, market), *blind)}


def _states_volatility(quote: OptionQuote | None) -> bool:
    return quote is not None and quote.implied_volatility is not None


def _mark(priced: Priced) -> Mark:
    """Mark what needs no model: anything but an option, and an option that has expired."""
    if priced.contract:
        return expired_mark(priced, priced.contract)
    if (own := priced.own) is None:
        reason = NO_PRICE if priced.exists else UNKNOWN_INSTRUMENT
        return Mark(priced.instrument_id, priced.currency, reason=reason)
    return Mark(
        instrument_id=priced.instrument_id,
        currency=priced.currency,
        price=own.price,
        price_date=own.price_date,
        age_sessions=own.age_sessions,
        price_basis=own.price_basis,
        source=own.source,
        data_version=own.data_version,
    )
