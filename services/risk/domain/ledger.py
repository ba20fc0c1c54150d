"""A result as the ledger keeps it: the answer, and everything that it takes to compute it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One answer to one owner."""

    result_id: str
    """SHA-256, in hex."""
    owner_id: str
    kind: str
    portfolio_id: str
    portfolio_revision: int
    as_of_date: date
    pinned_data_version: int
    """The version of market data that the slices were read at."""
    model_version: str
    platform: str
    parameters: Mapping[str, Any]
    """Of the resolved request, every default filled in."""
    digests: Mapping[str, str]
    """SHA-256, in hex, of each slice that was read, by its name."""
    payload: bytes
    """The answer as serialised by the contract, without how it was served. Empty in lists."""
    calculated_time: datetime


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Which results to list, the newest first."""

    size: int
    portfolio_id: str = ""
    """Empty: of every portfolio."""
    kind: str = ""
    """Empty: of every kind."""
    before: tuple[datetime, str] | None = None
    """Time and id of the last one of the page before. None: the first page."""
