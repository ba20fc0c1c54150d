"""Calls to other services: what they carry, how long they may take, and what becomes of their failures."""

import asyncio
import json
from collections.abc import AsyncIterator

import grpc
import pytest

from chassis.call import Call, Principal, current_call
from chassis.channels import Channels, service_config
from chassis.errors import NotFound, Unavailable
from chassis.health import service_probe
from chassis.identity_keys import RemoteKeys
from chassis.tokens import TokenVerifier
from plimsoll.identity.v1.identity_service_pb2_grpc import (
    IdentityServiceServicer,
    add_IdentityServiceServicer_to_server,
)
from tests.chassis import raw_http2
from tests.chassis.identity import ALICE, Identity
from tests.chassis.serving import (
    SERVICE_KEY,
    Behaviour,
    Context,
    Trial,
    bearer,
    client,
    raising,
    refused,
    started,
    trial_server,
)
from tests.chassis.trial import Cargo, TrialServiceStub

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_ID = TRACE.split("-")[1]
OPEN = "/plimsoll.trial.v1.TrialService/Open"
Code = grpc.StatusCode


@pytest.fixture
async def channels() -> AsyncIterator[Channels]:
    opened = Channels("risk", SERVICE_KEY)
    yield opened
    await opened.close()


class Noting:
    """A behaviour that keeps the calls it served."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.remaining: list[float] = []

    async def __call__(self, request: Cargo, context: Context) -> Cargo:
        call = current_call()
        self.calls.append(call)
        self.remaining.append(call.remaining_seconds or -1)
        return request


def onward(channels: Channels, port: int, rpc: str = "Inside", timeout: float | None = None) -> Behaviour:
    """Give a behaviour that hands its request on to the trial service at a port."""

    async def behaviour(request: Cargo, context: Context) -> Cargo:
        stub = TrialServiceStub(channels.channel("trial", f"127.0.0.1:{port}"))
        answer: Cargo = await getattr(stub, rpc)(request, timeout=timeout)
        return answer

    return behaviour


async def test_a_call_carries_who_asks_for_whom_under_which_id(channels: Channels, identity: Identity) -> None:
    noting = Noting()
    async with (
        started(trial_server(Trial(noting), identity)) as callee,
        started(trial_server(Trial(onward(channels, callee.port)), identity)) as caller,
        client(caller.port) as stub,
    ):
        metadata = [*bearer(identity), ("x-request-id", "my-id"), ("traceparent", TRACE), ("cookie", "secret")]
        await stub.Read(Cargo(), metadata=[*metadata, ("tracestate", "vendor=1")])
    (call,) = noting.calls
    assert (call.user_id, call.request_id, call.calling_service) == (ALICE, "my-id", "risk")
    assert call.metadata["traceparent"].split("-")[1] == TRACE_ID
    assert call.metadata["tracestate"] == "vendor=1"
    assert "cookie" not in call.metadata


async def test_outside_any_call_a_service_speaks_for_itself(channels: Channels, identity: Identity) -> None:
    noting = Noting()
    async with started(trial_server(Trial(noting), identity)) as callee:
        stub = TrialServiceStub(channels.channel("trial", f"127.0.0.1:{callee.port}"))
        await stub.Inside(Cargo())
        assert (await refused(stub.Read(Cargo()))).reason == "TOKEN_MISSING"
    (call,) = noting.calls
    assert (call.principal, call.calling_service) == (None, "risk")
    assert len(call.request_id) == 32


async def test_metadata_of_the_callers_own_is_kept(channels: Channels, identity: Identity) -> None:
    noting = Noting()
    async with started(trial_server(Trial(noting), identity)) as callee:
        stub = TrialServiceStub(channels.channel("trial", f"127.0.0.1:{callee.port}"))
        await stub.Inside(Cargo(), metadata=[("idempotency-key", "k")])
    assert noting.calls[0].metadata["idempotency-key"] == "k"


@pytest.mark.parametrize(
    ("client_seconds", "asked", "expected"),
    [(None, None, 5), (2, None, 2), (60, None, 5), (60, 1, 1), (2, 60, 2)],
)
async def test_a_call_ends_with_the_time_of_its_caller(
    client_seconds: float | None, asked: float | None, expected: float, channels: Channels, identity: Identity
) -> None:
    noting = Noting()
    async with (
        started(trial_server(Trial(noting), identity)) as callee,
        started(trial_server(Trial(onward(channels, callee.port, "ReadLong", asked)), identity)) as caller,
        client(caller.port) as stub,
    ):
        await stub.Read(Cargo(), metadata=bearer(identity), timeout=client_seconds)
    assert expected - 1 < noting.remaining[0] < expected + 0.1


async def test_a_caller_who_goes_away_stops_the_callee(channels: Channels, identity: Identity) -> None:
    running, stopped = asyncio.Event(), asyncio.Event()

    async def hang(request: Cargo, context: Context) -> Cargo:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return request

    async with (
        started(trial_server(Trial(hang), identity)) as callee,
        started(trial_server(Trial(onward(channels, callee.port)), identity)) as caller,
        client(caller.port) as stub,
        asyncio.timeout(10),
    ):
        call = stub.Open(Cargo())
        await running.wait()
        call.cancel()
        await stopped.wait()


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (NotFound("thing", "x"), Code.NOT_FOUND, "RESOURCE_NOT_FOUND"),
        (Unavailable("database"), Code.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
        (ValueError("a secret"), Code.INTERNAL, "UNEXPECTED"),
    ],
)
async def test_a_failure_two_services_away_is_told_as_if_it_were_here(
    error: Exception, code: Code, reason: str, channels: Channels, identity: Identity
) -> None:
    async with (
        started(trial_server(Trial(raising(error)), identity)) as callee,
        started(trial_server(Trial(onward(channels, callee.port, "Open")), identity)) as caller,
        client(caller.port) as stub,
    ):
        found = await refused(stub.Open(Cargo(), metadata=[("x-request-id", "my-id")]))
    assert (found.code, found.reason) == (code, reason)
    expected = error.metadata if isinstance(error, NotFound | Unavailable) else {"request_id": "my-id"}
    assert dict(found.info.metadata) == expected
    assert "secret" not in f"{found.message}{found.trailers}"


async def test_a_service_that_is_not_trusted_is_a_defect_of_ours_and_not_the_users(identity: Identity) -> None:
    stranger = Channels("risk", "another key, which is just as long")
    async with (
        started(trial_server(Trial(), identity)) as callee,
        started(trial_server(Trial(onward(stranger, callee.port)), identity)) as caller,
        client(caller.port) as stub,
    ):
        assert (await refused(stub.Read(Cargo(), metadata=bearer(identity)))).reason == "UNEXPECTED"
    await stranger.close()


async def test_a_callee_that_is_gone_is_unavailable(channels: Channels, identity: Identity) -> None:
    async with (
        started(trial_server(Trial(onward(channels, 1)), identity)) as caller,
        client(caller.port) as stub,
    ):
        found = await refused(stub.Open(Cargo()))
    assert (found.code, found.reason) == (Code.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")


@pytest.mark.parametrize("value", [b"a\nb", "é".encode(), b"\xff", b"\x00"])
async def test_headers_that_grpc_refuses_to_send_do_not_break_the_next_call(
    value: bytes, channels: Channels, identity: Identity
) -> None:
    noting = Noting()
    async with (
        started(trial_server(Trial(noting), identity)) as callee,
        started(trial_server(Trial(onward(channels, callee.port)), identity)) as caller,
    ):
        headers = {"x-request-id": value, "traceparent": value, "tracestate": value}
        await raw_http2.call(caller.port, OPEN, headers)
    assert len(noting.calls) == 1


async def test_a_proxy_for_the_outside_world_is_not_used(
    channels: Channels, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("no_grpc_proxy", raising=False)
    async with started(trial_server(Trial(), identity)) as callee:
        stub = TrialServiceStub(channels.channel("trial", f"127.0.0.1:{callee.port}"))
        assert await stub.Inside(Cargo(name="n")) == Cargo(name="n")
        async with client(callee.port) as plain:  # which goes to the proxy: the variables are seen
            assert (await refused(plain.Open(Cargo()))).code == Code.UNAVAILABLE


def test_a_channel_is_opened_once_for_each_address() -> None:
    async def open_some() -> None:
        channels = Channels("risk", SERVICE_KEY)
        first = channels.channel("trial", "127.0.0.1:1")
        assert channels.channel("trial", "127.0.0.1:1") is first
        assert channels.channel("trial", "127.0.0.1:2") is not first
        await channels.close()

    asyncio.run(open_some())


def test_what_is_tried_again_is_what_reads() -> None:
    (methods,) = json.loads(service_config("trial"))["methodConfig"]
    assert {entry["method"] for entry in methods["name"]} == {"Read", "ReadLong", "Inside"}
    (real,) = json.loads(service_config("portfolio"))["methodConfig"]
    names = {entry["method"] for entry in real["name"]}
    assert {"GetBook", "GetJwks", "GetMe", "GetPortfolio"} <= names
    assert not names & {"Login", "Refresh", "CreatePortfolio", "UploadPortfolio", "DeletePortfolio"}


async def test_a_probe_tells_whether_a_service_is_ready(channels: Channels, identity: Identity) -> None:
    server = trial_server(Trial(), identity)
    async with started(server):
        probe = service_probe(channels.channel("trial", f"127.0.0.1:{server.port}"))
        await probe()
        await server._health.enter_graceful_shutdown()
        with pytest.raises(ConnectionError, match="its status is 2"):
            await probe()
    with pytest.raises(grpc.aio.AioRpcError):
        await probe()


class Published(IdentityServiceServicer):
    """The identity service, as far as keys go."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self.body: bytes | None = None

    async def GetJwks(self, request: object, context: Context) -> object:
        from google.api.httpbody_pb2 import HttpBody

        body = json.dumps(await self._identity.fetch_keys()).encode() if self.body is None else self.body
        return HttpBody(content_type="application/json", data=body)


async def test_keys_come_from_identity_over_grpc(channels: Channels, identity: Identity) -> None:
    published = Published(identity)
    register = [(add_IdentityServiceServicer_to_server, published)]
    async with started(trial_server(Trial(), identity, register=register)) as server:
        fetch = RemoteKeys(channels.channel("portfolio", f"127.0.0.1:{server.port}"))
        assert await TokenVerifier("plimsoll", "plimsoll", fetch).verify(identity.token()) == Principal(ALICE)
        for garbage in (b"", b"<html>", b"[]", b"\xff", b"{}"):
            published.body = garbage
            with pytest.raises(Unavailable):
                await TokenVerifier("plimsoll", "plimsoll", fetch).verify(identity.token())
