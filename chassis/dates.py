"""Calendar dates as the contract writes them."""

import datetime

from chassis.errors import InvalidFields, Violation


def parse_date(field: str, text: str) -> datetime.date:
    """Read YYYY-MM-DD.

    Raises:
        InvalidFields: it is no date of the calendar; names the field and the text.
    """
    try:
        if len(text) != len("2022-12-28"):
            raise ValueError(text)
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise InvalidFields([Violation(field, text, "is not a calendar date (YYYY-MM-DD)")]) from None


def parse_optional_date(field: str, text: str) -> datetime.date | None:
    """Read YYYY-MM-DD, or nothing from an empty text."""
    return parse_date(field, text) if text else None
