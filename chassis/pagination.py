"""Page tokens: where the next page begins, opaque to the client."""

import base64
import binascii
import json

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
    except (binascii.Error, ValueError, RecursionError):
        position = None
    if (
        not isinstance(position, dict)
        or not all(isinstance(value, str) for value in position.values())
        or (fields and set(position) != set(fields))
        or "\0" in "".join(position.values())
    ):
        raise InvalidFields([Violation("page_token", token, "was not given out by this list")])
    return position
