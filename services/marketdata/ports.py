"""What marketdata needs from outside: prices, the calendar, and today's date."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Protocol

from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.instruments import Listing
from services.marketdata.domain.sessions import Session

Today = Callable[[], date]
"""The date in UTC."""


class Provider(Protocol):
    """A source of instruments and their history."""

    @property
    def name(self) -> str:
        """Name that callers ask for and bars are marked with."""
        ...

    async def listings(self, symbols: Collection[str]) -> Mapping[str, Listing]:
        """Say what the symbols stand for; one that the source does not know is left out.

        Args:
            symbols: in upper case. Empty: every symbol that the source lists.
        """
        ...

    async def daily_bars(self, symbols: Collection[str]) -> Sequence[BarSeries]:
        """Fetch the whole history of symbols that `listings` knows; one without history is left out.

        Raises:
            Unavailable: the source does not answer.
        """
        ...


class CalendarSource(Protocol):
    """Who knows when the exchange trades."""

    @property
    def version(self) -> str:
        """Version of what is known: another version may tell another future."""
        ...

    async def sessions(self, first: date, last: date) -> Sequence[Session]:
        """Give the sessions from one day to a later one, both included, in order."""
        ...
