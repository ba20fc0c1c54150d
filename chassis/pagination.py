"""Page tokens: where the next page begins, opaque to the client."""

import base64
import binascii
import json
from typing import Any

from chassis.errors import InvalidFields, Violation


def encode_page(position: dict[str, str]) -> str:
    """Turn the position of the last row into a token."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_page(token: str, *fields: str) -> dict[str, str]:
    """Turn a token back into a position; an empty token is the first page, and gives nothing.

    Args:
        token: what the client sent.
        fields: the fields that a position of this list has.

    Raises:
        InvalidFields: the token is not one of ours.
    """
    if not token:
        return {}
    try:
        position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if not _is_position(position, fields):
            raise ValueError(token)
    except (binascii.Error, ValueError, RecursionError):
        raise foreign_token(token) from None
    found: dict[str, str] = position
    return found


def foreign_token(token: str) -> InvalidFields:
    """Give the refusal of a token that does not say where a page of this list begins."""
    return InvalidFields([Violation("page_token", token, "was not given out by this list")])


def _is_position(found: Any, fields: tuple[str, ...]) -> bool:
    """Whether it is a position of this list whose texts PostgreSQL can take: without NUL and lone surrogates.

    Raises:
        ValueError: a text cannot be encoded.
    """
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        return False
    return b"\0" not in "".join(found.values()).encode() and (not fields or set(found) == set(fields))
