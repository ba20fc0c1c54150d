"""What an analysis found, as the contract words it: one function for all of them.

The body of a finding is a dataclass whose fields are named as those of the answer, so there is nothing to translate.
"""

from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.common.v1 import result_pb2
from services.risk.domain.analysis import Found, Lookback
from services.risk.domain.inputs import Inputs
from services.risk.domain.result_id import MODEL_VERSION, Resolved

M = TypeVar("M", bound=Message)
AS_THEY_ARE = frozenset({str, float, int, bool, type(None)})


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
        **_plain(dict(found.beside)),
        **({} if found.body is None else _plain(found.body)),
    )


def message_of(message: type[M], value: Any, **beside: Any) -> M:
    """Render a dataclass whose fields are named as the message's, and what stands beside them.

    Raises:
        ValueError: a field is not one of the message's, or not of its type.
    """
    return message(**_plain(value), **beside)


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
        "coverage": _plain(found.coverage),
        "warnings": list(found.warnings),
        **(_lookback(found.lookback) if found.lookback else {}),
    }


def _lookback(lookback: Lookback) -> dict[str, Any]:
    dates = None
    if lookback.start_date and lookback.end_date:
        dates = {"start_date": lookback.start_date.isoformat(), "end_date": lookback.end_date.isoformat()}
    return {"lookback_days": lookback.lookback_days, "observations": lookback.observations, "date_range": dates}


def _plain(value: Any) -> Any:
    """Give what a message can be made of; None stays, and leaves its field unset."""
    kind: Any = type(value)
    if kind in AS_THEY_ARE:
        return value
    if names := _field_names(kind):
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _struct(each) if isinstance(each, dict) else _plain(each) for key, each in value.items()}
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    """Give the fields of a dataclass; none of anything else. A large answer has ten thousand values of a few kinds."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def _struct(mapping: dict[str, Any]) -> Struct:
    """Give a mapping within a mapping, which in the contract is an object of JSON: maps hold no maps."""
    made = Struct()
    made.update(mapping)
    return made
