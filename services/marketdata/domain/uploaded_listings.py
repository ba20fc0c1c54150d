"""What a file of bars says of instruments that nobody knows yet: kind, name, exchange, currency, sector and industry.

These columns may be missing, and all rows of a symbol say the same: its first row counts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.marketdata.domain.csv_table import Chunk, header_of, read_chunks
from services.marketdata.domain.currencies import currency_code
from services.marketdata.domain.instruments import Kind, Listing
from services.marketdata.domain.instruments_csv import CURRENCY, LISTED
from services.marketdata.domain.occ import canonical

COLUMNS = ("kind", "name", "exchange", "currency", "sector", "industry")
UNKNOWN_KIND = "unknown_kind"
NOT_A_CURRENCY = "not_a_currency"


@dataclass(frozen=True, slots=True)
class UploadedListings:
    """What the file says of the symbols, each in one of the two."""

    listings: Mapping[str, Listing]
    refused: Mapping[str, str]
    """Why there cannot be such an instrument."""


def uploaded_listings(content: bytes, symbols: Collection[str]) -> UploadedListings:
    """Read what a file says of some canonical symbols that are in it.

    Raises:
        InvalidRequest: the file cannot be read as a whole.
    """
    rows = dict.fromkeys(symbols, dict.fromkeys(COLUMNS, ""))
    if set(COLUMNS).intersection(header_of(content)):
        rows = _first_rows(content, symbols)
    listings, refused = {}, {}
    for symbol, row in rows.items():
        if reason := _flaw(row):
            refused[symbol] = reason
        else:
            listings[symbol] = _listing(symbol, row)
    return UploadedListings(listings, refused)


def _first_rows(content: bytes, symbols: Collection[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for chunk in read_chunks(content, ["symbol"]):
        # Of several rows of a symbol the one that is written last stays: the first of the chunk.
        places = {cell: place for place, cell in reversed(list(enumerate(chunk.columns["symbol"])))}
        for cell, place in places.items():
            symbol = canonical(cell)
            if symbol in symbols and symbol not in found:
                found[symbol] = _row(chunk, place)
        if len(found) == len(symbols):
            break
    return found


def _row(chunk: Chunk, place: int) -> dict[str, str]:
    return {name: chunk.columns[name][place].strip() if name in chunk.columns else "" for name in COLUMNS}


def _flaw(row: Mapping[str, str]) -> str:
    if row["kind"] and row["kind"].upper() not in LISTED:
        return UNKNOWN_KIND
    if row["currency"] and not currency_code(row["currency"]):
        return NOT_A_CURRENCY
    return ""


def _listing(symbol: str, row: Mapping[str, str]) -> Listing:
    return Listing(
        symbol=symbol,
        kind=LISTED[row["kind"].upper()] if row["kind"] else Kind.STOCK,
        name=row["name"][:200],
        exchange=row["exchange"].upper(),
        currency=currency_code(row["currency"] or CURRENCY),
        sector=row["sector"][:100],
        industry=row["industry"][:100],
        multiplier=1.0,
    )
