"""Vendors' rows, JSON objects, into typed values: a row that does not fit is rejected, and the others go on."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar

from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.domain.currencies import currency_code
from services.marketdata.domain.fetched import Reason, RejectedRow, RowKind
from services.marketdata.domain.row_json import row_json, shown

R = TypeVar("R")
Row = Mapping[str, object]
MILLISECOND = 1e-3
NANOSECOND = 1e-9
LONGEST_TEXT = 500
"""Characters of a name or a sector; none is nearly as long."""
NO_TEXT = re.compile(r"[\0\ud800-\udfff]")
"""NUL and halves of characters, which JSON can say and neither PostgreSQL nor UTF-8 can hold."""


class BadField(Exception):
    """A field that is not what it should be."""

    def __init__(self, name: str, value: object, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.value, self.reason = name, value, reason


@dataclass(slots=True)
class RowReader:
    """Reads the rows of one symbol and remembers those that could not be read."""

    source: str
    kind: RowKind
    symbol: str
    rejected: list[RejectedRow] = field(default_factory=list)

    def read(self, rows: Iterable[object], day_of: Callable[[Row], date], read: Callable[[Row, date], R]) -> list[R]:
        """Read rows, each with its day."""
        values = []
        for row in rows:
            day = None
            try:
                if not isinstance(row, dict):
                    raise BadField("", row, "not_an_object")
                day = day_of(row)
                values.append(read(row, day))
            except BadField as bad:
                self._reject(row, day, bad)
        return values

    def _reject(self, row: object, day: date | None, bad: BadField) -> None:
        self.rejected.append(
            RejectedRow(
                kind=self.kind,
                symbol=self.symbol,
                row_date=day,
                row_json=row_json(row),
                source=self.source,
                reason=bad.reason,
                field=bad.name,
                value=shown(bad.value),
            )
        )


@contextmanager
def whole() -> Iterator[None]:
    """Read what stands or falls as a whole: a bad field makes the answer malformed, and there is nothing to set aside.

    Raises:
        FetchFailed: a field was bad.
    """
    try:
        yield
    except BadField as bad:
        raise FetchFailed(Reason.MALFORMED, f"{bad.name!r} is {bad.reason}") from None


def rows_of(page: Row, name: str) -> list[object]:
    """Give the list of rows in a page; one that is not there is empty.

    Raises:
        FetchFailed: it is no list.
    """
    rows = page.get(name)
    if rows is None:
        return []
    if not isinstance(rows, list):
        raise FetchFailed(Reason.MALFORMED, f"{name!r} is a {type(rows).__name__}, no list")
    return rows


def number_or_none(row: Row, name: str) -> float | None:
    """Give a number, or None where the vendor gives none."""
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadField(name, value, "not_a_number")
    try:
        number = float(value)
    except OverflowError:
        raise BadField(name, str(value)[:40], "not_a_number") from None
    if not math.isfinite(number):
        raise BadField(name, value, "not_a_number")
    return number


def number(row: Row, name: str) -> float:
    """Give a number that must be there."""
    value = number_or_none(row, name)
    if value is None:
        raise BadField(name, None, "missing")
    return value


def number_or_nan(row: Row, name: str) -> float:
    """Give a number, or NaN where the vendor gives none, as columns hold it."""
    value = number_or_none(row, name)
    return math.nan if value is None else value


def text(row: Row, name: str) -> str:
    """Give a text that a database takes; one that is not there is empty."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or NO_TEXT.search(value):
        raise BadField(name, value, "not_a_text")
    return value.strip()


def currency(row: Row, *names: str, default: str = "") -> str:
    """Give the code of a currency.

    Args:
        row: the row.
        names: fields that may name it; the first that is there counts.
        default: where none is. Empty: there must be one.
    """
    for name in names:
        if said := text(row, name):
            break
    code = currency_code(said or default)
    if not code:  # a price in nobody knows what is none
        raise BadField(name, said, "not_a_currency" if said else "missing")
    return code


def part(row: Row, name: str) -> Row:
    """Give an object inside; one that is not there is empty."""
    value = row.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadField(name, value, "not_an_object")
    return value


def iso_day(row: Row, name: str) -> date:
    """Give a day written as 2024-01-31."""
    value = row.get(name)
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:  # ISO 8601 has other forms
        raise BadField(name, value, "unreadable_date")
    return day


def moment(row: Row, name: str, unit: float) -> datetime:
    """Give a moment written as a count of units, in seconds, since 1970."""
    count = number(row, name)
    try:
        return datetime.fromtimestamp(count * unit, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadField(name, count, "unreadable_date") from None
