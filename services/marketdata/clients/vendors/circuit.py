"""A circuit breaker: a vendor that fails again and again is left alone for a while, then tried with a single call.

It spares the vendor, and our callers the wait for an answer that will not come.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from services.marketdata.clients.vendors.clock import Clock
from services.marketdata.clients.vendors.failure import CircuitOpen, FetchFailed, OutOfTime
from services.marketdata.domain.fetched import Reason

FAILURES = 5
OPEN_SECONDS = 30.0
COUNTED = {Reason.UNAVAILABLE, Reason.TIMED_OUT, Reason.MALFORMED}
"""What tells of a vendor in trouble. That it refuses, or knows no such symbol, shows that it is well."""


class Circuit:
    """Closed: calls pass. Open: none does. Half open: one does, and decides."""

    def __init__(self, clock: Clock, failures: int = FAILURES, open_seconds: float = OPEN_SECONDS) -> None:
        self._clock = clock
        self._limit = failures
        self._open_seconds = open_seconds
        self._failures = 0
        self._retry_at = 0.0
        self._probing = False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Let one call pass, and learn from how it ends.

        Raises:
            CircuitOpen: no call may pass now.
        """
        self._admit()
        try:
            yield
        except FetchFailed as failure:
            if failure.reason is Reason.RATE_LIMITED or isinstance(failure, OutOfTime):
                self._probing = False  # our own bucket and our own deadline say nothing of the vendor
            else:
                self._ended(failed=failure.reason in COUNTED)
            raise
        except BaseException:  # we gave it up ourselves: neither does that
            self._probing = False
            raise
        self._ended(failed=False)

    def _admit(self) -> None:
        if self._failures < self._limit:
            return
        if self._probing or self._clock.monotonic() < self._retry_at:
            detail = f"{self._failures} calls in a row have failed; it is left alone for {self._open_seconds:.0f} s"
            raise CircuitOpen(Reason.UNAVAILABLE, detail)
        self._probing = True

    def _ended(self, *, failed: bool) -> None:
        self._probing = False
        self._failures = self._failures + 1 if failed else 0
        self._retry_at = self._clock.monotonic() + self._open_seconds
