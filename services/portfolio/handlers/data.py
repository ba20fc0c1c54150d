"""DataService: whole sets, valued but not analysed."""

from typing import Any

import grpc

from chassis.call import current_call
from chassis.dates import parse_optional_date
from plimsoll.portfolio.v1 import data_service_pb2, data_service_pb2_grpc
from services.portfolio import convert
from services.portfolio.application.valuation import Books

Context = grpc.aio.ServicerContext[Any, Any]


class DataHandler(data_service_pb2_grpc.DataServiceServicer):
    """Serves plimsoll.portfolio.v1.DataService."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def GetCompletePortfolio(
        self, request: data_service_pb2.GetCompletePortfolioRequest, context: Context
    ) -> data_service_pb2.CompletePortfolio:
        """Read a portfolio with the value of every position."""
        as_of_date = parse_optional_date("as_of_date", request.as_of_date)
        owner = current_call().user_id
        return convert.complete(
            await self._books.value(owner, request.portfolio_id, request.portfolio_revision, as_of_date)
        )
