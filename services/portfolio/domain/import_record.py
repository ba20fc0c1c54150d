"""What is remembered of an import, from the upload of its file to the day that somebody takes it back."""

import datetime
from dataclasses import dataclass
from typing import Literal

from services.portfolio.domain.imports.issues import Issue

State = Literal["WAITING", "COMPLETED", "UNDONE"]
MOST_WAITING = 10
"""That a user may have, each with its file."""
KEPT_FILES = 10
"""Of completed imports of a user, the newest: to try their bad rows again."""
WAITS = datetime.timedelta(days=7)
"""How long an import waits for its completion before it is forgotten."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an import goes: into a new portfolio by name, or into one that exists."""

    portfolio_id: str
    portfolio_name: str
    base_currency: str


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """An import."""

    import_id: str
    state: State
    format: str
    file_name: str
    file_date: datetime.date | None
    destination: Destination
    row_count: int
    good_count: int
    error_count: int
    positions_saved_count: int
    cash_saved_count: int
    already_imported_count: int
    portfolio_revision: int
    created_time: datetime.datetime
    completed_time: datetime.datetime | None
    undone_time: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """What was said of the rows of an import."""

    errors: list[Issue]
    warnings: list[Issue]
