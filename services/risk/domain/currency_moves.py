"""The currencies of a book as what it follows beside its instruments: cash in them moves with their rates of exchange.

A foreign share is exchanged with its price, in the returns of its closes in base currency. An option is not: of its
price all is exchanged, but only the delta of it moves with the share.
"""

import math
from dataclasses import replace

import numpy as np

from riskmath.returns import simple_returns
from services.risk.domain.book import Book
from services.risk.domain.inputs import Inputs
from services.risk.domain.market import MarketSlice
from services.risk.domain.moves import Moves
from services.risk.domain.underlyings import Underlyings


def with_currencies(inputs: Inputs, moved: Moves, lookback_days: int, at_least: int) -> tuple[Moves, tuple[str, ...]]:
    """Add the currencies that cash and options are in, and name those whose rates have too short a history."""
    exposed = _exposures(inputs, moved)
    if inputs.market.rates is None or not exposed:
        return moved, ()
    dates = moved.dates or tuple(inputs.market.rates.session_dates.tolist())
    names = sorted(exposed)
    returns = simple_returns(inputs.market.rates.told(names, dates))
    enough = (~np.isnan(returns[-lookback_days:])).sum(axis=0) >= at_least
    kept = np.flatnonzero(enough).tolist()
    short = [name for name, is_enough in zip(names, enough.tolist(), strict=True) if not is_enough]
    own = moved.returns if moved.dates else np.empty((len(returns), 0))
    everything = Underlyings(
        symbols=moved.underlyings.symbols + tuple(f"CUR:{names[place]}" for place in kept),
        instrument_ids=moved.underlyings.instrument_ids + tuple(currency_id(inputs.book, names[p]) for p in kept),
        exposure=np.concatenate([moved.underlyings.exposure, [exposed[names[place]] for place in kept]]),
    )
    told = f"currencies whose rates have too short a history, so that cash in them counts as still: {', '.join(short)}"
    found = replace(moved, underlyings=everything, returns=np.hstack([own, returns[:, kept]]), dates=dates)
    return found, (told,) if short else ()


def currency_id(book: Book, currency: str) -> int:
    """Give what stands for a currency among the ids of instruments, which are above 0."""
    return -1 - sorted(currencies_of(book)).index(currency)


def currencies_of(book: Book) -> set[str]:
    """Give the currencies of cash and held positions, without the base currency."""
    return {*(balance.currency for balance in book.cash), *book.held.currencies} - {book.base_currency}


def foreign_cash(book: Book, market: MarketSlice) -> dict[str, float]:
    """Give the cash in each other currency, in base currency; none where its rate is not known."""
    day, rates = market.session.as_of_date, market.exchange(book.base_currency)
    foreign = [balance for balance in book.cash if balance.currency != book.base_currency]
    fx = rates.at([balance.currency for balance in foreign], [day] * len(foreign)).tolist()
    amounts = {balance.currency: balance.amount * rate for balance, rate in zip(foreign, fx, strict=True)}
    return {currency: amount for currency, amount in amounts.items() if not math.isnan(amount) and amount}


def _exposures(inputs: Inputs, moved: Moves) -> dict[str, float]:
    """Give what the book gains when a currency doubles and closes in base currency stay, by currency."""
    held, valued = inputs.book.held, moved.assessed.valued
    exposed = foreign_cash(inputs.book, inputs.market)
    for row in np.flatnonzero(held.is_option & ~np.isnan(valued.exposure)).tolist():
        if (currency := held.currencies[row]) != inputs.book.base_currency:
            beside = float(valued.market_value[row] - valued.exposure[row])
            exposed[currency] = exposed.get(currency, 0.0) + beside
    return exposed
