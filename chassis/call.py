"""The call being served: who makes it, under which id, and until when.

It is a context variable, because what needs it (row-level security, log lines, calls made on its behalf) is far from
the handler and must not be handed a request object through every signature in between.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from chassis.contract import Method
from chassis.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller."""

    user_id: str
    role: str = "member"
    scopes: frozenset[str] = frozenset({"read", "write"})


@dataclass(slots=True)
class Call:
    """One RPC in progress."""

    method: Method | None
    request_id: str
    metadata: dict[str, str] = field(default_factory=dict)
    deadline: float | None = None
    """On the monotonic clock, in seconds. None: there is no limit."""
    principal: Principal | None = None
    calling_service: str = ""
    """Name of the service that proved itself. Empty: none did."""

    @property
    def remaining_seconds(self) -> float | None:
        """Time left, never below 0. None: no limit."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    @property
    def user_id(self) -> str:
        """Id of the caller.

        Raises:
            Unauthenticated: nobody signed in. Only public and internal calls get that far without a caller.
        """
        if self.principal is None:
            raise Unauthenticated("TOKEN_MISSING", "this call needs a user's access token")
        return self.principal.user_id


_current: ContextVar[Call | None] = ContextVar("plimsoll_call", default=None)


def current_call() -> Call:
    """Give the call being served.

    Raises:
        LookupError: no call is being served (work at start, or a test without a server).
    """
    call = _current.get()
    if call is None:
        raise LookupError("no call is being served")
    return call


def serving() -> Call | None:
    """Give the call being served, or None outside any."""
    return _current.get()


def enter(call: Call) -> None:
    """Make a call the current one, for the task that serves it."""
    _current.set(call)
