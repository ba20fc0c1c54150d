"""AnalyticsService: parse, ask, render. What an answer is computed from and how stands with its analysis."""

import time
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from chassis.call import current_call
from chassis.dates import parse_optional_date
from chassis.errors import InvalidFields, Violation
from plimsoll.common.v1 import result_pb2
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import (
    correlation_pb2,
    exposures_pb2,
    greeks_pb2,
    overview_pb2,
    risk_metrics_pb2,
    value_at_risk_pb2,
)
from plimsoll.risk.v1.analytics_service_pb2_grpc import AnalyticsServiceServicer
from services.risk.application.analyses import Analyses, Target
from services.risk.convert import served_message
from services.risk.domain.analysis import NoParameters
from services.risk.domain.book_greeks import GREEKS, GreeksParameters
from services.risk.domain.correlation_clusters import CORRELATION_CLUSTERS, DEFAULT_LOOKBACK, ClusterParameters
from services.risk.domain.correlation_matrix import CORRELATION_MATRIX, CorrelationMatrixParameters
from services.risk.domain.diversification import DIVERSIFICATION_SCORE, DiversificationParameters
from services.risk.domain.exposures import EXPOSURES, ExposureParameters
from services.risk.domain.overview import OVERVIEW
from services.risk.domain.risk_metrics import RISK_METRICS, RiskMetricsParameters
from services.risk.domain.value_at_risk import VALUE_AT_RISK, ValueAtRiskParameters
from services.risk.handlers.catalogue import KINDS

Context = grpc.aio.ServicerContext[Any, Any]


class AboutABook(Protocol):
    """What every request about a book says."""

    portfolio_id: str
    as_of_date: str
    portfolio_revision: int


class AboutCorrelation(Protocol):
    """What every request about correlation says of the history and the symbols it is about."""

    lookback_days: int
    min_overlap: int
    filter_mode: str


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

    async def GetCorrelationMatrix(
        self, request: pb.GetCorrelationMatrixRequest, context: Context
    ) -> correlation_pb2.CorrelationMatrix:
        """Answer the correlations of what a portfolio follows."""
        parameters = CorrelationMatrixParameters(**_window(request), **stated(max_symbols=request.max_symbols))
        refuse_overlap_beyond(parameters.lookback_days, parameters.min_overlap)
        return await self._answer(CORRELATION_MATRIX.kind, request, parameters, correlation_pb2.CorrelationMatrix)

    async def GetCorrelationClusters(
        self, request: pb.GetCorrelationClustersRequest, context: Context
    ) -> correlation_pb2.CorrelationClusters:
        """Answer the groups of symbols that move together."""
        method = stated(method=request.method, threshold=request.threshold)
        default = {"lookback_days": DEFAULT_LOOKBACK[request.method or "correlation"]}
        parameters = ClusterParameters(**default | _window(request), **method)
        refuse_overlap_beyond(parameters.lookback_days, parameters.min_overlap)
        return await self._answer(CORRELATION_CLUSTERS.kind, request, parameters, correlation_pb2.CorrelationClusters)

    async def GetDiversificationScore(
        self, request: pb.GetDiversificationScoreRequest, context: Context
    ) -> correlation_pb2.DiversificationScore:
        """Answer how far a portfolio is more than one bet."""
        parameters = DiversificationParameters(**_window(request))
        refuse_overlap_beyond(parameters.lookback_days, parameters.min_overlap)
        return await self._answer(DIVERSIFICATION_SCORE.kind, request, parameters, correlation_pb2.DiversificationScore)

    async def GetRiskMetrics(self, request: pb.GetRiskMetricsRequest, context: Context) -> risk_metrics_pb2.RiskMetrics:
        """Answer beta, volatility and drawdown of a portfolio."""
        parameters = RiskMetricsParameters(**stated(lookback_days=request.lookback_days))
        return await self._answer(RISK_METRICS.kind, request, parameters, risk_metrics_pb2.RiskMetrics)

    async def GetValueAtRisk(
        self, request: pb.GetValueAtRiskRequest, context: Context
    ) -> value_at_risk_pb2.ValueAtRisk:
        """Answer what a portfolio may lose."""
        parameters = ValueAtRiskParameters(
            **stated(
                method=request.method,
                confidence_level=request.confidence_level,
                horizon_days=request.horizon_days,
                lookback_days=request.lookback_days,
                include_backtest=request.include_backtest,
            )
        )
        return await self._answer(VALUE_AT_RISK.kind, request, parameters, value_at_risk_pb2.ValueAtRisk)

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


def refuse_overlap_beyond(lookback_days: int, min_overlap: int) -> None:
    """Refuse to look for more sessions in common than are looked back over.

    Raises:
        InvalidFields: min_overlap is beyond lookback_days.
    """
    if min_overlap > lookback_days:
        rule = f"must be at most lookback_days, {lookback_days}"
        raise InvalidFields([Violation("min_overlap", str(min_overlap), rule)])


def _window(request: AboutCorrelation) -> dict[str, Any]:
    return stated(lookback_days=request.lookback_days, min_overlap=request.min_overlap, filter_mode=request.filter_mode)
