"""A service's server: what it needs to start, what it offers beside its RPCs, and how it stops."""

import asyncio
import dataclasses
import socket
from collections.abc import Awaitable, Callable

import grpc
import pytest
from google.protobuf.message import Message
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from chassis.call import Call
from chassis.errors import CannotStart, PermissionDenied
from chassis.server import MAX_REQUEST_BYTES
from tests.chassis.identity import Identity
from tests.chassis.serving import Client, Context, Trial, bearer, client, echo, refused, serving, started, trial_server
from tests.chassis.trial import Cargo

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
Code = grpc.StatusCode


def step(done: list[str], name: str) -> Callable[[], Awaitable[object]]:
    async def do() -> None:
        done.append(name)

    return do


async def test_a_free_port_is_taken_and_told(identity: Identity) -> None:
    async with started(trial_server(Trial(), identity)) as one, started(trial_server(Trial(), identity)) as two:
        assert 0 < one.port != two.port > 0
        for server in (one, two):
            async with client(server.port) as stub:
                assert await stub.Open(Cargo(name="n")) == Cargo(name="n")


async def test_checks_come_before_the_first_call_in_their_order(identity: Identity) -> None:
    done: list[str] = []
    server = trial_server(Trial(), identity, start=[step(done, "schema"), step(done, "keys")])

    async def not_yet() -> None:
        assert server.port == 0

    server._service = dataclasses.replace(server._service, start=[*server._service.start, not_yet])
    async with started(server):
        assert done == ["schema", "keys"]


async def test_a_check_that_fails_keeps_the_server_from_listening(identity: Identity) -> None:
    done: list[str] = []

    async def fail() -> None:
        raise CannotStart("schema is too old")

    server = trial_server(Trial(), identity, start=[fail, step(done, "later")], close=[step(done, "closed")])
    with pytest.raises(CannotStart):
        await server.start()
    assert (server.port, done) == (0, [])
    await server.stop()
    assert done == ["closed"]


@pytest.mark.parametrize("field", ["listen_address", "admin_address"])
async def test_a_taken_address_is_a_clear_error(field: str, identity: Identity) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = trial_server(Trial(), identity, **{field: address})
        with pytest.raises(OSError, match=f"cannot listen on {address}: is it taken?"):
            await server.start()
        await server.stop()


async def test_another_of_our_servers_does_not_share_the_port(identity: Identity) -> None:
    async with started(trial_server(Trial(), identity)) as first:
        second = trial_server(Trial(), identity, listen_address=f"127.0.0.1:{first.port}")
        with pytest.raises(OSError, match="is it taken"):
            await second.start()
        await second.stop()
        async with client(first.port) as stub:
            assert await stub.Open(Cargo()) == Cargo()


async def test_an_address_that_is_not_ours_is_a_clear_error(identity: Identity) -> None:
    server = trial_server(Trial(), identity, listen_address="192.0.2.1:5")
    with pytest.raises(OSError, match=r"192\.0\.2\.1:5"):
        await server.start()
    await server.stop()


async def health(stub: Client, service: str = "") -> health_pb2.HealthCheckResponse:
    answer: health_pb2.HealthCheckResponse = await health_pb2_grpc.HealthStub(stub.channel).Check(
        health_pb2.HealthCheckRequest(service=service)
    )
    return answer


async def test_health_needs_no_token() -> None:
    async with serving() as stub:
        assert (await health(stub)).status == SERVING
        assert (await refused(health(stub, "nothing"))).code == Code.NOT_FOUND


@pytest.mark.parametrize("on", [True, False])
async def test_the_contract_can_be_asked_for_where_that_is_wanted(on: bool) -> None:
    async with serving(reflection=on) as stub:
        reflection = reflection_pb2_grpc.ServerReflectionStub(stub.channel)
        call = reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        if not on:
            assert await call.code() == Code.UNIMPLEMENTED
            return
        answer = await call.read()
        assert {service.name for service in answer.list_services_response.service} == {
            "plimsoll.trial.v1.TrialService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }
        call.cancel()


async def test_operators_see_channels_at_the_admin_address_alone(identity: Identity) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = trial_server(Trial(), identity, admin_address=f"127.0.0.1:{port}")
    async with started(server), client(port) as admin, client(server.port) as stub:
        servers = await channelz_pb2_grpc.ChannelzStub(admin.channel).GetServers(channelz_pb2.GetServersRequest())
        assert len(servers.server) >= 2
        assert (await refused(admin.Open(Cargo()))).code == Code.UNIMPLEMENTED
        hidden = channelz_pb2_grpc.ChannelzStub(stub.channel).GetServers(channelz_pb2.GetServersRequest())
        assert (await refused(hidden)).code == Code.UNIMPLEMENTED


async def test_further_guards_come_after_ours(identity: Identity) -> None:
    seen: list[tuple[str, Message]] = []

    async def guard(call: Call, request: Message) -> None:
        seen.append((call.user_id, request))
        raise PermissionDenied("PERMISSION_INSUFFICIENT", "not today", needs="another day")

    async with serving(echo, identity, guards=[guard]) as stub:
        assert (await refused(stub.Read(Cargo()))).reason == "TOKEN_MISSING"
        assert (await refused(stub.Read(Cargo(name="x" * 21), metadata=bearer(identity)))).reason == "INVALID_FIELD"
        assert seen == []
        assert (await refused(stub.Read(Cargo(name="n"), metadata=bearer(identity)))).message == "not today"
    assert [request for _, request in seen] == [Cargo(name="n")]


async def test_a_message_over_the_limit_of_the_server_is_refused_unread() -> None:
    async with serving() as stub:
        found = await refused(stub.Open(Cargo(sealed=b"x" * MAX_REQUEST_BYTES)))
        assert found.code == Code.RESOURCE_EXHAUSTED
        assert (await refused(stub.Open(Cargo(sealed=b"x" * (2 << 20))))).reason == "REQUEST_TOO_LARGE"


class Slow:
    """A behaviour that waits to be told to answer."""

    def __init__(self) -> None:
        self.running, self.go_on, self.cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, request: Cargo, context: Context) -> Cargo:
        self.running.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return request


async def test_a_server_that_stops_says_so_first_and_lets_calls_finish(identity: Identity) -> None:
    slow, done = Slow(), list[str]()
    server = trial_server(Trial(slow), identity, drain_seconds=20, close=[step(done, "first"), step(done, "second")])
    await server.start()
    async with client(server.port) as stub, asyncio.timeout(10):
        watch = health_pb2_grpc.HealthStub(stub.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        call = stub.Open(Cargo(name="n"))
        await slow.running.wait()
        stopping = asyncio.create_task(server.stop())
        assert (await watch.read()).status == NOT_SERVING
        watch.cancel()
        async with client(server.port) as another:
            assert (await refused(another.Open(Cargo()))).code == Code.UNAVAILABLE
        assert done == []
        assert not stopping.done()
        slow.go_on.set()
        assert await call == Cargo(name="n")
        await stopping
    assert done == ["first", "second"]


async def test_a_call_that_does_not_finish_is_cut_off_after_the_drain(identity: Identity) -> None:
    slow = Slow()
    server = trial_server(Trial(slow), identity, drain_seconds=0.05)
    await server.start()
    async with client(server.port) as stub, asyncio.timeout(10):
        call = stub.Open(Cargo())
        await slow.running.wait()
        await server.stop()
        assert (await refused(call)).code == Code.UNAVAILABLE
        await slow.cancelled.wait()


async def test_a_server_without_calls_stops_at_once(identity: Identity) -> None:
    server = trial_server(Trial(), identity, drain_seconds=300)
    async with asyncio.timeout(10), started(server), client(server.port) as stub:
        await stub.Open(Cargo())


async def test_many_calls_at_once_are_all_served(identity: Identity) -> None:
    async with serving(echo, identity) as stub:
        metadata = bearer(identity)
        answers = await asyncio.gather(*(stub.Read(Cargo(weight=n), metadata=metadata) for n in range(400)))
    assert [answer.weight for answer in answers] == list(range(400))
