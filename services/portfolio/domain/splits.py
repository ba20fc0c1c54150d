"""What splits make of positions: the shares of one day are not those of another, and what they are worth stays.

Whoever owns ten shares before a split of ten for one owns a hundred after it. An option becomes ten contracts at a
tenth of the strike, under another symbol, as the Options Clearing Corporation does it for whole ratios. At three for
two it changes what a contract delivers instead; we go on in fractions of a contract, which are worth the same.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from services.portfolio.domain.book import Book, CashBalance, CashMovement, Date, Position, book_on

STRIKE_UNITS = 1000
"""A strike has three decimals in a symbol."""
STRIKE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Split:
    """One split of one instrument."""

    ex_date: Date
    """First session in new shares."""
    ratio: float
    """New shares per old share."""
    priced_in: bool
    """Whether prices before that day are in new shares already, because their source adjusts them."""


Contents = tuple[Sequence[Position], Sequence[CashBalance], Sequence[CashMovement]]
"""All positions of a portfolio, its stated cash, and its movements of cash."""
Splits = Mapping[int, Sequence[Split]]
"""By instrument."""


def told_on(day: Date, position: Position, splits: Splits) -> Position:
    """Give a position in the shares that prices of a day are in; one that is closed by then, in those of its last day.

    Only quantity and entry price change, and the terms of an option, whose symbol then is that of the contract that it
    has become. What it was stays with it, as `entered`.
    """
    ratio = math.prod(split.ratio for split in _in_between(day, position, splits))
    if ratio == 1:
        return position
    exact = Decimal(repr(ratio))
    told = replace(
        position, quantity=position.quantity * exact, entry_price=position.entry_price / exact, entered=position
    )
    if position.option is None:
        return told
    terms = replace(position.option, strike=round(position.option.strike / ratio * STRIKE_UNITS) / STRIKE_UNITS)
    return replace(told, option=terms, symbol=_contract(told.symbol, terms.strike))


def _in_between(day: Date, position: Position, splits: Splits) -> Iterable[Split]:
    closed = position.closed_by(day)
    ends = (position.exit_date, position.option.expiry_date if position.option else None)
    last = min([day, *(end for end in ends if end)])
    for split in splits.get(position.underlying_instrument_id, ()):
        if position.entry_date < split.ex_date and (split.ex_date <= last or (split.priced_in and not closed)):
            yield split


def _contract(symbol: str, strike: float) -> str:
    """Give the symbol of the same contract at another strike."""
    return f"{symbol[:-STRIKE_DIGITS]}{round(strike * STRIKE_UNITS):0{STRIKE_DIGITS}d}"


def book_told_on(day: Date, contents: Contents, splits: Splits) -> Book:
    """Give what is held and what is closed at the close of a day, told in the shares of the day, and the cash then."""
    positions, cash, movements = contents
    if not splits:
        return book_on(day, positions, cash, movements)
    # What an exit brought in is the shares of that day times its price, also where it is yet to come and is undone.
    book = book_on(day, [told_on(Date.max, position, splits) for position in positions], cash, movements)
    held = [told_on(day, position.entered or position, splits) for position in book.positions]
    return replace(book, positions=tuple(held))
