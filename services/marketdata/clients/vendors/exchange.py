"""One HTTP exchange with a vendor. The only file that imports httpx, and so loaded when the first call is made."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

import httpx

from chassis.settings import Secret
from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.domain.fetched import Reason

HEADERS = {"user-agent": "plimsoll-marketdata", "accept-encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves to a vendor who we are. Both may be empty."""

    headers: Mapping[str, Secret]
    query: Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    content_type: str
    retry_after: str
    """The header as it came. Empty: there was none."""
    body: bytes


class Exchange:
    """Calls to one vendor, at its own address alone. There is no time limit here: the caller has one.

    Requests go to httpx's transport and not through its client, which writes every URL into the log, and a key may be
    part of one. With the client go redirects, cookies and proxies of the environment, which nobody wants here.
    """

    def __init__(self, base_url: str, credentials: Credentials, max_bytes: int, connections: int) -> None:
        self._origin = _origin(httpx.URL(base_url))
        self._credentials = credentials
        self._max_bytes = max_bytes
        self._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=connections))

    async def get(self, url: str) -> Reply:
        """Get a URL.

        Raises:
            FetchFailed: there is no connection, it broke, the answer is too large, or the URL is another's.
        """
        request = self._request(url)
        try:
            async with aclosing(await self._transport.handle_async_request(request)) as response:
                return Reply(
                    status=response.status_code,
                    content_type=response.headers.get("content-type", ""),
                    retry_after=response.headers.get("retry-after", ""),
                    body=await self._read(response),
                )
        except httpx.DecodingError as error:
            raise FetchFailed(Reason.MALFORMED, f"the body cannot be unpacked: {_told(error)}") from None
        except httpx.TransportError as error:
            raise FetchFailed(Reason.UNAVAILABLE, _told(error)) from None

    def _request(self, url: str) -> httpx.Request:
        """Make a request with our credentials, for the vendor and nobody else."""
        try:
            parsed = httpx.URL(url)
            origin = _origin(parsed)
        except (httpx.InvalidURL, UnicodeError):  # the second of half a character, or of a host that is no name
            raise FetchFailed(Reason.MALFORMED, "what should be a URL is none") from None
        if origin != self._origin or parsed.userinfo:
            raise FetchFailed(Reason.MALFORMED, f"the vendor sends us to another address: {origin[1]!r}")
        if self._credentials.query:
            parsed = parsed.copy_merge_params(dict(self._credentials.query))
        return httpx.Request("GET", parsed, headers={**HEADERS, **self._credentials.headers})

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > self._max_bytes:
                raise FetchFailed(Reason.MALFORMED, f"the answer is larger than {self._max_bytes} bytes")
        return bytes(body)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port; httpx leaves a default port out, as it should."""
    return url.scheme, url.host, url.port


def _told(error: httpx.HTTPError) -> str:
    """Tell an error by its kind: its text may quote what was received, and nobody knows what that is."""
    return type(error).__name__
