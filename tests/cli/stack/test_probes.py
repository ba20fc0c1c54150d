"""Probes say whether a part can be used, and never raise because it cannot."""

import asyncio
import http.server
import threading
from collections.abc import AsyncIterator, Iterator

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from cli import health
from cli.stack.errors import StackError
from cli.stack.probes import grpc_serving, http_ok, tcp_open, until
from tests.cli.stack.test_ports import free_port

Status = health_pb2.HealthCheckResponse


@pytest.fixture
async def service() -> AsyncIterator[tuple[health_aio.HealthServicer, str]]:
    """A gRPC server with nothing but its health, and its address."""
    server = grpc.aio.server()
    servicer = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(None)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def website() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


async def test_a_service_that_serves(service: tuple[health_aio.HealthServicer, str]) -> None:
    servicer, address = service
    await servicer.set("", Status.NOT_SERVING)
    assert not await grpc_serving(address)()
    await servicer.set("", Status.SERVING)
    assert await grpc_serving(address)()
    assert await health.question(address)()


async def test_a_proxy_for_the_web_is_not_asked(
    service: tuple[health_aio.HealthServicer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    await service[0].set("", Status.SERVING)
    assert await grpc_serving(service[1])()


async def test_nobody_there() -> None:
    address = f"127.0.0.1:{free_port()}"
    assert not await grpc_serving(address)()
    assert not await http_ok(address, "/healthz")()
    assert not await tcp_open(address)()


async def test_a_web_server(website: str) -> None:
    assert await http_ok(website, "/healthz")()
    assert not await http_ok(website, "/elsewhere")()
    assert await tcp_open(website)()
    assert not await grpc_serving(website)()
    assert await health.question(f"http://{website}/healthz")()


async def test_until_asks_again() -> None:
    answers = iter([False, False, True])

    async def probe() -> bool:
        return next(answers)

    await asyncio.wait_for(until(probe), timeout=60)
    assert list(answers) == []


@pytest.mark.parametrize("target", ["", "8080", "localhost:", "localhost:http", "https://localhost/"])
def test_a_target_that_is_no_address(target: str) -> None:
    with pytest.raises(StackError, match="is neither host:port nor http://host:port/path"):
        health.question(target)
