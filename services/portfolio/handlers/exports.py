"""ExportService: portfolios and trades as files, and the history of them."""

import datetime
from typing import Any, cast

import grpc
from google.api import httpbody_pb2

from chassis.call import current_call
from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from chassis.pagination import encode_page
from plimsoll.portfolio.v1 import export_service_pb2, export_service_pb2_grpc
from services.portfolio import convert_exports
from services.portfolio.application.portfolio_exports import PortfolioExports
from services.portfolio.application.trade_exports import Addresses, Format, TradeExports
from services.portfolio.domain.exports.history import File
from services.portfolio.domain.exports.orders import TimeInForce, Trade
from services.portfolio.domain.exports.portfolio_contents import Format as PortfolioFormat
from services.portfolio.handlers.page_tokens import place_of
from services.portfolio.handlers.position_requests import decimal
from services.portfolio.handlers.symbols import symbol_of
from services.portfolio.storage import exports

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 50
SENDER, TARGET = "PLIMSOLL", "BROKER"


class ExportHandler(export_service_pb2_grpc.ExportServiceServicer):
    """Serves plimsoll.portfolio.v1.ExportService."""

    def __init__(self, database: Database, portfolios: PortfolioExports, trades: TradeExports) -> None:
        self._database = database
        self._portfolios = portfolios
        self._trades = trades

    async def ExportPortfolio(
        self, request: export_service_pb2.ExportPortfolioRequest, context: Context
    ) -> httpbody_pb2.HttpBody:
        """Give a portfolio as a file."""
        kind = cast("PortfolioFormat", request.format or "csv")
        owner, portfolio_id = current_call().user_id, request.portfolio_id
        file = await self._portfolios.export(owner, portfolio_id, request.portfolio_revision, kind, request.sections)
        return await _attached(file, context)

    async def ExportTrades(
        self, request: export_service_pb2.ExportTradesRequest, context: Context
    ) -> httpbody_pb2.HttpBody:
        """Give trades as a file of orders."""
        trades = [_trade(trade) for trade in request.trades]
        kind = cast("Format", request.format or "csv")
        addresses = Addresses(request.sender_comp_id or SENDER, request.target_comp_id or TARGET, request.account)
        owner = current_call().user_id
        file = await self._trades.export(owner, request.portfolio_id, trades, kind, addresses)
        return await _attached(file, context)

    async def ListExports(
        self, request: export_service_pb2.ListExportsRequest, context: Context
    ) -> export_service_pb2.ListExportsResponse:
        """List what was exported, the newest first."""
        owner, size = current_call().user_id, request.page_size or DEFAULT_PAGE
        after = _place(request.page_token)
        async with self._database.transaction(owner) as connection:
            found = await exports.page(connection, owner, request.portfolio_id, after, size + 1)
        last = found[size - 1] if len(found) > size else None
        token = {"time": last.created_time.isoformat(), "export_id": last.export_id} if last else {}
        return export_service_pb2.ListExportsResponse(
            exports=map(convert_exports.export, found[:size]), next_page_token=encode_page(token) if token else ""
        )


def _trade(trade: export_service_pb2.Trade) -> Trade:
    return Trade(
        symbol=symbol_of(trade.symbol),
        quantity=decimal(trade.quantity),
        limit_price=decimal(trade.limit_price) if trade.HasField("limit_price") else None,
        time_in_force=cast("TimeInForce", trade.time_in_force or "day"),
    )


def _place(token: str) -> exports.Place | None:
    place = place_of(token, ids=("export_id",), texts=("time",))
    if not place:
        return None
    try:
        time = datetime.datetime.fromisoformat(place["time"])
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise InvalidFields([Violation("page_token", token, "was not given out by this list")])
    return exports.Place(time, place["export_id"])


async def _attached(file: File, context: Context) -> httpbody_pb2.HttpBody:
    disposition = f'attachment; filename="{file.name}"'
    await context.send_initial_metadata((("content-disposition", disposition),))
    return httpbody_pb2.HttpBody(content_type=file.content_type, data=file.content)
