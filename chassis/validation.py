"""The rules that stand in the contract, enforced on every request before its handler runs."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import protovalidate
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from chassis.call import Call
from chassis.errors import InvalidFields, InvalidRequest, Violation

MOST_VIOLATIONS = 20
"""Named in one answer, which has room for few more."""
LARGE_BYTES = 16 << 10
"""Of a larger request the first broken rule is named alone: it can hold 50,000, and finding all takes seconds."""


class Validation:
    """The rules that stand in the contract: sizes, bounds, patterns. Also refuses NUL, which PostgreSQL cannot keep."""

    _validator = protovalidate.Validator()
    """One in a process: it compiles the rules of a kind of message when that first comes."""

    async def __call__(self, call: Call, request: Message) -> None:
        """Refuse a request that breaks a rule, naming each field and value."""
        size = request.ByteSize()
        if call.method and size > (limit := call.method.max_request_bytes):
            message = f"the request has {size} bytes, this call takes {limit}"
            raise InvalidRequest("REQUEST_TOO_LARGE", message, limit_bytes=limit)
        found = self._validator.collect_violations(request, fail_fast=size > LARGE_BYTES)
        violations = [_violation(request, one) for one in found[:MOST_VIOLATIONS]]
        violations = violations or list(islice(_nul(request), MOST_VIOLATIONS))
        if violations:
            raise InvalidFields(violations)


def _violation(request: Message, found: protovalidate.Violation) -> Violation:
    path = found.proto.field
    name, secret = _place(request.DESCRIPTOR, path.elements if path else [])
    return Violation(name, "" if secret else _shown(found.field_value), str(found.proto.message))


def _place(message: Any, path: Sequence[Any]) -> tuple[str, bool]:
    """Give a path through a kind of message as text, and whether what is there must not be shown."""
    names: list[str] = []
    secret = False
    inside = message
    for element in path:
        field = inside.fields_by_name.get(element.field_name) if inside else None
        secret = secret or (field is not None and _secret(field))
        names.append(element.field_name + (f"[{element.subscript.value}]" if element.subscript and not secret else ""))
        inside = (_map_value(field) or field).message_type if field else None
    return ".".join(names), secret


def _shown(value: object) -> str:
    """Show a text, number or truth value; what a message or a list holds may be long, or secret."""
    return str(value) if isinstance(value, str | int | float) else ""


def _nul(message: Message, prefix: str = "", inside_secret: bool = False) -> Iterator[Violation]:
    """Find the texts with NUL."""
    for field, value in message.ListFields():
        if field.type not in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE):
            continue
        secret = inside_secret or _secret(field)
        for place, part in _parts(field, value):
            name = prefix + field.name + ("" if secret else place)
            if isinstance(part, Message):
                yield from _nul(part, name + ".", secret)
            elif isinstance(part, str) and "\0" in part:
                yield Violation(name, "" if secret else part, "must not contain NUL")


def _parts(field: FieldDescriptor, value: Any) -> Iterator[tuple[str, object]]:
    """Yield what a field holds, each with its place there: the value, the items, or the keys and values of a map."""
    if _map_value(field):
        for key, item in value.items():
            yield "", key
            yield f"[{key}]", item
    elif field.is_repeated:
        for index, item in enumerate(value):
            yield f"[{index}]", item
    else:
        yield "", value


def _map_value(field: FieldDescriptor) -> FieldDescriptor | None:
    """Give the field of a map's values; None if the field is no map."""
    entry = field.message_type
    return entry.fields_by_name["value"] if entry is not None and entry.GetOptions().map_entry else None


def _secret(field: FieldDescriptor) -> bool:
    return field.GetOptions().debug_redact
