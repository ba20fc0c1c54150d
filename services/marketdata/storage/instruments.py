"""Instruments: looked up by symbol or id, and recorded.

A symbol has one row whoever records it first, and two who record it at once: inserts go in the order of symbols, so
they wait for each other and never deadlock.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import NotFound
from services.marketdata.domain.instruments import Contract, Instrument, Kind, Listing, Right, Style
from services.marketdata.storage.tables import instruments

# What is known already is left out first: an insert that ends in a conflict would use up an id.
RECORD_LISTINGS = text("""
    INSERT INTO instruments (symbol, kind, name, exchange, currency, sector, industry, multiplier)
    SELECT told.* FROM unnest(
        CAST(:symbol AS text[]), CAST(:kind AS text[]), CAST(:name AS text[]), CAST(:exchange AS text[]),
        CAST(:currency AS text[]), CAST(:sector AS text[]), CAST(:industry AS text[]),
        CAST(:multiplier AS double precision[])
    ) AS told (symbol, kind, name, exchange, currency, sector, industry, multiplier)
    WHERE NOT EXISTS (
        SELECT FROM instruments AS known
        WHERE (known.symbol, known.kind, known.name, known.exchange, known.currency, known.sector, known.industry,
            known.multiplier) = (told.symbol, told.kind, told.name, told.exchange, told.currency, told.sector,
            told.industry, told.multiplier) AND known.owner_id IS NULL)
    ORDER BY told.symbol
    ON CONFLICT (symbol, owner_id) DO UPDATE SET
        (kind, name, exchange, currency, sector, industry, multiplier) = (
            excluded.kind, excluded.name, excluded.exchange, excluded.currency, excluded.sector, excluded.industry,
            excluded.multiplier)
    """)
RECORD_OPTIONS = text("""
    INSERT INTO instruments (symbol, kind, name, exchange, currency, sector, industry, multiplier,
        underlying_instrument_id, expiry_date, option_right, strike, exercise_style)
    SELECT symbol, 'OPTION', name, '', currency, '', '', multiplier, underlying, expiry, option_right, strike, style
    FROM unnest(
        CAST(:symbol AS text[]), CAST(:name AS text[]), CAST(:currency AS text[]),
        CAST(:multiplier AS double precision[]), CAST(:underlying AS integer[]), CAST(:expiry AS date[]),
        CAST(:option_right AS text[]), CAST(:strike AS double precision[]), CAST(:style AS text[])
    ) AS told (symbol, name, currency, multiplier, underlying, expiry, option_right, strike, style)
    ORDER BY symbol
    ON CONFLICT (symbol, owner_id) DO NOTHING
    """)


async def by_symbols(connection: AsyncConnection, symbols: Collection[str]) -> dict[str, Instrument]:
    """Give the instruments that exist among canonical symbols, by symbol.

    Of two with one symbol the viewer's own counts: it was there before everybody's, which the viewer could not have
    made.
    """
    query = select_instruments().where(instruments.c.symbol == func.any(bindparam("symbols")))
    query = query.order_by(instruments.c.owner_id.asc().nulls_first())  # the last one of a symbol is kept
    rows = await connection.execute(query, {"symbols": list(symbols)})
    return {row.symbol: instrument_of(row) for row in rows}


async def get(connection: AsyncConnection, symbol: str) -> Instrument:
    """Give the instrument of a canonical symbol.

    Raises:
        NotFound: there is none.
    """
    found = await by_symbols(connection, [symbol])
    if symbol not in found:
        raise NotFound("instrument", symbol)
    return found[symbol]


async def by_ids(connection: AsyncConnection, instrument_ids: Collection[int]) -> list[Instrument]:
    """Give the instruments that exist among ids, in the order of ids."""
    query = select_instruments().where(instruments.c.instrument_id == func.any(bindparam("ids")))
    rows = await connection.execute(query.order_by(instruments.c.instrument_id), {"ids": list(instrument_ids)})
    return [instrument_of(row) for row in rows]


async def record_listings(connection: AsyncConnection, listings: Iterable[Listing]) -> None:
    """Record what a source says of instruments; what it said before is replaced."""
    told = list(listings)
    columns = ("symbol", "kind", "name", "exchange", "currency", "sector", "industry", "multiplier")
    await connection.execute(RECORD_LISTINGS, {column: [getattr(one, column) for one in told] for column in columns})


async def record_options(connection: AsyncConnection, options: Sequence[tuple[Listing, Contract]]) -> None:
    """Record option contracts; one that is known already stays as it is."""
    await connection.execute(
        RECORD_OPTIONS,
        {
            "symbol": [listing.symbol for listing, _ in options],
            "name": [listing.name for listing, _ in options],
            "currency": [listing.currency for listing, _ in options],
            "multiplier": [listing.multiplier for listing, _ in options],
            "underlying": [contract.underlying_instrument_id for _, contract in options],
            "expiry": [contract.expiry for _, contract in options],
            "option_right": [contract.right for _, contract in options],
            "strike": [contract.strike for _, contract in options],
            "style": [contract.style for _, contract in options],
        },
    )


def select_instruments() -> Select[Any]:
    """Select instruments; an option has the sector and industry of its underlying."""
    underlying = instruments.alias("underlying")
    own = instruments.c
    return select(
        *(own[name] for name in ("instrument_id", "symbol", "kind", "name", "exchange", "currency", "multiplier")),
        func.coalesce(underlying.c.sector, own.sector).label("sector"),
        func.coalesce(underlying.c.industry, own.industry).label("industry"),
        own.underlying_instrument_id,
        underlying.c.symbol.label("underlying_symbol"),
        *(own[name] for name in ("expiry_date", "option_right", "strike", "exercise_style")),
    ).outerjoin_from(instruments, underlying, own.underlying_instrument_id == underlying.c.instrument_id)


def instrument_of(row: Row[Any]) -> Instrument:
    """Read an instrument from a row of `select_instruments`."""
    listing = Listing(
        symbol=row.symbol,
        kind=Kind(row.kind),
        name=row.name,
        exchange=row.exchange,
        currency=row.currency,
        sector=row.sector,
        industry=row.industry,
        multiplier=row.multiplier,
    )
    return Instrument(row.instrument_id, listing, contract_of(row) if listing.kind is Kind.OPTION else None)


def contract_of(row: Row[Any]) -> Contract:
    """Read the terms of an option from a row that has their columns."""
    return Contract(
        underlying_instrument_id=row.underlying_instrument_id,
        underlying_symbol=row.underlying_symbol,
        expiry=row.expiry_date,
        right=Right(row.option_right),
        strike=row.strike,
        style=Style(row.exercise_style),
    )
