"""Marketdata on a real database: empty, with a small market, or with all bundled prices; and as a server."""

import asyncio
import base64
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Iterator

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.rpc import error_details_pb2, status_pb2
from sqlalchemy import text

from chassis.database import Database
from chassis.server import Server
from chassis.settings import Secret
from chassis.tokens import ServiceTokens, TokenVerifier
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import MarketDataServiceStub
from plimsoll.marketdata.v1.private_instrument_service_pb2_grpc import PrivateInstrumentServiceStub
from plimsoll.marketdata.v1.reference_service_pb2_grpc import ReferenceServiceStub
from services.marketdata.application.seal import seal
from services.marketdata.clients.bundled import BundledProvider
from services.marketdata.clients.nyse import NyseCalendar
from services.marketdata.settings import Settings
from services.marketdata.wiring import build
from tests.databases import Databases, wait_for
from tests.services.marketdata.market import Bringing, SyncsOf, days
from tests.services.marketdata.recorded import Recorded, december

SERVICE_KEY = "a service key for tests, long enough"
SIGNING_KEY = Ed25519PrivateKey.generate()
USER, OTHER, ADMIN = (f"9f4b0c3e-0000-4000-8000-{number:012}" for number in (1, 2, 10))


@pytest.fixture
async def database(database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    """An empty database."""
    database = Database(database_url("marketdata"), "marketdata")
    yield database
    await database.close()


@pytest.fixture
def syncs_of(database: Database) -> SyncsOf:
    """`syncs_of(provider)`: the use case on a provider and the small calendar."""
    return lambda provider: Bringing(database, provider)


@pytest.fixture(scope="session")
def bundled_url(postgres: Databases) -> Iterator[str]:
    """A database with every bundled price, sealed to the end. Tests on it must not write history."""
    url = postgres.create("marketdata")
    wait_for(_load(url))
    yield url
    postgres.drop(url)


@pytest.fixture
async def bundled(bundled_url: str) -> AsyncIterator[Database]:
    database = Database(bundled_url, "marketdata")
    yield database
    await database.close()


@pytest.fixture
async def bundled_market(bundled_url: str) -> AsyncIterator["Callers"]:
    """The service on every bundled price."""
    async with serving(bundled_url) as callers:
        yield callers


@pytest.fixture
async def empty_market(database_url: Callable[[str], str]) -> AsyncIterator["Callers"]:
    """The service on an empty database."""
    async with serving(database_url("marketdata")) as callers:
        yield callers


class Callers:
    """The service's stubs as a user, as another service, and as nobody."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        stub = Stubs(channel)
        service_token = ServiceTokens("portfolio", SERVICE_KEY).mint("marketdata")
        self.nobody = stub
        self.user = As(stub, [("authorization", f"Bearer {user_token()}")])
        self.other = As(stub, [("authorization", f"Bearer {user_token(OTHER)}")])
        self.admin = As(stub, [("authorization", f"Bearer {user_token(ADMIN, 'admin')}")])
        behalf = [("x-plimsoll-service-token", service_token), ("authorization", f"Bearer {user_token()}")]
        self.service_for_user = As(stub, behalf)
        self.service = As(stub, [("x-plimsoll-service-token", service_token)])


class Stubs:
    """Every RPC of the package, whichever service it belongs to."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        kinds = (MarketDataServiceStub, IngestionServiceStub, PrivateInstrumentServiceStub, ReferenceServiceStub)
        for kind in kinds:
            vars(self).update(vars(kind(channel)))


class As:
    """A stub whose calls all carry some metadata."""

    def __init__(self, stub, metadata) -> None:
        self._stub = stub
        self._metadata = metadata

    def __getattr__(self, name: str):
        return lambda request, **options: getattr(self._stub, name)(request, metadata=self._metadata, **options)


class serving:  # noqa: N801 - reads as a verb: `async with serving(url)`
    """Serve marketdata, as it is wired, at a free port on a database. Users' tokens are signed by this test.

    No vendor is asked but those that a test sets up.
    """

    def __init__(self, url: str, **providers: object) -> None:
        settings = Settings(
            listen_address="127.0.0.1:0",
            portfolio_address="127.0.0.1:1",
            database_url=Secret(url),
            service_key=Secret(SERVICE_KEY),
            drain_seconds=0.0,
            rate_limits="off",
            **{"fred_enabled": False, **providers},
        )
        tokens = TokenVerifier("plimsoll", "plimsoll", public_keys)
        self._server = Server(dataclasses.replace(build(settings), tokens=tokens), settings)

    async def __aenter__(self) -> Callers:
        await self._server.start()
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self._server.port}")
        return Callers(self._channel)

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
        await self._server.stop()


async def public_keys():
    public = base64.urlsafe_b64encode(SIGNING_KEY.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "test", "x": public}]}


def user_token(user_id: str = USER, role: str = "member") -> str:
    now = int(time.time())
    claims = {"iss": "plimsoll", "aud": "plimsoll", "sub": user_id, "iat": now}
    claims |= {"exp": now + 300, "jti": "1", "role": role, "scope": "read write", "tier": "paid"}
    return jwt.encode(claims, SIGNING_KEY, algorithm="EdDSA", headers={"kid": "test"})


class Refused:
    """What a call was refused with: code, reason, metadata, and the fields named."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code = error.code()
        self.message = error.details() or ""
        status = status_pb2.Status.FromString(dict(error.trailing_metadata() or ())["grpc-status-details-bin"])
        info, broken = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        status.details[0].Unpack(info)
        if len(status.details) > 1:
            status.details[1].Unpack(broken)
        self.reason = info.reason
        self.metadata = dict(info.metadata)
        self.fields = {violation.field: violation.description for violation in broken.field_violations}


async def refused(call) -> Refused:
    """Await a call that must fail, and give what it failed with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return Refused(caught.value)


async def wait_for_waiter(database: Database) -> None:
    """Wait until some transaction in this database waits for another."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(30):
        while True:
            async with database.transaction() as connection:
                if await connection.scalar(waiting):
                    return


async def _load(url: str) -> None:
    database = Database(url, "marketdata")
    try:
        await Bringing(database, BundledProvider(), calendar=NyseCalendar()).sync("bundled")
        await seal(database, days(28)[0])
    finally:
        await database.close()


@pytest.fixture
async def market(database: Database) -> Recorded:
    """What is written into it by hand: the sessions stand, and one version."""
    recorded = Recorded(database)
    await recorded.calendar()
    await recorded.version()
    return recorded


@pytest.fixture
async def split(market: Recorded) -> Recorded:
    """A stock that is split ten for one on the 22nd and pays one dollar a share on the 27th."""
    await market.instrument("A")
    raw = {20: 1000.0, 21: 1010.0, 22: 102.0, 23: 103.0, 27: 101.0, 28: 102.0}
    await market.closes("A", {december(day): close for day, close in raw.items()})
    await market.split("A", december(22), 10.0)
    await market.dividend("A", december(27), 1.0)
    await market.asked_for_actions("A")
    await market.seal(december(28))
    return market
