"""A row as it came, written so that it can be kept: valid JSON without anything that a database refuses."""

import json
import math

LONGEST = 4000
"""Characters. A longer row is kept as the beginning of its text."""
SHOWN = 100
UNREADABLE = "�"


def row_json(row: object) -> str:
    """Write a row as JSON; a number that JSON has none for, such as NaN, becomes a text."""
    text = json.dumps(_finite(row), ensure_ascii=False, default=str)
    return cleaned(text) if len(text) <= LONGEST else cleaned(json.dumps(text[:LONGEST], ensure_ascii=False))


def shown(value: object) -> str:
    """Write a value for people, cut at 100 characters."""
    return cleaned(value if isinstance(value, str) else json.dumps(_finite(value), default=str))[:SHOWN]


def cleaned(text: str) -> str:
    """Replace what is no text: NUL, as such or escaped, and halves of characters."""
    without_nul = text.replace("\0", UNREADABLE).replace("\\u0000", UNREADABLE)
    return without_nul.encode("utf-8", "replace").decode() if not without_nul.isascii() else without_nul


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
