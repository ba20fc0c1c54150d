"""Calls to other services, made on behalf of the call being served.

Each carries the caller's token, the request id, the trace and a service token, ends before the caller's own deadline,
and is tried again only where the contract says that it reads.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import grpc

from chassis import contract, telemetry
from chassis.call import Call, serving
from chassis.guards import SERVICE_TOKEN
from chassis.pipeline import REQUEST_ID
from chassis.server import MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES
from chassis.tokens import ServiceTokens

RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# When more than half of recent calls fail, retries stop: they would only add to the load.
THROTTLING = {"maxTokens": 10, "tokenRatio": 0.1}
OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
    ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_reconnect_backoff_ms", 1000),  # the default finds a restarted peer 14 s late
    ("grpc.initial_reconnect_backoff_ms", 100),
    # A frozen peer is otherwise noticed after a minute. It has 10 s to answer: a machine with more work than cores
    # leaves a healthy one without a turn for seconds, and to hang up on it would fail every call in flight.
    ("grpc.keepalive_time_ms", 3000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.enable_http_proxy", 0),  # a proxy for the outside world, named in the environment, is not for our services
)


class Channels:
    """The channels of one service to others, one to each address, opened when first asked for."""

    def __init__(self, service: str, key: str) -> None:
        self._tokens = ServiceTokens(service, key)
        self._open: dict[tuple[str, str], grpc.aio.Channel] = {}

    def channel(self, callee: str, address: str) -> grpc.aio.Channel:
        """Give the channel to a service. It connects at the first call."""
        if (callee, address) not in self._open:
            options = (*OPTIONS, ("grpc.service_config", service_config(callee)))
            channel = grpc.aio.insecure_channel(address, options)
            on_behalf: Any = OnBehalf(channel, lambda: self._tokens.mint(callee))
            self._open[callee, address] = on_behalf
        return self._open[callee, address]

    async def close(self) -> None:
        """Close all channels."""
        for channel in self._open.values():
            await channel.close()


class OnBehalf:
    """A channel whose calls carry who is asking, in whose name, under which id and until when.

    An interceptor would do the same with a task, a call and a copy of the details more for each of them.
    """

    def __init__(self, channel: grpc.aio.Channel, mint: Callable[[], str]) -> None:
        self._channel = channel
        self._mint = mint

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def unary_unary(self, path: str, *args: Any, **kwargs: Any) -> Callable[..., grpc.aio.UnaryUnaryCall[Any, Any]]:
        """Give what calls a method with the metadata and deadline of the call being served."""
        make = self._channel.unary_unary(path, *args, **kwargs)
        policy = contract.method(path)

        def call(
            request: Any, *, timeout: float | None = None, metadata: Iterable[tuple[str, str]] = (), **options: Any
        ) -> grpc.aio.UnaryUnaryCall[Any, Any]:
            served = serving()
            carried = (*(metadata or ()), *self._carried(served).items())
            limits = timeout, served.remaining_seconds if served else None, policy.seconds if policy else None
            return make(request, timeout=_least(limits), metadata=carried, **options)

        return call

    def _carried(self, served: Call | None) -> dict[str, str]:
        carried: dict[str, str] = {SERVICE_TOKEN: self._mint()}
        telemetry.carry_trace(carried, served)
        if served:
            carried[REQUEST_ID] = served.request_id
            if authorization := served.metadata.get("authorization"):
                carried["authorization"] = authorization
        return carried


def _least(limits: Iterable[float | None]) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)


def service_config(callee: str) -> str:
    """Give gRPC's service config for calls to a service: what reads is tried again, throttled."""
    reads = [
        {"service": service, "method": path.rpartition("/")[2]}
        for service in contract.services_of(callee)
        for path, policy in contract.methods([service]).items()
        if not policy.writes
    ]
    return json.dumps({"retryThrottling": THROTTLING, "methodConfig": [{"name": reads, "retryPolicy": RETRY}]})
