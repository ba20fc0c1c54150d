"""What a careful reader of an answer should know, one sentence each, always in the same order."""

from collections.abc import Iterator

from riskmath.exposure import Coverage
from services.risk.domain.book import Book
from services.risk.domain.market import STALE_SESSIONS, MarketSlice
from services.risk.domain.valuation import ValuedPositions

NAMED = 10
"""So many symbols are named in one sentence; the rest are counted."""


def caveats(book: Book, market: MarketSlice, valued: ValuedPositions, measured: Coverage) -> Iterator[str]:
    """Give the sentences: what the prices are, which are old, what cannot even be sized."""
    if market.price_basis == "total_return_adjusted":
        yield (
            "prices are adjusted for later dividends and splits (total_return_adjusted): as values of "
            f"{market.session.as_of_date} they, and profit and loss, are approximations"
        )
    if stale := _stale(book, market, valued):
        more = f" and {len(stale) - NAMED} more" if len(stale) > NAMED else ""
        yield f"prices are older than {STALE_SESSIONS} sessions: {', '.join(stale[:NAMED])}{more}"
    if count := int((~measured.sized).sum()):
        yield f"positions whose size in {book.base_currency} is not known, so that gross exposure omits them: {count}"


def _stale(book: Book, market: MarketSlice, valued: ValuedPositions) -> list[str]:
    """Symbols that are valued at a stale price, each once with the date of the price."""
    rows = zip(book.held.symbols, book.held.instrument_ids, valued.reasons, strict=True)
    found = {
        symbol: market.marks[instrument_id].price_date
        for symbol, instrument_id, reason in rows
        if not reason and market.marks[instrument_id].stale
    }
    return [f"{symbol} ({price_date})" for symbol, price_date in found.items()]
