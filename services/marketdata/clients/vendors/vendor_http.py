"""Asking a vendor over HTTP: within a deadline, at the rate of our plan, again where that may help, and never blindly.

What goes out is a path whose every part is escaped, so a symbol is data and stays in its place. The key joins it at the
last moment (see `exchange`). What comes back is content of the kind asked for, or a `FetchFailed`.
"""

import asyncio
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from chassis.settings import Secret
from services.marketdata.clients.vendors.backoff import Backoff, retry_after
from services.marketdata.clients.vendors.circuit import Circuit
from services.marketdata.clients.vendors.clock import Clock, Deadline, deadline_in
from services.marketdata.clients.vendors.failure import CircuitOpen, FetchFailed, OutOfTime
from services.marketdata.clients.vendors.replies import Content, check_content, check_status, read_json
from services.marketdata.clients.vendors.token_bucket import TokenBucket
from services.marketdata.domain.fetched import Reason

if TYPE_CHECKING:
    from services.marketdata.clients.vendors.exchange import Exchange, Reply

REPEATED = {Reason.UNAVAILABLE, Reason.TIMED_OUT, Reason.RATE_LIMITED}
BUSY = (429, 503)
"""The statuses of which `Retry-After` says how long they last (RFC 9110, 10.2.3)."""
MAX_BYTES = 32 << 20
CALLS_AT_ONCE = 16
"""Calls to one vendor under way, for all fetches together. The others wait before their time begins to run."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where a vendor is, who we are there, and how much we may ask."""

    base_url: str
    calls_per_minute: int
    header_name: str = ""
    """Header that carries the key. Empty: none does."""
    query_name: str = ""
    """Query parameter that carries the key. Empty: none does."""
    key: Secret = Secret("")
    unknown_is_404: bool = False
    """Whether it says 404 of a symbol that it does not know."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long anything may take."""

    fetch_seconds: float = 60.0
    """A whole fetch: all its symbols, pages, waits and repetitions."""
    call_seconds: float = 15.0
    """One call, to the last byte of its answer."""
    max_bytes: int = MAX_BYTES
    backoff: Backoff = Backoff()


class VendorHttp:
    """One vendor's HTTP interface. Nothing connects before the first call."""

    def __init__(self, account: Account, patience: Patience, clock: Clock) -> None:
        self._account = account
        self._patience = patience
        self._clock = clock
        self._bucket = TokenBucket(account.calls_per_minute, clock)
        self._circuit = Circuit(clock)
        self._turns = asyncio.Semaphore(CALLS_AT_ONCE)
        self._exchange: Exchange | None = None

    @property
    def clock(self) -> Clock:
        """The time that deadlines are in."""
        return self._clock

    def deadline(self) -> Deadline:
        """Give the deadline of a fetch that begins now."""
        return deadline_in(self._clock, self._patience.fetch_seconds)

    def url(self, *parts: str, **query: str) -> str:
        """Give the URL of a path below the base, each part of it and of the query escaped."""
        path = "/".join(quote(part, safe="") for part in parts)
        base = f"{self._account.base_url.rstrip('/')}/{path}"
        return f"{base}?{urlencode(query)}" if query else base

    async def get(self, url: str, deadline: Deadline, content: Content = Content.JSON) -> bytes:
        """Get a URL of the vendor.

        Raises:
            FetchFailed: it did not work, and no repetition helped or would have.
        """
        for attempt in count(1):
            try:
                return await self._once(url, deadline, content)
            except CircuitOpen:
                raise
            except FetchFailed as failure:
                if failure.reason not in REPEATED or attempt >= self._patience.backoff.attempts:
                    raise
                asked = failure.retry_after_seconds
                await deadline.sleep(self._patience.backoff.delay(attempt) if asked is None else asked, failure)
        raise AssertionError("count never ends")

    async def get_json(self, url: str, deadline: Deadline) -> object:
        """Get a URL of the vendor, and read its JSON in a thread: a page may be many megabytes.

        Raises:
            FetchFailed: as with `get`, or it is no JSON.
        """
        return await asyncio.to_thread(read_json, await self.get(url, deadline))

    async def _once(self, url: str, deadline: Deadline, content: Content) -> bytes:
        async with self._turns:
            if deadline.remaining == 0:
                raise OutOfTime("no time was left to ask")
            with self._circuit.attempt():
                await self._bucket.take(deadline)
                reply = await self._reply(url, deadline)
                wait = retry_after(reply.retry_after, self._clock.now()) if reply.status in BUSY else None
                if wait is not None:
                    self._bucket.hold(wait)  # all calls stay away, not just this one
                check_status(reply.status, reply.content_type, wait, unknown_is_404=self._account.unknown_is_404)
                check_content(reply.content_type, content)
                return reply.body

    async def _reply(self, url: str, deadline: Deadline) -> "Reply":
        exchange = self._open()  # the first time this loads a library, which is no time of the vendor's
        seconds = min(self._patience.call_seconds, deadline.remaining)
        try:
            async with asyncio.timeout(seconds):
                return await exchange.get(url)
        except TimeoutError:
            detail = f"no whole answer within {seconds:.1f} s"
            if seconds < self._patience.call_seconds:
                raise OutOfTime(detail) from None
            raise FetchFailed(Reason.TIMED_OUT, detail) from None

    def _open(self) -> "Exchange":
        if self._exchange is None:
            from services.marketdata.clients.vendors.exchange import Credentials, Exchange

            account = self._account
            self._exchange = Exchange(
                account.base_url,
                Credentials(
                    headers={account.header_name: account.key} if account.header_name else {},
                    query={account.query_name: account.key} if account.query_name else {},
                ),
                self._patience.max_bytes,
                CALLS_AT_ONCE,
            )
        return self._exchange

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if self._exchange is not None:
            await self._exchange.close()
            self._exchange = None
