"""Every kind of answer about a book: its analysis, and the message of the contract that it is answered with."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from google.protobuf.message import Message

from plimsoll.risk.v1 import (
    attribution_pb2,
    correlation_pb2,
    data_quality_pb2,
    exposures_pb2,
    factors_pb2,
    greeks_pb2,
    interest_rates_pb2,
    option_grid_pb2,
    overview_pb2,
    performance_pb2,
    pnl_explain_pb2,
    risk_metrics_pb2,
    stress_pb2,
    value_at_risk_pb2,
    variance_pb2,
)
from services.risk.convert import answer_message
from services.risk.domain.active_risk import ACTIVE_RISK
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.attribution import ATTRIBUTION
from services.risk.domain.book_greeks import GREEKS
from services.risk.domain.correlation_clusters import CORRELATION_CLUSTERS
from services.risk.domain.correlation_matrix import CORRELATION_MATRIX
from services.risk.domain.data_quality import DATA_QUALITY
from services.risk.domain.diversification import DIVERSIFICATION_SCORE
from services.risk.domain.exposures import EXPOSURES
from services.risk.domain.factor_correlations import FACTOR_CORRELATIONS
from services.risk.domain.factor_exposures import FACTOR_EXPOSURES
from services.risk.domain.inputs import Inputs
from services.risk.domain.interest_rate_betas import INTEREST_RATE_BETAS
from services.risk.domain.option_grid import OPTION_GRID
from services.risk.domain.overview import OVERVIEW
from services.risk.domain.performance import PERFORMANCE
from services.risk.domain.pnl_explained import PNL_EXPLAIN
from services.risk.domain.position_factors import POSITION_FACTOR_EXPOSURES
from services.risk.domain.proxy_exposures import STOCK_PROXY_EXPOSURES
from services.risk.domain.result_id import Resolved
from services.risk.domain.risk_metrics import RISK_METRICS
from services.risk.domain.stress_test import MARKET_SCENARIOS, RATE_SCENARIOS, STRESS_TEST
from services.risk.domain.value_at_risk import VALUE_AT_RISK
from services.risk.domain.variance_decomposition import VARIANCE_DECOMPOSITION


@dataclass(frozen=True, slots=True)
class Kind:
    """An analysis and the message of its answers."""

    analysis: Analysis[Any]
    message: type[Message]

    def render(self, resolved: Resolved, name: str, inputs: Inputs, found: Found) -> bytes:
        """Serialise what was found: the same finding gives the same bytes."""
        message = answer_message(self.message, resolved, name, inputs, found)
        return message.SerializeToString(deterministic=True)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.analysis.kind: kind
        for kind in (
            Kind(OVERVIEW, overview_pb2.Overview),
            Kind(PERFORMANCE, performance_pb2.Performance),
            Kind(ATTRIBUTION, attribution_pb2.Attribution),
            Kind(PNL_EXPLAIN, pnl_explain_pb2.PnlExplanation),
            Kind(EXPOSURES, exposures_pb2.GroupedExposures),
            Kind(FACTOR_EXPOSURES, factors_pb2.FactorExposures),
            Kind(POSITION_FACTOR_EXPOSURES, factors_pb2.PositionFactorExposures),
            Kind(STOCK_PROXY_EXPOSURES, factors_pb2.PositionFactorExposures),
            Kind(VARIANCE_DECOMPOSITION, variance_pb2.VarianceDecomposition),
            Kind(ACTIVE_RISK, variance_pb2.ActiveRisk),
            Kind(FACTOR_CORRELATIONS, factors_pb2.FactorCorrelations),
            Kind(INTEREST_RATE_BETAS, interest_rates_pb2.InterestRateBetas),
            Kind(GREEKS, greeks_pb2.Greeks),
            Kind(OPTION_GRID, option_grid_pb2.OptionGrid),
            Kind(STRESS_TEST, stress_pb2.StressTest),
            Kind(MARKET_SCENARIOS, stress_pb2.StressTest),
            Kind(RATE_SCENARIOS, stress_pb2.StressTest),
            Kind(CORRELATION_MATRIX, correlation_pb2.CorrelationMatrix),
            Kind(CORRELATION_CLUSTERS, correlation_pb2.CorrelationClusters),
            Kind(DIVERSIFICATION_SCORE, correlation_pb2.DiversificationScore),
            Kind(DATA_QUALITY, data_quality_pb2.DataQuality),
            Kind(RISK_METRICS, risk_metrics_pb2.RiskMetrics),
            Kind(VALUE_AT_RISK, value_at_risk_pb2.ValueAtRisk),
        )
    }
)
