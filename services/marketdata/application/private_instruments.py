"""Making an instrument that only its owner knows."""

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import AlreadyExists, InvalidFields, Violation
from services.marketdata.application.upload_targets import MOST_PRIVATE
from services.marketdata.domain.instruments import Instrument, Listing
from services.marketdata.domain.private_symbols import can_be_private
from services.marketdata.storage import instruments, private_instruments


async def create(connection: AsyncConnection, owner_id: str, listing: Listing) -> Instrument:
    """Make an instrument of the viewer's.

    Args:
        connection: a transaction of the owner's.
        owner_id: the owner.
        listing: what the owner says of it.

    Raises:
        InvalidFields: its symbol is one that everybody knows, or reads as an option's, or the owner has too many.
        AlreadyExists: the owner has one of this symbol.
    """
    symbol = listing.symbol
    if not can_be_private(symbol):
        raise _refused(symbol, "reads as that of an option")
    known = (await instruments.by_symbols(connection, [symbol])).get(symbol)
    if known and not known.private:
        raise _refused(symbol, "is one that everybody knows")
    if known:
        raise AlreadyExists("private instrument", symbol)
    if await private_instruments.count(connection) >= MOST_PRIVATE:
        raise _refused(symbol, f"is one too many: {MOST_PRIVATE} private instruments are the most")
    if not await private_instruments.create(connection, owner_id, [listing]):  # another call was faster
        raise AlreadyExists("private instrument", symbol)
    return await instruments.get(connection, symbol)


def _refused(symbol: str, rule: str) -> InvalidFields:
    return InvalidFields([Violation("symbol", symbol, rule)])
