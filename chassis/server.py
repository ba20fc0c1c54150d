"""A service process: from settings to a listening server, and down again in order.

`run` is the whole of a service's `__main__`. The parts are named in `Service` by the service's wiring; nothing connects
before the server starts.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from os import environ
from typing import Any, TypeVar

import grpc
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from chassis import contract, logs, telemetry
from chassis.api_keys import ApiKeys
from chassis.day_calls import TakeCalls
from chassis.errors import CannotStart, Failure
from chassis.guards import Authentication, Guard
from chassis.health import Health
from chassis.pipeline import Pipeline
from chassis.rate_limits import RateLimits
from chassis.service_settings import ServiceSettings
from chassis.settings import SettingsError, read
from chassis.tokens import ServiceTokens, TokenVerifier
from chassis.validation import Validation

S = TypeVar("S", bound=ServiceSettings)
Register = tuple[Callable[[Any, grpc.aio.Server], None], Any]
"""A generated `add_..._to_server` and the servicer to add."""
log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 12 << 20
MAX_RESPONSE_BYTES = 64 << 20
MAX_CONCURRENT_CALLS = 512
SWITCH_SECONDS = 0.001
"""How long the event loop waits for a thread that computes: a fifth of what Python would have it wait."""
OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second process on the same port must fail, not share it
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", MAX_RESPONSE_BYTES),
    # Clients ping every 3 s to notice a frozen peer; without these the server would call that abuse and hang up.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a service is made of."""

    health: Health
    tokens: TokenVerifier
    register: Sequence[Register]
    start: Sequence[Callable[[], Awaitable[object]]] = ()
    """What must have happened before the first call: checks that fail loudly."""
    close: Sequence[Callable[[], Awaitable[object]]] = ()
    """What must happen after the last call, in order."""
    guards: Sequence[Guard] = field(default_factory=tuple)
    """Further guards, after authentication and validation."""
    api_keys: ApiKeys | None = None
    """What API keys are worth. None: the service takes none."""
    uncounted: Collection[str] = ()
    """Paths of methods that no rate limit counts."""
    take_calls: TakeCalls | None = None
    """Takes calls of a user's day. None: the service does not limit days."""


class Server:
    """A service's gRPC server, and its admin server where one is asked for."""

    def __init__(self, service: Service, settings: ServiceSettings) -> None:
        self._service = service
        self._settings = settings
        name = service.health.service
        authentication = Authentication(service.tokens, ServiceTokens(name, settings.service_key), service.api_keys)
        self._limits = RateLimits(name, settings, service.uncounted, take_calls=service.take_calls)
        # A caller is counted before the request is looked at: refusing a thousand bad ones costs as much.
        guards: tuple[Guard, ...] = (authentication, self._limits, Validation(), *service.guards)
        pipeline = Pipeline(guards, MAX_CONCURRENT_CALLS)
        self._server = grpc.aio.server(interceptors=[pipeline], options=OPTIONS)
        self._health = health_aio.HealthServicer()
        self._admin: grpc.aio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Check what the service needs, then listen.

        Raises:
            OSError: the address is taken.
        """
        names = [_add(self._server, *registered) for registered in self._service.register]
        contract.methods(names)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if self._settings.reflection:
            _add_reflection(self._server, [*names, "grpc.health.v1.Health"])
        for prepare in self._service.start:
            await prepare()
        self.port = _listen(self._server, self._settings.listen_address)
        await self._server.start()
        if self._settings.admin_address:
            self._admin = await _start_admin(self._settings.admin_address)
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        host = self._settings.listen_address.rpartition(":")[0]
        log.info("%s listens on %s:%d", self._service.health.service, host, self.port)

    async def stop(self) -> None:
        """Say that no more calls are wanted, let those in flight finish, and close what was opened."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._settings.drain_seconds)
        if self._admin:
            await self._admin.stop(0)
        await self._limits.close()
        for close in self._service.close:
            await close()
        log.info("%s has stopped", self._service.health.service)


def _add(server: grpc.aio.Server, add: Callable[[Any, grpc.aio.Server], None], servicer: Any) -> str:
    """Register a servicer and give the full name of its proto service."""
    seen: list[str] = []
    registrar = _Recorder(server, seen)
    add(servicer, registrar)  # type: ignore[arg-type] # generated code calls two methods of it
    return seen[0]


class _Recorder:
    """Stands between generated registration code and the server to learn the name of the proto service."""

    def __init__(self, server: grpc.aio.Server, names: list[str]) -> None:
        self._server = server
        self._names = names

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self._names += [handler.service_name() for handler in handlers]
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        self._server.add_registered_method_handlers(service, handlers)


def _add_reflection(server: grpc.aio.Server, names: list[str]) -> None:
    from grpc_reflection.v1alpha import reflection

    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)


def _listen(server: grpc.aio.Server, address: str) -> int:
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: is it taken?") from error
    return port


async def _start_admin(address: str) -> grpc.aio.Server:
    from grpc_channelz.v1 import channelz

    admin = grpc.aio.server(options=OPTIONS)
    channelz.add_channelz_servicer(admin)
    _listen(admin, address)
    await admin.start()
    return admin


async def serve(service: Service, settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = Server(service, settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await server.start()
        await stopping.wait()
    finally:
        await server.stop()


def run(name: str, settings_class: type[S], build: Callable[[S], Service]) -> None:
    """Be a service: read the settings, build, serve; exit with 2 and a sentence where something is wrong."""
    try:
        settings = read(settings_class, environ)
    except SettingsError as error:
        for problem in error.problems:
            print(f"plimsoll serve {name}: {problem}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        sys.exit(2)
    sys.setswitchinterval(SWITCH_SECONDS)
    logs.configure(name, settings.log_level, settings.log_format)
    telemetry.configure(name, settings.otlp_endpoint)

    async def main() -> None:
        await serve(build(settings), settings)

    try:
        uvloop.run(main())
    except (CannotStart, Failure, OSError) as error:
        log.error("cannot start: %s", error)
        sys.exit(2)
