"""The trial service, served as every service is: the chassis's own server at a free port, and callers of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from chassis.health import Health
from chassis.pipeline import Pipeline
from chassis.server import Server, Service
from chassis.service_settings import ServiceSettings
from chassis.settings import Secret
from chassis.tokens import TokenVerifier
from tests.chassis import trial
from tests.chassis.identity import ALICE, Identity
from tests.chassis.trial import Cargo

SERVICE_KEY = Secret("a key that the services of a test share")
Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Cargo, Context], Awaitable[Cargo]]
Metadata = Sequence[tuple[str, str]]


async def echo(request: Cargo, context: Context) -> Cargo:
    """Answer with what was asked."""
    return request


def raising(error: BaseException) -> Behaviour:
    """Give a behaviour that fails."""

    async def behaviour(request: Cargo, context: Context) -> Cargo:
        raise error

    return behaviour


class Trial(trial.TrialServiceServicer):
    """Every RPC of the trial service does the same: what the test wants."""

    def __init__(self, behaviour: Behaviour = echo) -> None:
        for name in ("Open", "Read", "ReadLong", "Write", "Govern", "Inside"):
            setattr(self, name, behaviour)


def trial_server(servicer: trial.TrialServiceServicer, identity: Identity, **changed: Any) -> Server:
    """Give a server of the trial service; `changed` are fields of its settings or of its Service."""
    parts: dict[str, Any] = {
        "health": Health("trial"),
        "tokens": TokenVerifier("plimsoll", "plimsoll", identity.fetch_keys),
        "register": [(trial.add_TrialServiceServicer_to_server, servicer)],
    }
    parts |= {field.name: changed.pop(field.name) for field in fields(Service) if field.name in changed}
    settings = {"listen_address": "127.0.0.1:0", "service_key": SERVICE_KEY, "drain_seconds": 0.0, "rate_limits": "off"}
    return Server(Service(**parts), ServiceSettings(**settings | changed))


@asynccontextmanager
async def started(server: Server) -> AsyncIterator[Server]:
    """Start a server, and stop it."""
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Client(trial.TrialServiceStub):
    """A plain client: the stub, and its channel for what a stub cannot say."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel)
        self.channel = channel


@asynccontextmanager
async def client(port: int) -> AsyncIterator[Client]:
    """Give a plain client of the server at a port."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Client(channel)


@asynccontextmanager
async def serving(
    behaviour: Behaviour = echo, identity: Identity | None = None, **changed: Any
) -> AsyncIterator[Client]:
    """Serve one behaviour; gives a plain client of it."""
    async with (
        started(trial_server(Trial(behaviour), identity or Identity(), **changed)) as server,
        client(server.port) as caller,
    ):
        yield caller


@asynccontextmanager
async def behind(pipeline: Pipeline, behaviour: Behaviour) -> AsyncIterator[Client]:
    """Serve a behaviour behind a pipeline alone."""
    server = grpc.aio.server(interceptors=[pipeline])
    trial.add_TrialServiceServicer_to_server(Trial(behaviour), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with client(port) as caller:
        yield caller
    await server.stop(0)


def bearer(identity: Identity, user_id: str = ALICE, **changed: object) -> Metadata:
    """Give the metadata with which a user calls."""
    return [("authorization", f"Bearer {identity.token(user_id, **changed)}")]


class Refused:
    """What a call was refused with."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code = error.code()
        self.message = error.details() or ""
        self.trailers = dict(error.trailing_metadata() or ())
        self.info, self.broken = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        self.status = status_pb2.Status.FromString(self.trailers.get("grpc-status-details-bin", b""))
        for detail in self.status.details:
            detail.Unpack(self.info) or detail.Unpack(self.broken)
        self.reason = self.info.reason
        self.violations = {violation.field: violation.description for violation in self.broken.field_violations}


async def refused(call: Awaitable[object]) -> Refused:
    """Await a call that must fail, and give what it failed with."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return Refused(error)
    raise AssertionError(f"the call was answered: {answer}")
