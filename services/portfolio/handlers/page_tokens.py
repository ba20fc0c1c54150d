"""What stands inside page tokens: a client may have changed it, and PostgreSQL takes no text for a UUID or a number."""

import re

from chassis.errors import InvalidFields, Violation
from chassis.pagination import decode_page

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
COUNTER = re.compile(r"[0-9]{1,15}")


def place_of(
    token: str, ids: tuple[str, ...] = (), counters: tuple[str, ...] = (), texts: tuple[str, ...] = ()
) -> dict[str, str]:
    """Give the place that a token stands for, by field; an empty token gives nothing.

    Args:
        token: what the client sent.
        ids: fields that are UUIDs.
        counters: fields that are whole numbers.
        texts: fields that are any text.

    Raises:
        InvalidFields: the token is not one of this list.
    """
    place = decode_page(token, *ids, *counters, *texts)
    forms = {**dict.fromkeys(ids, UUID), **dict.fromkeys(counters, COUNTER)}
    if place and not all(form.fullmatch(place[name]) for name, form in forms.items()):
        raise InvalidFields([Violation("page_token", token, "was not given out by this list")])
    return place
