"""The settings that every service has; each service's own class extends this one."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from chassis.settings import Secret, variable

Port = Annotated[int, Meta(ge=0, le=65535)]
HOST_AND_PORT = r"([^\s:\[\]]+|\[[0-9a-fA-F:.]+\]):\d{1,5}"
Address = Annotated[str, Meta(pattern=f"^{HOST_AND_PORT}$")]
OptionalAddress = Annotated[str, Meta(pattern=f"^({HOST_AND_PORT})?$")]
Key = Annotated[Secret, Meta(min_length=32)]


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What a service needs to listen, to be trusted, and to say what it does."""

    listen_address: Address
    """Where the service takes gRPC calls, host:port; an IPv6 host stands in brackets. Port 0: any free one."""
    admin_address: OptionalAddress = ""
    """Where operators reach channelz, host:port. Empty: nowhere."""
    service_key: Key
    """Secret, at least 32 characters, by which services of one installation prove themselves to each other."""
    token_issuer: str = "plimsoll"  # noqa: S105 - a name
    """Who access tokens say they are from, and are meant for. The same in every process of an installation."""
    otlp_endpoint: str = variable("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    """OTLP/gRPC collector of traces and metrics. Empty: none are sent."""
    redis_url: Secret = variable("REDIS_URL", Secret(""))
    """Redis, redis://:password@host:port/number, or rediss:// over TLS, for what processes share: counts of calls,
    caches. Empty: each keeps its own."""
    rate_limits: Literal["on", "off"] = "on"
    """Whether callers may make only so many calls. Off: for load tests, and where something in front counts."""
    calls_per_second: Annotated[int, Meta(ge=1)] = 10
    """Calls that one caller may make in a second, whatever the tier; each process counts for itself."""
    calls_per_minute_public: Annotated[int, Meta(ge=1)] = 100
    """Calls in a minute of an account in tier public; and of one address without an account, of each method."""
    calls_per_minute_registered: Annotated[int, Meta(ge=1)] = 100
    """Calls in a minute of an account in tier registered. Each service counts its own."""
    calls_per_minute_paid: Annotated[int, Meta(ge=1)] = 300
    """Calls in a minute of an account in tier paid."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is written."""
    log_format: Literal["json", "text"] = "json"
    """One JSON object a line for machines, or plain text for people."""
    reflection: bool = False
    """Whether clients may ask for the contract over gRPC reflection."""
    drain_seconds: Annotated[float, Meta(ge=0, le=300)] = 10.0
    """How long calls in flight may take to finish after SIGTERM."""


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """What a service with a schema of its own needs beside."""

    database_url: Secret = variable("DATABASE_URL")
    """PostgreSQL, postgresql://user:password@host:port/database. The service acts as its own application role.
    `?sslmode=verify-full` and `sslrootcert`, `sslcert`, `sslkey` protect the way there."""
    database_pool_size: Annotated[int, Meta(ge=1, le=200)] = 8
    """Connections that one process holds at most."""
    slow_query_ms: Annotated[float, Meta(gt=0)] = 250.0
    """A statement slower than this is logged."""
