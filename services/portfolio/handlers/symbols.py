"""Symbols as callers write them, and as they are listed."""

from collections.abc import Mapping
from typing import Any

from chassis.errors import InvalidFields, Violation


def symbol_of(text: str) -> str:
    """Give a symbol in upper case without blanks; an option's in its compact OCC form, without `O:` before it."""
    return "".join(text.upper().split()).removeprefix("O:")


def by_symbol(field: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was given by symbol, with symbols as they are listed; in order, because maps arrive in any.

    Args:
        field: name of the map in the request.
        given: what it holds.

    Raises:
        InvalidFields: a symbol stands there twice, written in different ways.
    """
    found: dict[str, Any] = {}
    for text in sorted(given):
        symbol = symbol_of(text)
        if symbol in found:
            raise InvalidFields([Violation(f"{field}[{text}]", text, f"is {symbol}, which is there already")])
        found[symbol] = given[text]
    return found
