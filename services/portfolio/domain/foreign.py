"""What of books is in another currency than they are told in, and so which rates of exchange they need."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.portfolio.domain.book import CashBalance, Position

A_LONG_WEEKEND: Final = datetime.timedelta(days=7)
"""What is entered on a day without a session has the rate of the last session before it."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """The currencies that have to be exchanged into one, and since when."""

    base_currency: str
    currencies: tuple[str, ...]
    """In order, without the base currency; at least one."""
    since: datetime.date
    """A session is there on or before the first day whose rate is needed."""


def foreign(
    base_currency: str, positions: Iterable[Position], cash: Iterable[CashBalance], day: datetime.date
) -> Foreign | None:
    """Say what is to be exchanged to tell positions and cash in a base currency on a day. None: nothing is."""
    entered = {(p.currency, p.entry_date) for p in positions if p.currency != base_currency}
    currencies = {currency for currency, _ in entered} | {balance.currency for balance in cash} - {base_currency}
    if not currencies:
        return None
    since = min([day, *(entry_date for _, entry_date in entered)])
    return Foreign(base_currency, tuple(sorted(currencies)), since - A_LONG_WEEKEND)
