"""Finding instruments by a piece of their symbol or name."""

from collections.abc import Sequence

from sqlalchemy import or_, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.instruments import Instrument, Kind
from services.marketdata.storage.instruments import instrument_of, select_instruments
from services.marketdata.storage.tables import instruments

NO_OPTIONS = [kind for kind in Kind if kind is not Kind.OPTION]
Place = tuple[str, int]
"""Symbol and id: a symbol may be everybody's and the viewer's own."""


async def search(
    connection: AsyncConnection, piece: str, kinds: Sequence[Kind], after: Place, limit: int
) -> list[Instrument]:
    """Give instruments by symbol.

    Args:
        connection: a transaction.
        piece: text to find in symbols and names, in any case, taken as it is written. Empty: every instrument.
        kinds: only of these. Empty: of all but options.
        after: only what comes after this place.
        limit: at most so many.
    """
    of = instruments.c
    query = (
        select_instruments()
        .where(tuple_(of.symbol, of.instrument_id) > after, of.kind.in_(kinds or NO_OPTIONS))
        .order_by(of.symbol, of.instrument_id)
        .limit(limit)
    )
    if Kind.OPTION not in kinds:
        query = query.where(of.kind != Kind.OPTION)  # which an index leaves out: there are far more of them
    if piece:
        query = query.where(or_(of.symbol.icontains(piece, autoescape=True), of.name.icontains(piece, autoescape=True)))
    return [instrument_of(row) for row in await connection.execute(query)]
