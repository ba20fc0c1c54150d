"""What the risk service needs from outside, as its use cases see it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from services.risk.domain.book import Book
from services.risk.domain.market import Mark, Session


class Books(Protocol):
    """The portfolios of users."""

    async def read(self, portfolio_id: str, revision: int, as_of_date: date) -> Book:
        """Give the caller's book at one revision (0: the newest) and one day.

        Raises:
            NOT_FOUND: there is no such portfolio, or it is not the caller's.
            OUT_OF_RANGE: it has no such revision.
        """
        ...


class Market(Protocol):
    """The prices of instruments."""

    async def resolve(self, as_of_date: date | None) -> Session:
        """Give the session that a day means (None: the newest sealed one), and the version known now.

        Raises:
            FAILED_PRECONDITION: no session was ever sealed.
            OUT_OF_RANGE: the day is before the first or after the newest sealed session.
        """
        ...

    async def marks(self, instrument_ids: Sequence[int], session: Session) -> Mapping[int, Mark]:
        """Give the mark of every instrument named, by instrument, at the session and its version."""
        ...
