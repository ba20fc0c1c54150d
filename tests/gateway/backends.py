"""Small gRPC servers that answer a few of the real services' methods, and note what reached them."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.api.httpbody_pb2 import HttpBody
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from plimsoll.identity.v1 import identity_service_pb2 as identity
from plimsoll.identity.v1 import identity_service_pb2_grpc as identity_grpc
from plimsoll.identity.v1.user_pb2 import User
from plimsoll.marketdata.v1 import marketdata_service_pb2 as marketdata
from plimsoll.marketdata.v1 import marketdata_service_pb2_grpc as marketdata_grpc
from plimsoll.marketdata.v1.instrument_pb2 import Instrument
from plimsoll.portfolio.v1 import portfolio_service_pb2 as portfolio
from plimsoll.portfolio.v1 import portfolio_service_pb2_grpc as portfolio_grpc
from plimsoll.portfolio.v1.portfolio_pb2 import Portfolio
from plimsoll.risk.v1 import analytics_service_pb2 as analytics
from plimsoll.risk.v1 import analytics_service_pb2_grpc as analytics_grpc
from plimsoll.risk.v1.overview_pb2 import Overview

ABSENT_ID = "00000000-0000-4000-8000-000000000000"
HUGE_NAME = "huge"
REFUSED_UPLOADS = {
    "rows": ("REQUEST_TOO_LARGE", "the file has more than 10000 rows", {"limit_rows": "10000"}),
    "words": ("MALFORMED_FILE", 'line 1 is "reason":"REQUEST_TOO_LARGE"', {"line": "1"}),
}
"""By the name of the portfolio: what the service refuses the file with."""
"""A symbol whose instrument is larger than Envoy's default buffers."""
HUGE_BYTES = 6 << 20
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Seen:
    """What reached a servicer: the newest request and the metadata of each call."""

    requests: list[Any] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    seconds_left: list[float | None] = field(default_factory=list)

    def note(self, request: Any, context: Context) -> None:
        self.requests.append(request)
        self.metadata.append({str(key): str(value) for key, value in context.invocation_metadata() or ()})
        self.seconds_left.append(context.time_remaining())

    def forget(self) -> None:
        for noted in (self.requests, self.metadata, self.seconds_left):
            noted.clear()

    @property
    def newest(self) -> dict[str, str]:
        return self.metadata[-1]


class Identity(identity_grpc.IdentityServiceServicer):
    def __init__(self, seen: Seen, keys: HttpBody) -> None:
        self._seen = seen
        self._keys = keys

    async def GetJwks(self, request: identity.GetJwksRequest, context: Context) -> HttpBody:
        return self._keys

    async def GetMe(self, request: identity.GetMeRequest, context: Context) -> User:
        self._seen.note(request, context)
        return User(user_id=ABSENT_ID, email="ada@example.com", role=User.MEMBER)

    async def Login(self, request: identity.LoginRequest, context: Context) -> identity.Session:
        self._seen.note(request, context)
        await context.send_initial_metadata((("set-cookie", "auth_token=abc; HttpOnly; SameSite=Lax; Path=/"),))
        return identity.Session(access_token="abc", token_type="Bearer", expires_in=900)


class Portfolios(portfolio_grpc.PortfolioServiceServicer):
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def ListPortfolios(
        self, request: portfolio.ListPortfoliosRequest, context: Context
    ) -> portfolio.ListPortfoliosResponse:
        self._seen.note(request, context)
        return portfolio.ListPortfoliosResponse(portfolios=[Portfolio(name="Core", revision=1)])

    async def CreatePortfolio(self, request: portfolio.CreatePortfolioRequest, context: Context) -> Portfolio:
        self._seen.note(request, context)
        return Portfolio(name=request.name, base_currency=request.base_currency, revision=1)

    async def GetPortfolio(self, request: portfolio.GetPortfolioRequest, context: Context) -> Portfolio:
        self._seen.note(request, context)
        if request.portfolio_id == ABSENT_ID:
            await _not_found(context, request.portfolio_id)
        return Portfolio(portfolio_id=request.portfolio_id)

    async def UpdatePortfolio(self, request: portfolio.UpdatePortfolioRequest, context: Context) -> Portfolio:
        self._seen.note(request, context)
        return Portfolio(portfolio_id=request.portfolio_id, name=request.name)

    async def UploadPortfolio(
        self, request: portfolio.UploadPortfolioRequest, context: Context
    ) -> portfolio.UploadPortfolioResponse:
        self._seen.note(request, context)
        if refusal := REFUSED_UPLOADS.get(request.portfolio_name):
            await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, *refusal)
        return portfolio.UploadPortfolioResponse(portfolio=Portfolio(name=request.portfolio_name))

    async def GetBook(self, request: portfolio.GetBookRequest, context: Context) -> portfolio.Book:
        self._seen.note(request, context)
        return portfolio.Book(revision=1)


class MarketData(marketdata_grpc.MarketDataServiceServicer):
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def GetInstrument(self, request: marketdata.GetInstrumentRequest, context: Context) -> Instrument:
        self._seen.note(request, context)
        name = "x" * HUGE_BYTES if request.symbol == HUGE_NAME else request.symbol
        return Instrument(symbol=request.symbol, name=name, kind=Instrument.STOCK)

    async def ListBars(self, request: marketdata.ListBarsRequest, context: Context) -> marketdata.ListBarsResponse:
        self._seen.note(request, context)
        return marketdata.ListBarsResponse(symbol=request.symbol, price_basis=request.price_basis)

    async def GetQuotes(self, request: marketdata.GetQuotesRequest, context: Context) -> marketdata.GetQuotesResponse:
        self._seen.note(request, context)
        return marketdata.GetQuotesResponse()


class Analytics(analytics_grpc.AnalyticsServiceServicer):
    """Answers no overview before its caller has lost patience."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()

    async def GetOverview(self, request: analytics.GetOverviewRequest, context: Context) -> Overview:
        self._seen.note(request, context)
        self.asked.set()
        await self.let_go.wait()
        return Overview(available=True, portfolio_id=request.portfolio_id)


async def _not_found(context: Context, portfolio_id: str) -> None:
    await _refuse(context, grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND", "no such portfolio", {"id": portfolio_id})


async def _refuse(context: Context, code: grpc.StatusCode, reason: str, message: str, metadata: dict[str, str]) -> None:
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="plimsoll", metadata=metadata))
    trailing = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, status.message, trailing)


class Tokens:
    """Mints access tokens as identity does, and as a forger would."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key()

    @property
    def jwks(self) -> HttpBody:
        key = jwt.algorithms.OKPAlgorithm.to_jwk(self.public_key, as_dict=True)
        keys = {"keys": [{**key, "kid": "k1", "alg": "EdDSA", "use": "sig"}]}
        return HttpBody(content_type="application/json", data=json.dumps(keys).encode())

    def mint(self, key: Any = None, algorithm: str = "EdDSA", kid: str = "k1", **changed: Any) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {"iss": "plimsoll", "aud": "plimsoll", "sub": str(uuid.uuid4()), "iat": now}
        claims |= {
            "exp": now + 900,
            "jti": uuid.uuid4().hex,
            "role": "member",
            "scope": "read write",
            "tier": "registered",
        }
        claims |= changed
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self._key if key is None else key, algorithm, headers={"kid": kid})


@dataclass
class Backends:
    """The servers behind the gateway, and what reached them."""

    addresses: dict[str, str]
    health: dict[str, health_aio.HealthServicer]
    analytics: Analytics
    seen: Seen
    tokens: Tokens


@asynccontextmanager
async def backends_for(tokens: Tokens) -> AsyncIterator[Backends]:
    seen = Seen()
    servers: list[grpc.aio.Server] = []
    addresses: dict[str, str] = {}
    health: dict[str, health_aio.HealthServicer] = {}
    slow = Analytics(seen)
    for name in ("portfolio", "marketdata", "risk"):
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", 12 << 20), ("grpc.so_reuseport", 0)])
        health[name] = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(health[name], server)
        if name == "portfolio":
            identity_grpc.add_IdentityServiceServicer_to_server(Identity(seen, tokens.jwks), server)
            portfolio_grpc.add_PortfolioServiceServicer_to_server(Portfolios(seen), server)
        elif name == "marketdata":
            marketdata_grpc.add_MarketDataServiceServicer_to_server(MarketData(seen), server)
        else:
            analytics_grpc.add_AnalyticsServiceServicer_to_server(slow, server)
        addresses[name] = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        await health[name].set("", health_pb2.HealthCheckResponse.SERVING)
        servers.append(server)
    try:
        yield Backends(addresses, health, slow, seen, tokens)
    finally:
        slow.let_go.set()
        await asyncio.gather(*(server.stop(0) for server in servers))
