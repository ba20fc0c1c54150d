"""AnalyticsService: parse, read, render."""

import time
from typing import Any

import grpc

from chassis.call import current_call
from chassis.dates import parse_optional_date
from plimsoll.risk.v1 import overview_pb2
from plimsoll.risk.v1.analytics_service_pb2 import GetOverviewRequest
from plimsoll.risk.v1.analytics_service_pb2_grpc import AnalyticsServiceServicer
from services.risk.application.overview import Overviews
from services.risk.convert import overview_message, served_message


class AnalyticsHandler(AnalyticsServiceServicer):
    """Serves what the positions of a portfolio amount to."""

    def __init__(self, overviews: Overviews) -> None:
        self._overviews = overviews

    async def GetOverview(
        self, request: GetOverviewRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> overview_pb2.Overview:
        """Answer the overview of a portfolio."""
        started = time.perf_counter()
        as_of_date = parse_optional_date("as_of_date", request.as_of_date)
        computed, cached = await self._overviews.read(
            current_call().user_id, request.portfolio_id, request.portfolio_revision, as_of_date
        )
        message = overview_message(computed.overview)
        elapsed = time.perf_counter() - started
        message.served.CopyFrom(served_message(computed.calculated_time, elapsed, cached=cached))
        return message
