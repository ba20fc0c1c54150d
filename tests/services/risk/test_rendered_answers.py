"""Every answer from histories as its message: fields of findings are those of the contract, and survive the wire."""

import dataclasses

import msgspec
import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict

from services.risk.domain.active_risk import ActiveRiskParameters
from services.risk.domain.analysis import NoParameters
from services.risk.domain.correlation_clusters import ClusterParameters
from services.risk.domain.correlation_matrix import CorrelationMatrixParameters
from services.risk.domain.diversification import DiversificationParameters
from services.risk.domain.factor_correlations import FactorCorrelationParameters
from services.risk.domain.inputs import Inputs
from services.risk.domain.interest_rate_betas import RateBetaParameters
from services.risk.domain.position_factors import PositionFactorParameters
from services.risk.domain.result_id import Resolved
from services.risk.domain.risk_metrics import RiskMetricsParameters
from services.risk.domain.value_at_risk import ValueAtRiskParameters
from services.risk.domain.variance_decomposition import VarianceParameters
from services.risk.handlers.catalogue import KINDS
from tests.services.risk.books import AAPL, CALL, XOM, book, mark, market, option_mark
from tests.services.risk.histories import facts, history, market_history, yield_history

RETURNS = np.random.default_rng(2).normal(0.0, 0.01, (760, 3))
RETURNS[:, 1] = RETURNS[:, 0] * 0.9 + RETURNS[:, 1] * 0.1
ROWS = (dataclasses.replace(AAPL, quantity=200.0), dataclasses.replace(XOM, quantity=-100.0), CALL)
ASKED = {
    "correlation_matrix": CorrelationMatrixParameters(),
    "correlation_clusters": ClusterParameters(lookback_days=90),
    "diversification_score": DiversificationParameters(),
    "factor_exposures": NoParameters(),
    "position_factor_exposures": PositionFactorParameters(),
    "variance_decomposition": VarianceParameters(),
    "active_risk": ActiveRiskParameters(),
    "interest_rate_betas": RateBetaParameters(),
    "factor_correlations": FactorCorrelationParameters(),
    "risk_metrics": RiskMetricsParameters(),
    "value_at_risk": ValueAtRiskParameters(include_backtest=True),
}


def answered(kind, rows=ROWS):
    inputs = Inputs(
        book(rows, cash=[("USD", 50_000.0)]),
        market(mark(1, 126.04), mark(2, 150.0), option_mark(4, 5.5)),
        history=history(RETURNS[:, :2], (1, 2)),
        factors=market_history(RETURNS[:, 2]),
        yields=yield_history(RETURNS[:, 2:] / 20.0 + np.random.default_rng(3).normal(0.0, 5e-4, (760, 1))),
        facts=facts(("Technology", "Energy"), (1, 2)),
    )
    told = msgspec.to_builtins(ASKED[kind])
    resolved = Resolved(kind, "somebody", inputs.book.portfolio_id, 3, "2022-12-28", told)
    found = KINDS[kind].analysis.compute(inputs, ASKED[kind])
    message = KINDS[kind].message.FromString(KINDS[kind].render(resolved, "name", inputs, found))
    return found, MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


@pytest.mark.parametrize("kind", ASKED)
def test_a_finding_is_rendered_whole(kind):
    found, message = answered(kind)
    assert (message["available"], message["metadata"]["result_id"]) == (True, "name")
    assert message["metadata"]["observations"] == found.lookback.observations
    assert_same(found.body, message)


@pytest.mark.parametrize("kind", [kind for kind in ASKED if kind != "factor_correlations"])  # which has no book
def test_what_cannot_be_said_is_absent(kind):
    found, message = answered(kind, rows=())
    assert (found.body, message["available"], message["reason"]) == (None, False, found.reason)
    numbers = {"value_at_risk", "portfolio_correlation", "concentration", "data", "risk_metrics", "average_correlation"}
    assert not numbers & message.keys()


def assert_same(value, told):
    """The message says what the finding has; None is absent."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            assert_same(getattr(value, field.name), told.get(field.name))
    elif isinstance(value, tuple):
        assert len(value) == len(told)
        for own, other in zip(value, told, strict=True):
            assert_same(own, other)
    elif hasattr(value, "isoformat"):
        assert told == value.isoformat()
    else:
        assert told == value
