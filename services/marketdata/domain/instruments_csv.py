"""Instruments from a CSV file: symbol, kind, and where known name, exchange, currency, sector, industry, multiplier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.marketdata.domain.csv_table import Chunk, plain_number, read_chunks
from services.marketdata.domain.currencies import currency_code
from services.marketdata.domain.instruments import Kind, Listing
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.symbols import can_be_symbol

REQUIRED = ("symbol", "kind")
LISTED = {kind.value: kind for kind in (Kind.STOCK, Kind.ETF, Kind.FUND, Kind.INDEX, Kind.CRYPTO)}
"""Options say themselves what they are, and private instruments are not listed."""
CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class InstrumentsFile:
    """What a file says."""

    by_symbol: Mapping[str, Listing]
    unreadable_lines: Sequence[int]
    """Lines without a symbol, a kind, a currency or a multiplier that we know."""


def read_instruments(content: bytes) -> InstrumentsFile:
    """Read a file.

    Raises:
        InvalidRequest: the file cannot be read as a whole, or lacks a column.
    """
    listings: dict[str, Listing] = {}
    unreadable = []
    for chunk in read_chunks(content, REQUIRED):
        for place in range(len(chunk.lines)):
            listing = _listing(chunk, place)
            if listing is None:
                unreadable.append(int(chunk.lines[place]))
            else:
                listings[listing.symbol] = listing
    return InstrumentsFile(listings, unreadable)


def _listing(chunk: Chunk, place: int) -> Listing | None:
    row = {name: cell.strip() for name, cell in chunk.row(place).items()}
    symbol, kind = canonical(row["symbol"]), LISTED.get(row["kind"].upper())
    multiplier = plain_number(row.get("multiplier") or "1")
    currency = currency_code(row.get("currency") or CURRENCY)
    if kind is None or not multiplier or not currency or not can_be_symbol(symbol):
        return None
    return Listing(
        symbol=symbol,
        kind=kind,
        name=row.get("name", ""),
        exchange=row.get("exchange", ""),
        currency=currency,
        sector=row.get("sector", ""),
        industry=row.get("industry", ""),
        multiplier=multiplier,
    )
