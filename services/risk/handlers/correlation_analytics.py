"""Answers about what moves together."""

from typing import Any, Protocol

import grpc

from chassis.errors import InvalidFields, Violation
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import correlation_pb2
from services.risk.domain.correlation_clusters import CORRELATION_CLUSTERS, DEFAULT_LOOKBACK, ClusterParameters
from services.risk.domain.correlation_matrix import CORRELATION_MATRIX, CorrelationMatrixParameters
from services.risk.domain.diversification import DIVERSIFICATION_SCORE, DiversificationParameters
from services.risk.handlers.answering import Answering, stated

Context = grpc.aio.ServicerContext[Any, Any]


class AboutCorrelation(Protocol):
    """What every request about correlation says of the history and the symbols it is about."""

    lookback_days: int
    min_overlap: int
    filter_mode: str


class CorrelationAnalytics(Answering):
    """Correlations, clusters and diversification."""

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
