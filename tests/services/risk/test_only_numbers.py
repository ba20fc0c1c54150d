"""No number that is none leaves the service: every kind of answer, from the oddest books and markets there can be.

The kinds are those of the catalogue, so that a new one is tried as well.
"""

import math
import os

import msgspec
import numpy as np
import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.risk.application.analyses import compute_payload, find
from services.risk.domain.inputs import Inputs
from services.risk.domain.result_id import Resolved
from services.risk.domain.value_at_risk import VALUE_AT_RISK, ValueAtRiskParameters
from services.risk.handlers.catalogue import KINDS
from tests.services.risk.books import Row, book, mark, market
from tests.services.risk.histories import history_of
from tests.services.risk.odd_inputs import odd_inputs, parameters

EXAMPLES = 400 if "PLIMSOLL_SOAK" in os.environ else 25
"""`make test` samples what `make soak` sweeps."""


def floats_in(message: Message):
    """Every number with a fraction, by the name of its field, however deep; those within maps too."""
    for field, value in message.ListFields():
        if field.message_type and field.message_type.GetOptions().map_entry:
            values = list(value.values())
        else:
            values = list(value) if field.is_repeated else [value]
        for each in values:
            if isinstance(each, Message):
                yield from floats_in(each)
            elif isinstance(each, float):
                yield field.full_name, each


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(
    max_examples=400 if "PLIMSOLL_SOAK" in os.environ else 25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_an_answer_to_anything_is_made_of_numbers(kind, data):
    analysis = KINDS[kind].analysis
    asked = data.draw(parameters(analysis))
    inputs = data.draw(odd_inputs(analysis.needs(asked)))
    resolved = Resolved(kind, "somebody", inputs.book.portfolio_id, 3, "2022-12-28", msgspec.to_builtins(asked))
    answer = KINDS[kind].message.FromString(compute_payload(analysis, KINDS[kind].render, resolved, inputs))
    assert [name for name, number in floats_in(answer) if not math.isfinite(number)] == []
    assert answer.available != bool(answer.reason)


@pytest.mark.parametrize("method", ["filtered_historical", "historical", "monte_carlo"])
def test_prices_that_are_beyond_all_numbers_together_have_no_answer(method):
    """Each is one that ingestion lets in; twenty such sessions in a row are more than a double can hold."""
    closes = np.where(np.arange(501) % 2 == 0, 1e-12, 1e12)[:, None] * np.ones(2)
    rows = (Row("A", 1, 1e15, 1.0), Row("B", 2, 200.0, 1.0))
    marks = market(mark(1, 1e12), mark(2, 100.0))
    inputs = Inputs(book(rows, cash=[("USD", 1e5)]), marks, history=history_of(closes, (1, 2)))
    found = find(VALUE_AT_RISK, inputs, ValueAtRiskParameters(method=method, horizon_days=20))
    if method == "monte_carlo":  # which draws from a covariance, and compounds nothing
        assert found.body.value_at_risk > 1e26
    else:
        assert (found.body, found.reason) == (None, "number_out_of_range")
