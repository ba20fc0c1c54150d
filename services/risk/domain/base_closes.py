"""Closes of foreign instruments in the base currency of a book: what every return of it is measured on.

A close times the rate of exchange of its day moves by (1 + r)(1 + r_fx) - 1, so betas, correlations and scenarios that
are made of such closes are those of the instrument to whom counts in base currency.
"""

from dataclasses import replace
from functools import lru_cache

from riskmath.exchange import ExchangeRates
from services.risk.domain.book import Book
from services.risk.domain.inputs import SLICES_KEPT, PriceHistory
from services.risk.domain.market import MarketSlice


def in_base(history: PriceHistory, book: Book, market: MarketSlice) -> PriceHistory:
    """Give a history in the base currency of a book; the same object each time, and the same as before without rates.

    A day on which no rate was told has no close: a return must not be measured to a rate of another day.
    """
    if market.rates is None:
        return history
    currency_of = dict(zip(book.held.underlying_ids, book.held.currencies, strict=True))
    currencies = tuple(currency_of.get(number, book.base_currency) for number in history.instrument_ids)
    return history if set(currencies) <= {book.base_currency} else _exchanged(history, market.rates, currencies)


@lru_cache(maxsize=SLICES_KEPT)
def _exchanged(history: PriceHistory, rates: ExchangeRates, currencies: tuple[str, ...]) -> PriceHistory:
    return replace(history, closes=history.closes * rates.told(currencies, history.session_dates))
