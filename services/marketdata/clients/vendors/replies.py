"""What a reply means, before its content is looked at: status, kind of content, JSON."""

import json
from enum import Enum

from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.domain.fetched import Reason

OK = 200
SHOWN = 80


class Content(Enum):
    """Kinds of content that are asked for; the value lists the media types that are taken for it."""

    JSON = ("application/json", "text/json")
    CSV = ("text/csv", "application/csv", "text/plain", "application/octet-stream")


def check_status(status: int, content_type: str, wait: float | None, *, unknown_is_404: bool) -> None:
    """Refuse every status but 200.

    Args:
        status: as it came.
        content_type: the header as it came.
        wait: seconds that the vendor asks us to stay away. None: it does not say.
        unknown_is_404: whether the vendor says 404 of a symbol that it does not know, as its documents state. It says
            so in JSON; a 404 of anything else or anybody else says that there is no such path, and nothing of a symbol.

    Raises:
        FetchFailed: with the reason that the status stands for.
    """
    if status == OK:
        return
    if status == 404 and unknown_is_404 and _media_type(content_type) in Content.JSON.value:
        raise FetchFailed(Reason.UNKNOWN_SYMBOL, "status 404")
    if status == 429:
        raise FetchFailed(Reason.RATE_LIMITED, "status 429", wait)
    if status >= 500:
        raise FetchFailed(Reason.UNAVAILABLE, f"status {status}", wait)
    if status >= 400 and status != 404:
        raise FetchFailed(Reason.REFUSED, f"status {status}")
    # A redirect included: the documents of no vendor promise one, and keys do not travel.
    raise FetchFailed(Reason.MALFORMED, f"status {status}")


def check_content(content_type: str, wanted: Content) -> None:
    """Refuse content of another kind, such as the page of a proxy that says the vendor is being maintained.

    Raises:
        FetchFailed: it is of another kind.
    """
    media_type = _media_type(content_type)
    if media_type not in wanted.value:
        raise FetchFailed(Reason.MALFORMED, f"{media_type[:SHOWN]!r} came, where {wanted.name} was asked for")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def read_json(body: bytes) -> object:
    """Read JSON. `NaN` and `Infinity`, which some vendors write, become numbers that the row checks find.

    Raises:
        FetchFailed: it is none, or it is cut off.
    """
    try:
        return json.loads(body)
    except RecursionError:
        raise FetchFailed(Reason.MALFORMED, "the JSON is nested too deeply") from None
    except ValueError as error:  # of the syntax, the encoding, or an integer of thousands of digits
        raise FetchFailed(Reason.MALFORMED, f"the JSON cannot be read: {type(error).__name__}") from None
