"""A row as it came, written so that it can be kept: valid JSON without anything that a database refuses."""

import json
import math

LONGEST = 4000
"""Characters. A longer row is kept as the beginning of its text."""
SHOWN = 100
NO_CHARACTER = "\ufffd"


def row_json(row: object) -> str:
    """Write a row as JSON; a number that JSON has none for, such as NaN, becomes a text."""
    try:
        text = json.dumps(_plain(row), ensure_ascii=False)
    except RecursionError:
        return '"nested too deeply to be shown"'
    return text if len(text) <= LONGEST else json.dumps(text[:LONGEST], ensure_ascii=False)


def shown(value: object) -> str:
    """Write a value for people, cut at 100 characters."""
    return (cleaned(value) if isinstance(value, str) else row_json(value))[:SHOWN]


def cleaned(text: str) -> str:
    """Replace what is no character: NUL, and halves of surrogate pairs."""
    whole = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return whole.replace("\0", NO_CHARACTER)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, dict):
        return {cleaned(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
