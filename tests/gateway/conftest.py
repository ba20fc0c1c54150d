"""One gateway before small servers, for all tests that do not harm it."""

from collections.abc import AsyncIterator

import grpc
import httpx
import pytest
import pytest_asyncio

from gateway.assembly import Assembly, assemble
from gateway.contract.descriptors import Descriptors, read_descriptors
from gateway.contract.rpcs import Rpc, routed_rpcs
from gateway.settings import Settings
from tests.gateway.backends import Backends, Seen, Tokens, backends_for
from tests.gateway.running import Gateway, gateway_before, until_healthy


@pytest.fixture(scope="session")
def descriptors() -> Descriptors:
    return read_descriptors()


@pytest.fixture(scope="session")
def rpcs(descriptors: Descriptors) -> tuple[Rpc, ...]:
    return routed_rpcs(descriptors)


@pytest.fixture(scope="session")
def assembly() -> Assembly:
    return assemble(Settings())


@pytest.fixture(scope="session")
def tokens() -> Tokens:
    return Tokens()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def backends(tokens: Tokens) -> AsyncIterator[Backends]:
    async with backends_for(tokens) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    log = tmp_path_factory.mktemp("gateway") / "gateway.log"
    async with (
        gateway_before(backends.addresses, log) as running,
        httpx.AsyncClient(base_url=running.url, verify=False) as client,
    ):
        await until_healthy(client)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def rest(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60, verify=False) as client:
        # While a test that is not asynchronous ran, the servers in our loop stood still and were taken for ill.
        await until_healthy(client)
        yield client


@pytest.fixture
def bearer(tokens: Tokens) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens.mint()}"}


@pytest_asyncio.fixture(loop_scope="session")
async def channel(gateway: Gateway, rest: httpx.AsyncClient) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(gateway.address, options=[("grpc.enable_http_proxy", 0)]) as opened:
        yield opened


@pytest.fixture
def seen(backends: Backends) -> Seen:
    """What reaches the servers from now on."""
    backends.seen.forget()
    return backends.seen
