"""Calendar dates as the contract writes them."""

import datetime

from chassis.errors import InvalidFields, Violation


def parse_date(field: str, text: str) -> datetime.date:
    """Read YYYY-MM-DD.

    Raises:
        InvalidFields: it is no date of the calendar; names the field and the text.
    """
    try:
        date = datetime.date.fromisoformat(text)
    except ValueError:
        date = None
    if date is None or date.isoformat() != text:  # ISO 8601 has other forms, such as 20221228 and 2022-W52-3
        raise InvalidFields([Violation(field, text, "is not a calendar date (YYYY-MM-DD)")])
    return date


def parse_optional_date(field: str, text: str) -> datetime.date | None:
    """Read YYYY-MM-DD, or nothing from an empty text."""
    return parse_date(field, text) if text else None
