"""The portfolio service as it is wired, in process, on a real database and before a small marketdata service."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from chassis.server import Server
from chassis.settings import Secret
from chassis.tokens import ServiceTokens
from plimsoll.identity.v1.account_service_pb2_grpc import AccountServiceStub
from plimsoll.identity.v1.admin_service_pb2_grpc import AdminServiceStub
from plimsoll.identity.v1.api_key_service_pb2_grpc import ApiKeyServiceStub
from plimsoll.identity.v1.event_service_pb2_grpc import EventServiceStub
from plimsoll.identity.v1.identity_service_pb2 import LoginRequest, RegisterRequest, Session
from plimsoll.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from plimsoll.identity.v1.quota_service_pb2_grpc import QuotaServiceStub
from plimsoll.identity.v1.token_service_pb2_grpc import TokenServiceStub
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import add_MarketDataServiceServicer_to_server
from plimsoll.marketdata.v1.reference_service_pb2_grpc import add_ReferenceServiceServicer_to_server
from plimsoll.portfolio.v1.cash_service_pb2_grpc import CashServiceStub
from plimsoll.portfolio.v1.change_service_pb2_grpc import ChangeServiceStub
from plimsoll.portfolio.v1.data_service_pb2_grpc import DataServiceStub
from plimsoll.portfolio.v1.export_service_pb2_grpc import ExportServiceStub
from plimsoll.portfolio.v1.import_service_pb2_grpc import ImportServiceStub
from plimsoll.portfolio.v1.label_service_pb2_grpc import LabelServiceStub
from plimsoll.portfolio.v1.plaid_service_pb2_grpc import PlaidServiceStub
from plimsoll.portfolio.v1.portfolio_service_pb2_grpc import PortfolioServiceStub
from plimsoll.portfolio.v1.position_service_pb2_grpc import PositionServiceStub
from plimsoll.portfolio.v1.risk_settings_service_pb2_grpc import RiskSettingsServiceStub
from plimsoll.portfolio.v1.scenario_service_pb2_grpc import ScenarioServiceStub
from services.portfolio.administration import create_admin
from services.portfolio.settings import Settings
from services.portfolio.wiring import build
from tests.services.portfolio.marketdata_stub import MarketDataStub, ReferenceStub

SERVICE_KEY = "a service key for tests, long enough"
PASSWORD = "a long enough password"
Metadata = list[tuple[str, str]]


@dataclass
class Client:
    """One caller: the stubs, and the metadata that says who calls."""

    channel: grpc.aio.Channel
    metadata: Metadata = field(default_factory=list)

    def __post_init__(self) -> None:
        self.identity = _With(IdentityServiceStub(self.channel), self.metadata)
        self.account = _With(AccountServiceStub(self.channel), self.metadata)
        self.keys = _With(ApiKeyServiceStub(self.channel), self.metadata)
        self.admin = _With(AdminServiceStub(self.channel), self.metadata)
        self.tokens = _With(TokenServiceStub(self.channel), self.metadata)
        self.quotas = _With(QuotaServiceStub(self.channel), self.metadata)
        self.events = _With(EventServiceStub(self.channel), self.metadata)
        self.portfolios = _With(PortfolioServiceStub(self.channel), self.metadata)
        self.positions = _With(PositionServiceStub(self.channel), self.metadata)
        self.cash = _With(CashServiceStub(self.channel), self.metadata)
        self.changes = _With(ChangeServiceStub(self.channel), self.metadata)
        self.settings = _With(RiskSettingsServiceStub(self.channel), self.metadata)
        self.scenarios = _With(ScenarioServiceStub(self.channel), self.metadata)
        self.imports = _With(ImportServiceStub(self.channel), self.metadata)
        self.labels = _With(LabelServiceStub(self.channel), self.metadata)
        self.plaid = _With(PlaidServiceStub(self.channel), self.metadata)
        self.exports = _With(ExportServiceStub(self.channel), self.metadata)
        self.data = _With(DataServiceStub(self.channel), self.metadata)


class _With:
    """A stub whose calls all carry some metadata."""

    def __init__(self, stub: Any, metadata: Metadata) -> None:
        self._stub = stub
        self._metadata = metadata

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._stub, name)
        return lambda request, metadata=(): method(request, metadata=[*self._metadata, *metadata])


@pytest.fixture
def settings(database_url: Callable[[str], str]) -> Settings:
    return Settings(
        listen_address="127.0.0.1:0",
        database_url=Secret(database_url("portfolio")),
        service_key=Secret(SERVICE_KEY),
        key_secret=Secret("a key secret for tests, long enough"),
        marketdata_address="127.0.0.1:1",
        rate_limits="off",
    )


@pytest.fixture
async def marketdata_address() -> AsyncIterator[str]:
    server = grpc.aio.server()
    add_MarketDataServiceServicer_to_server(MarketDataStub(), server)
    add_ReferenceServiceServicer_to_server(ReferenceStub(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


@pytest.fixture
async def server(settings: Settings, marketdata_address: str) -> AsyncIterator[Server]:
    import dataclasses

    wired = dataclasses.replace(settings, marketdata_address=marketdata_address)
    server = Server(build(wired), wired)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel


@pytest.fixture
def nobody(channel: grpc.aio.Channel) -> Client:
    return Client(channel)


@pytest.fixture
async def alice(nobody: Client) -> Client:
    return await signed_in(nobody, "alice@example.com")


@pytest.fixture
async def root(nobody: Client, settings: Settings) -> Client:
    """An admin."""
    await create_admin(settings, "root@example.com", PASSWORD)
    return await logged_in(nobody, "root@example.com")


@pytest.fixture
async def mallory(nobody: Client) -> Client:
    return await signed_in(nobody, "mallory@example.com")


async def signed_in(client: Client, email: str) -> Client:
    await client.identity.Register(RegisterRequest(email=email, password=PASSWORD))
    return await logged_in(client, email)


async def logged_in(client: Client, email: str, password: str = PASSWORD) -> Client:
    session: Session = await client.identity.Login(LoginRequest(email=email, password=password))
    return Client(client.channel, [("authorization", f"Bearer {session.access_token}")])


def as_service(client: Client) -> Client:
    """The same caller, through another service."""
    token = ServiceTokens("risk", SERVICE_KEY).mint("portfolio")
    return Client(client.channel, [*client.metadata, ("x-plimsoll-service-token", token)])


class Refused:
    """What a call is refused with: code, reason, the fields named."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code = error.code()
        self.message = error.details() or ""
        status = status_pb2.Status.FromString(dict(error.trailing_metadata() or ())["grpc-status-details-bin"])
        self.info, broken = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        status.details[0].Unpack(self.info)
        if len(status.details) > 1:
            status.details[1].Unpack(broken)
        self.reason = self.info.reason
        self.fields = {violation.field: violation.description for violation in broken.field_violations}


async def refused(call: Any) -> Refused:
    """Await a call that must fail, and give what it failed with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return Refused(caught.value)
