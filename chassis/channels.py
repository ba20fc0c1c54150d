"""Calls to other services, made on behalf of the call being served.

Each carries the caller's token, the request id, the trace and a service token, ends before the caller's own deadline,
and is tried again only where the contract says that it reads.
"""

import json
from collections.abc import Callable
from typing import Any

import grpc

from chassis import contract, telemetry
from chassis.call import serving
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
            interceptor = OnBehalf(lambda: self._tokens.mint(callee))
            self._open[callee, address] = grpc.aio.insecure_channel(address, options, interceptors=[interceptor])
        return self._open[callee, address]

    async def close(self) -> None:
        """Close all channels."""
        for channel in self._open.values():
            await channel.close()


class OnBehalf(grpc.aio.UnaryUnaryClientInterceptor):
    """Carries who is asking, in whose name, under which id and until when into each call."""

    def __init__(self, mint: Callable[[], str]) -> None:
        self._mint = mint

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Make the call with the metadata and deadline of the call being served."""
        details = client_call_details
        call = serving()
        carried: dict[str, str] = {SERVICE_TOKEN: self._mint()}
        telemetry.carry_trace(carried, call)
        if call:
            carried[REQUEST_ID] = call.request_id
            if authorization := call.metadata.get("authorization"):
                carried["authorization"] = authorization
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *carried.items())
        timeout = _timeout(details.method, details.timeout, call.remaining_seconds if call else None)
        return await continuation(
            grpc.aio.ClientCallDetails(details.method, timeout, metadata, details.credentials, details.wait_for_ready),
            request,
        )


def _timeout(path: bytes | str, asked: float | None, remaining: float | None) -> float | None:
    """Give the shortest of what was asked for, what is left, and what the contract allows."""
    policy = contract.method(path.decode() if isinstance(path, bytes) else path)
    limits = [limit for limit in (asked, remaining, policy.seconds if policy else None) if limit is not None]
    return min(limits) if limits else None


def service_config(callee: str) -> str:
    """Give gRPC's service config for calls to a service: what reads is tried again, throttled."""
    reads = [
        {"service": service, "method": path.rpartition("/")[2]}
        for service in contract.services_of(callee)
        for path, policy in contract.methods([service]).items()
        if not policy.writes
    ]
    return json.dumps({"retryThrottling": THROTTLING, "methodConfig": [{"name": reads, "retryPolicy": RETRY}]})
