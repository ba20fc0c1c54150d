"""A portfolio apart from its contents: whose it is, what it is called, and how often it changed."""

import datetime
from dataclasses import dataclass

from chassis.errors import InvalidFields, Violation


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
