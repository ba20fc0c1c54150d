"""No number that is none leaves the service: every kind of answer, from the oddest books and markets there can be.

The kinds are those of the catalogue, so that a new one is tried as well.
"""

import math

import msgspec
import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.risk.application.analyses import compute_payload
from services.risk.domain.result_id import Resolved
from services.risk.handlers.catalogue import KINDS
from tests.services.risk.odd_inputs import odd_inputs, parameters


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
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_an_answer_to_anything_is_made_of_numbers(kind, data):
    analysis = KINDS[kind].analysis
    asked = data.draw(parameters(analysis))
    inputs = data.draw(odd_inputs(analysis.needs(asked)))
    resolved = Resolved(kind, "somebody", inputs.book.portfolio_id, 3, "2022-12-28", msgspec.to_builtins(asked))
    answer = KINDS[kind].message.FromString(compute_payload(analysis, KINDS[kind].render, resolved, inputs))
    assert [name for name, number in floats_in(answer) if not math.isfinite(number)] == []
    assert answer.available != bool(answer.reason)
