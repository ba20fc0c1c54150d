"""AnalyticsService: parse, ask, render. What an answer is computed from and how stands with its analysis."""

import time
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from chassis.call import current_call
from chassis.dates import parse_optional_date
from plimsoll.common.v1 import result_pb2
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import exposures_pb2, greeks_pb2, overview_pb2
from plimsoll.risk.v1.analytics_service_pb2_grpc import AnalyticsServiceServicer
from services.risk.application.analyses import Analyses, Target
from services.risk.convert import served_message
from services.risk.domain.analysis import NoParameters
from services.risk.domain.book_greeks import GREEKS, GreeksParameters
from services.risk.domain.exposures import EXPOSURES, ExposureParameters
from services.risk.domain.overview import OVERVIEW
from services.risk.handlers.catalogue import KINDS

Context = grpc.aio.ServicerContext[Any, Any]


class AboutABook(Protocol):
    """What every request about a book says."""

    portfolio_id: str
    as_of_date: str
    portfolio_revision: int


class Served(Protocol):
    """What every answer tells of how it was served."""

    @property
    def served(self) -> result_pb2.Served:
        """How it was served."""
        ...


M = TypeVar("M", bound=Message)


class AnalyticsHandler(AnalyticsServiceServicer):
    """Serves what the positions of a portfolio amount to."""

    def __init__(self, analyses: Analyses) -> None:
        self._analyses = analyses

    async def GetOverview(self, request: pb.GetOverviewRequest, context: Context) -> overview_pb2.Overview:
        """Answer the overview of a portfolio."""
        return await self._answer(OVERVIEW.kind, request, NoParameters(), overview_pb2.Overview)

    async def GetExposures(self, request: pb.GetExposuresRequest, context: Context) -> exposures_pb2.GroupedExposures:
        """Answer the exposures of a portfolio by group."""
        parameters = ExposureParameters(**stated(group_by=request.group_by))
        return await self._answer(EXPOSURES.kind, request, parameters, exposures_pb2.GroupedExposures)

    async def GetGreeks(self, request: pb.GetGreeksRequest, context: Context) -> greeks_pb2.Greeks:
        """Answer the Greeks of a portfolio."""
        parameters = GreeksParameters(**stated(view=request.view, include_after_expiry=request.include_after_expiry))
        return await self._answer(GREEKS.kind, request, parameters, greeks_pb2.Greeks)

    async def _answer(self, kind: str, request: AboutABook, parameters: Any, message: type[M]) -> M:
        """Give the answer of one kind, with how it was served."""
        started = time.perf_counter()
        target = Target(
            request.portfolio_id,
            request.portfolio_revision,
            parse_optional_date("as_of_date", request.as_of_date),
        )
        asked = KINDS[kind]
        answer, cached = await self._analyses.answer(
            asked.analysis, asked.render, current_call().user_id, target, parameters
        )
        rendered = message.FromString(answer.payload)
        elapsed = time.perf_counter() - started
        rendered.served.CopyFrom(served_message(answer.calculated_time, elapsed, cached=cached))  # type: ignore[attr-defined] # every answer has it
        return rendered


def stated(**fields: Any) -> dict[str, Any]:
    """Give the fields that a request states; of the others the defaults of the analysis hold."""
    return {name: value for name, value in fields.items() if value}
