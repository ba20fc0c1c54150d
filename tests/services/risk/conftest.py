"""The service as it is wired, on a database of its own, before servers that stand for portfolio and marketdata."""

from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from chassis.server import Server
from chassis.settings import Secret
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1.analytics_service_pb2_grpc import AnalyticsServiceStub
from plimsoll.risk.v1.result_service_pb2_grpc import ResultServiceStub
from services.risk.settings import Settings
from services.risk.wiring import build
from tests.services.risk import servers
from tests.services.risk.books import COVERED, LONG_SHORT, PORTFOLIO_ID, SOLD, book_message, closes


class Stack:
    """A running risk service, and what stands behind it."""

    def __init__(self, port, portfolio, marketdata, settings):
        self.portfolio = portfolio
        self.marketdata = marketdata
        self.settings = settings
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self.analytics = AnalyticsServiceStub(self.channel)
        self.results = ResultServiceStub(self.channel)

    async def overview(self, user_id=servers.OWNER, portfolio_id=PORTFOLIO_ID, **request):
        return await self.asked("GetOverview", user_id, portfolio_id, **request)

    async def asked(self, method, user_id=servers.OWNER, portfolio_id=PORTFOLIO_ID, **request):
        """Call a method about the portfolio."""
        message = getattr(pb, f"{method}Request")(portfolio_id=portfolio_id, **request)
        return await getattr(self.analytics, method)(message, metadata=servers.metadata(user_id))

    async def refusal(self, **request):
        """Give code, reason and violated fields of a call that is refused."""
        return await refused(self.overview(**request))


async def refused(call):
    """Give code, reason and violated fields of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    details = dict(raised.value.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(details)
    info, broken = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        assert detail.Unpack(info) or detail.Unpack(broken)
    return raised.value.code(), info.reason, [violation.field for violation in broken.field_violations]


@asynccontextmanager
async def running(settings, portfolio, marketdata):
    """Run the service on settings that name everything it needs."""
    server = Server(build(settings), settings)
    await server.start()
    stack = Stack(server.port, portfolio, marketdata, settings)
    try:
        yield stack
    finally:
        await stack.channel.close()
        await server.stop()


@pytest.fixture
async def stack(database_url):
    held = {"held": LONG_SHORT, "closed": (SOLD, COVERED), "cash": [("USD", 5000.0)]}
    portfolio = servers.Portfolio(book_message(**held))
    marketdata = servers.MarketData(closes())
    async with AsyncExitStack() as opened:
        settings = Settings(
            listen_address="127.0.0.1:0",
            service_key=servers.SERVICE_KEY,
            database_url=Secret(database_url("risk")),
            drain_seconds=0.0,
            rate_limits="off",
            portfolio_address=await opened.enter_async_context(servers.serving_portfolio(portfolio)),
            marketdata_address=await opened.enter_async_context(servers.serving_marketdata(marketdata)),
        )
        yield await opened.enter_async_context(running(settings, portfolio, marketdata))
