"""What a careful reader of an answer should know, one sentence each, always in the same order."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from riskmath.exposure import Coverage
from services.risk.domain.book import Book
from services.risk.domain.market import STALE_SESSIONS, MarketSlice
from services.risk.domain.valuation import ValuedPositions

NAMED = 10
"""So many symbols are named in one sentence; the rest are counted."""
IN_WORDS = {
    "quote": "that of their own quotes of earlier days",
    "chain": "that of the contracts quoted next to them",
    "realised_90d": "that of their underlyings over 90 sessions",
}


def caveats(book: Book, market: MarketSlice, valued: ValuedPositions, measured: Coverage) -> Iterator[str]:
    """Give the sentences: what the prices are, which are old, what cannot even be sized."""
    if market.price_basis == "total_return_adjusted":
        yield (
            "prices are adjusted for later dividends and splits (total_return_adjusted): as values of "
            f"{market.session.as_of_date} they, and profit and loss, are approximations"
        )
    if stale := _stale(book, market, valued):
        yield f"prices are older than {STALE_SESSIONS} sessions: {named_first(stale)}"
    yield from _of_currencies(book, market, valued)
    yield from _of_options(book, market, valued)
    if count := int((~measured.sized).sum()):
        yield f"positions whose size in {book.base_currency} is not known, so that gross exposure omits them: {count}"


def _of_currencies(book: Book, market: MarketSlice, valued: ValuedPositions) -> Iterator[str]:
    """Which rates of exchange are old, and where that of the entry is missing."""
    counted = {currency for currency, reason in zip(book.held.currencies, valued.reasons, strict=True) if not reason}
    counted |= {balance.currency for balance in book.cash}
    if market.rates:
        ages = dict(zip(market.rates.currencies, market.rates.ages[-1].tolist(), strict=True))
        if stale := sorted(currency for currency in counted if ages.get(currency, 0) > STALE_SESSIONS):
            yield f"rates of exchange are older than {STALE_SESSIONS} sessions: {', '.join(stale)}"
    if count := int((np.isnan(valued.pnl) & ~np.isnan(valued.market_value)).sum()):
        # Word for word what the portfolio service says of the same positions.
        yield f"positions without profit and loss, as no rate of exchange of their entry is known: {count}"


def _of_options(book: Book, market: MarketSlice, valued: ValuedPositions) -> Iterator[str]:
    """What models had to assume, and what has expired."""
    rows = zip(book.held.symbols, book.held.instrument_ids, valued.reasons, strict=True)
    counted = {symbol: market.marks[instrument_id] for symbol, instrument_id, reason in rows if not reason}
    modelled = [mark.option for mark in counted.values() if mark.option and mark.source == "model"]
    live = [mark.option for mark in counted.values() if mark.option and not mark.option.expired]
    if modelled:
        sources = Counter(option.volatility_source for option in modelled)
        named = ", ".join(f"{IN_WORDS.get(source, source)} ({count})" for source, count in sorted(sources.items()))
        yield f"options valued by a model: {len(modelled)}; their volatility is {named}"
    if rates := sorted({option.rate for option in live if option.rate_source == "assumed"}):
        yield f"no Treasury yields are known: options are valued at an assumed rate of {100 * rates[0]:.4g} %"
    if count := sum(option.dividend_yield_source == "assumed_zero" for option in live):
        yield f"dividend yields of underlyings are not known, and taken to be 0, for options: {count}"
    if expired := [symbol for symbol, mark in counted.items() if mark.option and mark.option.expired]:
        yield (
            "options that have expired count with what they were worth then, and shares delivered are not followed: "
            f"{named_first(expired)}"
        )


def named_first(symbols: Sequence[str]) -> str:
    """Give symbols as text, the first ones by name and the others by number."""
    more = f" and {len(symbols) - NAMED} more" if len(symbols) > NAMED else ""
    return ", ".join(symbols[:NAMED]) + more


def _stale(book: Book, market: MarketSlice, valued: ValuedPositions) -> list[str]:
    """Symbols that are valued at a stale price, each once with the date of the price."""
    rows = zip(book.held.symbols, book.held.instrument_ids, valued.reasons, strict=True)
    found = {
        symbol: market.marks[instrument_id].price_date
        for symbol, instrument_id, reason in rows
        if not reason and market.marks[instrument_id].stale
    }
    return [f"{symbol} ({price_date})" for symbol, price_date in found.items()]
