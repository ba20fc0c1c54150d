"""The gateway's knobs."""

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from chassis.settings import variable

Address = Annotated[str, Meta(pattern=r"^([^\s:\[\]]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$")]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the gateway needs to listen, to find the services, and to protect them."""

    gateway_address: Address = "127.0.0.1:8080"
    """Where clients call, host:port; REST, gRPC and the documents alike. No TLS: terminate it in front."""
    gateway_admin_address: Address = "127.0.0.1:9901"
    """Envoy's own console and metrics, host:port. Loopback alone: whoever reaches it can stop the gateway."""
    portfolio_address: Address = "127.0.0.1:50051"
    """The portfolio service, host:port; a name with several addresses is balanced over."""
    marketdata_address: Address = "127.0.0.1:50052"
    """The market data service, host:port."""
    risk_address: Address = "127.0.0.1:50053"
    """The risk service, host:port."""
    token_issuer: str = "plimsoll"  # noqa: S105 - a name, not a secret
    """`iss` and `aud` of the access tokens that are let through."""
    jwks_cache_seconds: Annotated[int, Meta(ge=1, le=300)] = 10
    """How long the edge trusts identity's public keys before it asks again."""
    gateway_max_connections: Annotated[int, Meta(ge=1)] = 4000
    """Client connections at a time; a further one is closed."""
    gateway_max_calls: Annotated[int, Meta(ge=1)] = 1000
    """Calls to one service at a time; a further one is refused with 503."""
    gateway_max_header_kib: Annotated[int, Meta(ge=1, le=96)] = 32
    """All request headers together, in KiB."""
    gateway_max_heap_mib: Annotated[int, Meta(ge=64)] = 1024
    """Memory that Envoy may use; near it, new requests are refused with 503."""
    gateway_request_seconds: Annotated[int, Meta(ge=1)] = 60
    """How long a client may take to send one request, body included."""
    gateway_idle_seconds: Annotated[int, Meta(ge=1)] = 60
    """How long a stream may be silent, and a connection unused."""
    gateway_trusted_proxies: Annotated[int, Meta(ge=0, le=10)] = 0
    """Proxies of yours in front of the gateway, whose X-Forwarded-For is believed."""
    gateway_workers: Annotated[int, Meta(ge=0, le=512)] = 0
    """Worker threads. 0: one for each core."""
    gateway_access_log: bool = True
    """Whether each request is written as a line."""
    otlp_endpoint: str = variable("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    """OTLP/gRPC collector of traces, http://host:port. Empty: none are sent."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is written."""
    log_format: Literal["json", "text"] = "json"
    """One JSON object a line for machines, or plain text for people."""
    drain_seconds: Annotated[float, Meta(ge=0, le=300)] = 10.0
    """How long requests in flight may take to finish after SIGTERM."""

    def __post_init__(self) -> None:
        """Refuse what a pattern cannot tell.

        Raises:
            ValueError: the admin address is not on loopback, or the collector is not named by a plain URL.
        """
        if self.otlp_endpoint:
            collector_address(self.otlp_endpoint)
        host = split_address(self.gateway_admin_address)[0]
        if host != "localhost" and not _is_loopback(host):
            raise ValueError(f"PLIMSOLL_GATEWAY_ADMIN_ADDRESS must be on loopback, got {self.gateway_admin_address!r}")


def split_address(address: str) -> tuple[str, int]:
    """Split `host:port`; an IPv6 host stands in brackets, which are taken off."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def collector_address(endpoint: str) -> tuple[str, int]:
    """Give host and port of a collector's URL.

    Raises:
        ValueError: it is not http://host:port.
    """
    url = urlsplit(endpoint)
    if url.scheme != "http" or not url.hostname or not url.port:
        raise ValueError(f"OTEL_EXPORTER_OTLP_ENDPOINT must be http://host:port, got {endpoint!r}")
    return url.hostname, url.port


def is_ip(host: str) -> bool:
    """Whether a host is an IP address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return is_ip(host) and ipaddress.ip_address(host).is_loopback
