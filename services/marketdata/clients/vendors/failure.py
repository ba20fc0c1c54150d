"""How an adapter says that it could not fetch; `asking` turns it into the reason of a key. It never leaves vendors.

The detail is for the log: it names paths and statuses, never a query or a header, where keys stand.
"""

from services.marketdata.domain.fetched import Reason


class FetchFailed(Exception):
    """A fetch that brought nothing, and why."""

    def __init__(self, reason: Reason, detail: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        """How long the vendor asks us to stay away. None: it does not say."""


class OutOfTime(FetchFailed):
    """Our own time was over before the vendor's was: that says nothing of the vendor."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.TIMED_OUT, detail)


class CircuitOpen(FetchFailed):
    """The vendor has failed so often that it is left alone for a while."""
