"""The call being served: who makes it, under which id, and until when.

It is a context variable, because what needs it (row-level security, log lines, calls made on its behalf) is far from
the handler and must not be handed a request object through every signature in between.
"""

import ipaddress
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import unquote

from chassis.contract import Method
from chassis.errors import Unauthenticated

CLIENT_ADDRESS = "x-envoy-external-address"
"""Set by the gateway, which drops what a client says under this name."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller."""

    user_id: str
    role: str = "member"
    scopes: frozenset[str] = frozenset({"read", "write"})
    tier: str = "registered"
    """Which limits the account has."""
    actor: str = ""
    """Who acts in the user's stead: `api_key:` or `service:` and which one. Empty: the user."""
    login_time: float = 0.0
    """When the session of the token began with a login, in seconds since the epoch. 0: it is of no session."""


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
    peer: str = ""
    """Who is at the other end of the connection, as gRPC writes it."""
    headers: dict[str, str] = field(default_factory=dict)
    """Metadata to send before the answer, or before the refusal: only that reaches HTTP clients in both cases."""

    @property
    def remaining_seconds(self) -> float | None:
        """Time left, never below 0. None: no limit."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    @property
    def client_address(self) -> str:
        """Address of the client as the gateway saw it; without a gateway, of who calls here. Empty: not known."""
        return self.metadata.get(CLIENT_ADDRESS) or _host(self.peer)

    @property
    def client_network(self) -> str:
        """What a client is counted by: its address, or the /64 of an IPv6 address, all of which is one client's."""
        try:
            address = ipaddress.ip_address(self.client_address)
        except ValueError:
            return self.client_address
        if address.version == 4:
            return str(address)
        return str(ipaddress.ip_network((address, 64), strict=False))

    @property
    def caller(self) -> Principal:
        """Who calls.

        Raises:
            Unauthenticated: nobody signed in. Only public and internal calls get that far without a caller.
        """
        if self.principal is None:
            raise Unauthenticated("TOKEN_MISSING", "this call needs a user's access token")
        return self.principal

    @property
    def user_id(self) -> str:
        """Id of the caller; see `caller`."""
        return self.caller.user_id


def _host(peer: str) -> str:
    """Give the address in gRPC's name of a peer, such as `ipv4:10.0.0.7:51234` or `ipv6:%5B::1%5D:51234`."""
    return unquote(peer.partition(":")[2].rpartition(":")[0]).strip("[]")


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
