"""Following a vendor from page to page: never to another address, never in circles, and never for ever."""

import asyncio
from collections.abc import AsyncIterator

from services.marketdata.clients.vendors.clock import Deadline
from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.clients.vendors.replies import read_json
from services.marketdata.clients.vendors.vendor_http import VendorHttp
from services.marketdata.domain.fetched import Reason

MOST_PAGES = 200
MOST_BYTES = 64 << 20
"""Of all pages together."""


async def pages(http: VendorHttp, url: str, deadline: Deadline) -> AsyncIterator[dict[str, object]]:
    """Yield the JSON objects that a URL and the `next_url` of each answer lead to.

    Raises:
        FetchFailed: a page cannot be had, or the pages make no sense as a whole. What came before must not be used.
    """
    seen = set()
    size = 0
    for _ in range(MOST_PAGES):
        if url in seen:
            raise FetchFailed(Reason.MALFORMED, "a page leads back to one that was there already")
        seen.add(url)
        body = await http.get(url, deadline)
        size += len(body)
        if size > MOST_BYTES:
            raise FetchFailed(Reason.MALFORMED, f"the pages together are larger than {MOST_BYTES} bytes")
        page = await asyncio.to_thread(read_json, body)
        if not isinstance(page, dict):
            raise FetchFailed(Reason.MALFORMED, f"a page is a {type(page).__name__}, no object")
        yield page
        following = page.get("next_url")
        if following is None or following == "":
            return
        if not isinstance(following, str) or not following.startswith(("https://", "http://")):
            raise FetchFailed(Reason.MALFORMED, "the next page has no URL that can be followed")
        url = following
    raise FetchFailed(Reason.MALFORMED, f"there are more than {MOST_PAGES} pages")
