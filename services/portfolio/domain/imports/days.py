"""Days as files write them. A form that could be read in two ways is not taken."""

import calendar
import datetime
import re

from services.portfolio.domain.imports.issues import RowError

Date = datetime.date
SHORT_YEAR = 2
US = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})")
ISO = re.compile(r"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})")
COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
MONTHS = {name: number for number, name in enumerate(map(str.lower, calendar.month_abbr)) if name}
NAMED = re.compile(r"([A-Za-z]{3})[a-z]*[- ]([0-9]{1,2}),?[- ]([0-9]{4})")


def iso(column: str, text: str) -> Date:
    """Give a day written as 2022-12-28, and in no other way.

    Raises:
        RowError: it is missing, or is no such day.
    """
    if not text:
        raise RowError(column, text, "missing", f"the {column.replace('_', ' ')} is missing")
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # ISO 8601 has other forms, such as 20221228 and 2022-W52-3
        raise _no_day(column, text)
    return day


def american(column: str, text: str) -> Date:
    """Give a day written as 12/28/2022, as American brokers write it.

    Raises:
        RowError: it is no such day.
    """
    found = US.fullmatch(text.strip())
    day = of_parts(found[3], found[1], found[2]) if found else None
    if day is None:
        raise _no_day(column, text, "12/28/2022")
    return day


def stamped(column: str, text: str) -> Date:
    """Give the day of `2022-12-28, 15:39:46`, `20221228;153946`, `2022-12-28` or `20221228`, as IBKR writes it.

    Raises:
        RowError: it begins with no such day.
    """
    first = re.split(r"[,; T]", text.strip(), maxsplit=1)[0]
    found = ISO.fullmatch(first) or COMPACT.fullmatch(first)
    day = _of(found[1], found[2], found[3]) if found else None
    if day is None:
        raise _no_day(column, text)
    return day


def mentioned(text: str) -> Date | None:
    """Give the last day that a sentence mentions: `Jul-12-2026`, `July 3, 2026`, `2025/05/04` or `11/15/2020`."""
    named = [(m.start(), of_parts(m[3], m[1][:3], m[2])) for m in NAMED.finditer(text)]
    iso_days = [(m.start(), _of(m[1], m[2], m[3])) for m in ISO.finditer(text)]
    us_days = [(m.start(), of_parts(m[3], m[1], m[2])) for m in US.finditer(text)]
    found = [(place, day) for place, day in [*named, *iso_days, *us_days] if day]
    return max(found)[1] if found else None


def of_parts(year: str, month: str, day: str) -> Date | None:
    """Give a day of its parts, a month by number or by name; None if there is none."""
    return _of(f"20{year}" if len(year) == SHORT_YEAR else year, MONTHS.get(month.lower(), month), day)


def _of(year: str, month: int | str, day: str) -> Date | None:
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None


def _no_day(column: str, text: str, example: str = "2022-12-28") -> RowError:
    return RowError(column, text, "not_a_date", f"this is not a date such as {example}")
