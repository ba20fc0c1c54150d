"""AnalyticsService: parse, ask, render. What an answer is computed from and how stands with its analysis."""

from collections.abc import Sequence
from typing import Any

import grpc

from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import exposures_pb2, greeks_pb2, overview_pb2, risk_metrics_pb2, value_at_risk_pb2
from plimsoll.risk.v1.analytics_service_pb2_grpc import AnalyticsServiceServicer
from services.risk.application.analyses import Analyses
from services.risk.application.snapshots import SnapshotTaking
from services.risk.domain.analysis import NoParameters
from services.risk.domain.book_greeks import GREEKS, GreeksParameters
from services.risk.domain.exposures import EXPOSURES, ExposureParameters
from services.risk.domain.overview import OVERVIEW
from services.risk.domain.risk_metrics import RISK_METRICS, RiskMetricsParameters
from services.risk.domain.scenarios import Scenario
from services.risk.domain.value_at_risk import VALUE_AT_RISK, ValueAtRiskParameters
from services.risk.handlers.answering import Answering, stated
from services.risk.handlers.correlation_analytics import CorrelationAnalytics
from services.risk.handlers.factor_analytics import FactorAnalytics
from services.risk.handlers.history_analytics import HistoryAnalytics
from services.risk.handlers.option_analytics import OptionAnalytics
from services.risk.handlers.quality_analytics import QualityAnalytics
from services.risk.handlers.stress_analytics import StressAnalytics

Context = grpc.aio.ServicerContext[Any, Any]


class BookAnalytics(Answering):
    """What a book is worth and exposed to now."""

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


class TailAnalytics(Answering):
    """What a book may lose."""

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


class AnalyticsHandler(
    BookAnalytics,
    HistoryAnalytics,
    FactorAnalytics,
    OptionAnalytics,
    StressAnalytics,
    CorrelationAnalytics,
    TailAnalytics,
    QualityAnalytics,
    AnalyticsServiceServicer,
):
    """Serves what the positions of a portfolio amount to."""

    def __init__(self, analyses: Analyses, snapshots: SnapshotTaking, library: Sequence[Scenario]) -> None:
        super().__init__(analyses)
        self._snapshots = snapshots
        self._library = library
