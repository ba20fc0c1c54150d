"""A portfolio apart from its contents: whose it is, what it is called, and how often it changed."""

import datetime
from dataclasses import dataclass

from chassis.errors import InvalidFields, StaleRevision, Violation


@dataclass(frozen=True, slots=True)
class Terms:
    """What the owner may choose about a portfolio, and change."""

    name: str
    benchmark: str = ""
    start_date: datetime.date | None = None
    end_date: datetime.date | None = None

    def __post_init__(self) -> None:
        if self.start_date and self.end_date and self.end_date < self.start_date:
            rule = f"is before start_date {self.start_date}"
            raise InvalidFields([Violation("end_date", self.end_date.isoformat(), rule)])


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A portfolio at one of its revisions."""

    portfolio_id: str
    owner_id: str
    name: str
    base_currency: str
    benchmark: str
    start_date: datetime.date | None
    end_date: datetime.date | None
    revision: int
    position_count: int
    created_time: datetime.datetime
    updated_time: datetime.datetime

    @property
    def terms(self) -> Terms:
        """What the owner chose."""
        return Terms(self.name, self.benchmark, self.start_date, self.end_date)


def refuse_stale(given: int, changed: int, newest: int) -> None:
    """Refuse a change of something that is not any more as its caller read it.

    Args:
        given: the revision that the caller read. 0: the caller does not say.
        changed: the revision in which the thing became what it is.
        newest: the portfolio's newest revision.

    Raises:
        StaleRevision: it changed since.
    """
    if given and not changed <= given <= newest:
        raise StaleRevision(given, changed)
