"""What the gateway does when something behind it, or it itself, goes away. Each test has a gateway of its own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from plimsoll.identity.v1 import identity_service_pb2 as identity
from plimsoll.identity.v1 import identity_service_pb2_grpc as identity_grpc
from tests.gateway.answers import error_of
from tests.gateway.backends import ABSENT_ID, Backends, Tokens, backends_for
from tests.gateway.running import Gateway, free_port, gateway_before, start, until_healthy

INSTRUMENT = "/api/v1/marketdata/instruments/AAPL"
OVERVIEW = f"/api/v1/analytics/portfolio/{ABSENT_ID}/overview"


@asynccontextmanager
async def running(
    backends: Backends, folder: Path, **settings: str
) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    async with (
        gateway_before(backends.addresses, folder / "gateway.log", **settings) as gateway,
        httpx.AsyncClient(base_url=gateway.url, timeout=20) as client,
    ):
        yield gateway, client


def authorization(tokens: Tokens) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens.mint()}"}


def envoy_of(gateway: Gateway) -> int:
    """Give the process id of the one child that a gateway has."""
    pid = gateway.process.pid
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


async def gone(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    try:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(descriptor, ended.set)
        async with asyncio.timeout(60):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


async def test_an_ill_service_is_503_and_the_others_are_not(tokens: Tokens, tmp_path: Path) -> None:
    async with backends_for(tokens) as backends, running(backends, tmp_path) as (_, client):
        await until_healthy(client)
        await backends.health["marketdata"].set("", HealthCheckResponse.NOT_SERVING)
        await until_healthy(client, 503)
        answer = await client.get(INSTRUMENT, headers=authorization(tokens))
        assert answer.status_code == 503
        assert error_of(answer) == (14, "DEPENDENCY_UNAVAILABLE", {"dependency": "marketdata"})
        assert error_of(await client.get("/healthz"))[:2] == (14, "DEPENDENCY_UNAVAILABLE")
        assert (await client.get("/api/v1/auth/me", headers=authorization(tokens))).status_code == 200
        await backends.health["marketdata"].set("", HealthCheckResponse.SERVING)
        async with asyncio.timeout(60):
            # Envoy's workers hear of it a moment after those who ask for health.
            while (await client.get(INSTRUMENT, headers=authorization(tokens))).status_code != 200:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)


async def test_tokens_are_verified_while_identity_is_down(tokens: Tokens, tmp_path: Path) -> None:
    async with (
        backends_for(tokens) as backends,
        running(backends, tmp_path, jwks_cache_seconds="1") as (gateway, client),
    ):
        await until_healthy(client)
        assert (await client.get(INSTRUMENT, headers=authorization(tokens))).status_code == 200
        await backends.health["portfolio"].set("", HealthCheckResponse.NOT_SERVING)
        await until_healthy(client, 503)
        await refetched(gateway)
        assert (await client.get(INSTRUMENT, headers=authorization(tokens))).status_code == 200
        forged = await client.get(INSTRUMENT, headers={"authorization": f"Bearer {Tokens().mint()}"})
        assert error_of(forged)[1] == "TOKEN_INVALID"


async def refetched(gateway: Gateway) -> None:
    """Wait until the gateway has asked for identity's keys twice more, in vain."""
    async with asyncio.timeout(60), httpx.AsyncClient(base_url=f"http://{gateway.admin}") as admin:

        async def failed() -> int:
            stats = (await admin.get("/stats?format=json&filter=jwt_authn.jwks_fetch_failed")).json()["stats"]
            return sum(each["value"] for each in stats)

        before = await failed()
        while await failed() < before + 2:  # noqa: ASYNC110 - Envoy tells only who asks
            await asyncio.sleep(0.1)


async def test_without_keys_nobody_is_called_a_forger(tokens: Tokens, tmp_path: Path) -> None:
    async with backends_for(tokens) as backends:
        backends.addresses["portfolio"] = f"127.0.0.1:{free_port()}"
        async with running(backends, tmp_path) as (_, client):
            answer = await client.get(INSTRUMENT, headers=authorization(tokens))
            assert answer.status_code == 503
            assert error_of(answer) == (14, "DEPENDENCY_UNAVAILABLE", {"dependency": "portfolio"})
            async with grpc.aio.insecure_channel(str(client.base_url.netloc, "ascii")) as channel:
                stub = identity_grpc.IdentityServiceStub(channel)
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await stub.GetMe(identity.GetMeRequest(), metadata=tuple(authorization(tokens).items()))
                assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_more_calls_than_a_service_may_get_are_503_at_once(tokens: Tokens, tmp_path: Path) -> None:
    async with backends_for(tokens) as backends, running(backends, tmp_path, gateway_max_calls="1") as (_, client):
        await until_healthy(client)
        first = asyncio.create_task(client.get(OVERVIEW, headers=authorization(tokens)))
        await backends.analytics.asked.wait()
        refused = await client.get(OVERVIEW, headers=authorization(tokens))
        assert refused.status_code == 503
        assert error_of(refused) == (14, "DEPENDENCY_UNAVAILABLE", {"dependency": "risk"})
        assert (await client.get(INSTRUMENT, headers=authorization(tokens))).status_code == 200
        backends.analytics.let_go.set()
        assert (await first).status_code == 200


@pytest.mark.parametrize("sent", [b"", b"content-length: 100\r\n\r\n{"], ids=["half a head", "half a body"])
async def test_a_client_that_dawdles_is_cut(tokens: Tokens, tmp_path: Path, sent: bytes) -> None:
    async with (
        backends_for(tokens) as backends,
        running(backends, tmp_path, gateway_request_seconds="1") as (gateway, _),
    ):
        host, _, port = gateway.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" + sent)
        async with asyncio.timeout(60):
            answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b'"DEADLINE_PASSED"' in body


async def test_there_is_an_end_to_connections(tokens: Tokens, tmp_path: Path) -> None:
    async with (
        backends_for(tokens) as backends,
        running(backends, tmp_path, gateway_max_connections="5") as (gateway, _),
    ):
        host, _, port = gateway.address.rpartition(":")
        opened = [await asyncio.open_connection(host, int(port)) for _ in range(12)]
        ends = {asyncio.create_task(reader.read()) for reader, _ in opened}
        async with asyncio.timeout(60):
            closed, kept = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            while len(closed) < 7:
                more, kept = await asyncio.wait(kept, return_when=asyncio.FIRST_COMPLETED)
                closed |= more
        assert {task.result() for task in closed} == {b""}
        assert kept
        for _, writer in opened:
            writer.close()


async def test_sigterm_lets_requests_in_flight_finish(tokens: Tokens, tmp_path: Path) -> None:
    async with backends_for(tokens) as backends, running(backends, tmp_path) as (gateway, client):
        await until_healthy(client)
        envoy = envoy_of(gateway)
        async with httpx.AsyncClient(base_url=gateway.url, timeout=20) as other:
            call = asyncio.create_task(other.get(OVERVIEW, headers=authorization(tokens)))
            await backends.analytics.asked.wait()
            gateway.process.send_signal(signal.SIGTERM)
            await until_healthy(client, 503)
            assert not call.done()
            backends.analytics.let_go.set()
            assert (await call).status_code == 200
        assert await gateway.process.wait() == 0
        with pytest.raises(ProcessLookupError):
            os.kill(envoy, 0)


async def test_sigterm_waits_no_longer_than_it_was_told(tokens: Tokens, tmp_path: Path) -> None:
    async with backends_for(tokens) as backends, running(backends, tmp_path, drain_seconds="0.2") as (gateway, client):
        await until_healthy(client)
        call = asyncio.create_task(client.get(OVERVIEW, headers=authorization(tokens)))
        await backends.analytics.asked.wait()
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.process.wait() == 0
        with pytest.raises(httpx.TransportError):
            await call


async def test_envoy_does_not_outlive_the_gateway(tokens: Tokens, tmp_path: Path) -> None:
    async with backends_for(tokens) as backends, running(backends, tmp_path) as (gateway, _):
        envoy = envoy_of(gateway)
        gateway.process.kill()
        await gone(envoy)


async def test_a_taken_port_is_an_error(tokens: Tokens, tmp_path: Path) -> None:
    async with backends_for(tokens) as backends, running(backends, tmp_path) as (gateway, _):
        second = tmp_path / "second.log"
        process = await start({"PLIMSOLL_GATEWAY_ADDRESS": gateway.address}, second)
        async with asyncio.timeout(60):
            assert await process.wait() == 1
        assert gateway.address in second.read_text()
        assert "cannot bind" in second.read_text()
