"""What an analysis found, as the contract words it: one function for all of them.

The body of a finding is a dataclass whose fields are named as those of the answer, so there is nothing to translate.
"""

from datetime import datetime
from functools import cache, reduce
from typing import Any, TypeVar

import msgspec
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.common.v1 import result_pb2
from services.risk.domain.analysis import Found, Lookback
from services.risk.domain.inputs import Inputs
from services.risk.domain.result_id import MODEL_VERSION, Resolved

M = TypeVar("M", bound=Message)


def answer_message(message: type[M], resolved: Resolved, name: str, inputs: Inputs, found: Found) -> M:
    """Render an answer, without how it was served.

    Raises:
        ValueError: a field of the body is not one of the answer's, or not of its type.
    """
    return message(
        available=found.body is not None,
        reason=found.reason,
        portfolio_id=resolved.portfolio_id,
        metadata=_metadata(resolved, name, inputs, found),
        **_plain(message, dict(found.beside)),
        **({} if found.body is None else _plain(message, found.body)),
    )


def message_of(message: type[M], value: Any, **beside: Any) -> M:
    """Render a dataclass whose fields are named as the message's, and what stands beside them.

    Raises:
        ValueError: a field is not one of the message's, or not of its type.
    """
    return message(**_plain(message, value), **beside)


def served_message(calculated_time: datetime, elapsed_seconds: float, *, cached: bool) -> result_pb2.Served:
    """Render how an answer was served."""
    moment = Timestamp()
    moment.FromDatetime(calculated_time)
    return result_pb2.Served(calculated_time=moment, cached=cached, elapsed_ms=1000.0 * elapsed_seconds)


def _metadata(resolved: Resolved, name: str, inputs: Inputs, found: Found) -> dict[str, Any]:
    return {
        "result_id": name,
        "as_of_date": resolved.as_of_date,
        "portfolio_revision": resolved.portfolio_revision,
        "data_version": inputs.data_version,
        "model_version": MODEL_VERSION,
        "price_basis": inputs.market.price_basis,
        "coverage": msgspec.to_builtins(found.coverage),
        "warnings": list(found.warnings),
        **(_lookback(found.lookback) if found.lookback else {}),
    }


def _lookback(lookback: Lookback) -> dict[str, Any]:
    dates = None
    if lookback.start_date and lookback.end_date:
        dates = {"start_date": lookback.start_date.isoformat(), "end_date": lookback.end_date.isoformat()}
    return {"lookback_days": lookback.lookback_days, "observations": lookback.observations, "date_range": dates}


def _plain(message: type[Message], value: Any) -> dict[str, Any]:
    """Give what a message can be made of: its fields by name; None stays, and leaves its field unset."""
    found: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(datetime,))
    for path in _maps_of_objects(message.DESCRIPTOR):
        *outer, last = path
        holder = reduce(lambda part, name: part.get(name) or {}, outer, found)
        if last in holder:
            holder[last] = {key: _struct(each) for key, each in holder[last].items()}
    return found


@cache
def _maps_of_objects(descriptor: Descriptor) -> tuple[tuple[str, ...], ...]:
    """Give the paths of the fields that map texts to objects of JSON: maps of the contract hold no maps."""
    found: list[tuple[str, ...]] = []
    for field in descriptor.fields:
        inner = field.message_type
        if inner and inner.GetOptions().map_entry:
            if inner.fields_by_name["value"].message_type is Struct.DESCRIPTOR:
                found.append((field.name,))
        elif inner and not field.is_repeated:
            found += [(field.name, *path) for path in _maps_of_objects(inner)]
    return tuple(found)


def _struct(mapping: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(mapping)
    return made
