"""The answers about the risk of a portfolio: where the public API gives them, and as messages of the contract."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from plimsoll.risk.v1.correlation_pb2 import CorrelationClusters
from plimsoll.risk.v1.data_quality_pb2 import DataQuality
from plimsoll.risk.v1.exposures_pb2 import GroupedExposures
from plimsoll.risk.v1.factors_pb2 import FactorExposures
from plimsoll.risk.v1.greeks_pb2 import Greeks
from plimsoll.risk.v1.performance_pb2 import Performance
from plimsoll.risk.v1.risk_metrics_pb2 import RiskMetrics
from plimsoll.risk.v1.stress_pb2 import StressTest
from plimsoll.risk.v1.value_at_risk_pb2 import ValueAtRisk


@dataclass(frozen=True, slots=True)
class RiskAnswers:
    """What the risk service says of one portfolio."""

    exposures: GroupedExposures
    """By sector."""
    factors: FactorExposures
    stress: StressTest
    clusters: CorrelationClusters
    at_risk: ValueAtRisk
    greeks: Greeks
    """Of the options alone."""
    metrics: RiskMetrics
    performance: Performance
    quality: DataQuality


@dataclass(frozen=True, slots=True)
class Question:
    """Where an answer is to be had, and what it is made into."""

    path: str
    """Below `/api/v1/`; `{portfolio_id}` is to be filled in."""
    message: type[Message]
    query: Mapping[str, str] = field(default_factory=dict)


ANALYTICS = "analytics/portfolio/{portfolio_id}"
QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        "exposures": Question(f"{ANALYTICS}/exposures", GroupedExposures, {"group_by": "sector"}),
        "factors": Question(f"{ANALYTICS}/factor-exposures", FactorExposures),
        "stress": Question(f"{ANALYTICS}/stress-test", StressTest),
        "clusters": Question(f"{ANALYTICS}/correlation-clusters", CorrelationClusters, {"method": "residual"}),
        "at_risk": Question(f"{ANALYTICS}/value-at-risk", ValueAtRisk),
        "greeks": Question(f"{ANALYTICS}/greeks", Greeks, {"view": "options"}),
        "metrics": Question(f"{ANALYTICS}/risk-metrics", RiskMetrics),
        "performance": Question(f"{ANALYTICS}/performance", Performance, {"include_series": "true"}),
        "quality": Question("data/portfolio/{portfolio_id}/data-quality", DataQuality),
    }
)
"""By the fields of RiskAnswers."""


def read_risk(answers: Mapping[str, dict[str, Any]]) -> RiskAnswers:
    """Read answers as JSON, by the names of QUESTIONS. A field newer than this report is left out of it."""
    read: dict[str, Any] = {
        name: ParseDict(answers[name], question.message(), ignore_unknown_fields=True)
        for name, question in QUESTIONS.items()
    }
    return RiskAnswers(**read)
