"""Messages as JSON Schema, as transcoding writes and reads them: names as in the protos, 64-bit integers as text."""

from collections.abc import Collection, Iterable
from typing import Any

from buf.validate import validate_pb2
from google.api import field_behavior_pb2
from google.api.field_behavior_pb2 import REQUIRED
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto

from chassis.contract import ContractError
from gateway.contract.descriptors import Descriptors
from gateway.openapi.rules import keywords

Json = dict[str, Any]
Field = FieldDescriptorProto

SCALARS: dict[int, Json] = {
    Field.TYPE_DOUBLE: {"type": "number", "format": "double"},
    Field.TYPE_FLOAT: {"type": "number", "format": "float"},
    Field.TYPE_INT32: {"type": "integer", "format": "int32"},
    Field.TYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    Field.TYPE_INT64: {"type": "string", "format": "int64"},
    Field.TYPE_UINT64: {"type": "string", "format": "uint64"},
    Field.TYPE_BOOL: {"type": "boolean"},
    Field.TYPE_STRING: {"type": "string"},
    Field.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
}
WELL_KNOWN: dict[str, Json] = {
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}, "required": ["@type"]},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$"},
    "google.protobuf.Empty": {"type": "object", "description": "Nothing."},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
}


class Schemas:
    """Builds the schemas of messages, and remembers which of them the document refers to."""

    def __init__(self, descriptors: Descriptors, requests: Iterable[str], responses: Iterable[str]) -> None:
        self._descriptors = descriptors
        self._sent = self._reachable(requests)
        self._received = self._reachable(responses)
        self._names = _short_names(self._sent | self._received)
        self._components: dict[str, Json] = {}

    @property
    def components(self) -> dict[str, Json]:
        """The schemas that were referred to, by name in order."""
        return dict(sorted(self._components.items()))

    def of(self, message: str) -> Json:
        """Give a message's schema, by reference where it has a name of its own."""
        if message in WELL_KNOWN:
            return dict(WELL_KNOWN[message])
        name = self._names[message]
        if name not in self._components:
            self._components[name] = {}  # found again while being built: messages may hold each other
            self._components[name] = self.object(message)
        return {"$ref": f"#/components/schemas/{name}"}

    def object(self, message: str, without: Collection[str] = ()) -> Json:
        """Give a message's schema written out, without some of its fields."""
        fields = [field for field in self._descriptors.messages[message].field if field.name not in without]
        schema: Json = {"type": "object", "title": self._names[message]}
        if comment := self._descriptors.comment(message):
            schema["description"] = comment
        schema["properties"] = {field.name: self.field(message, field) for field in fields}
        if required := [field.name for field in fields if self._always_there(message, field)]:
            schema["required"] = required
        return schema

    def field(self, message: str, field: Field) -> Json:
        """Give the schema of a field: its type, its rules and what its comment says."""
        schema = self._type(field)
        _merge(schema, keywords(field.options.Extensions[validate_pb2.field], self._enum(field)))
        comment = self._descriptors.comment(message, field.name)
        if parts := [part for part in (comment, self._values(field)) if part]:
            schema["description"] = "\n\n".join(parts)
        if field.options.debug_redact:
            schema["format"] = "password"
            if message not in self._received:
                schema["writeOnly"] = True
        return schema

    def _type(self, field: Field) -> Json:
        if self._descriptors.is_map(field):
            value = next(each for each in self._descriptors.message_of(field).field if each.name == "value")
            return {"type": "object", "additionalProperties": self._single(value)}
        single = self._single(field)
        return {"type": "array", "items": single} if field.label == Field.LABEL_REPEATED else single

    def _single(self, field: Field) -> Json:
        if field.type == Field.TYPE_MESSAGE:
            return self.of(field.type_name.lstrip("."))
        if enum := self._enum(field):
            return {"type": "string", "enum": [value.name for value in enum.value]}
        if field.type not in SCALARS:
            raise ContractError(f"the field {field.name} has a type that JSON does not know")
        return dict(SCALARS[field.type])

    def _enum(self, field: Field) -> EnumDescriptorProto | None:
        return self._descriptors.enums[field.type_name.lstrip(".")] if field.type == Field.TYPE_ENUM else None

    def _values(self, field: Field) -> str:
        """List the values of an enum with their comments."""
        enum = self._enum(field)
        if enum is None:
            return ""
        name = field.type_name.lstrip(".")
        comments = ((value.name, self._descriptors.comment(name, value.name)) for value in enum.value)
        return "\n".join(f"- `{value}`: {comment}" for value, comment in comments if comment)

    def _always_there(self, message: str, field: Field) -> bool:
        """Whether a field must be sent, or, in an answer, is always there: transcoding writes zero values out."""
        if is_required(field):
            return True
        if message in self._sent or field.proto3_optional or field.HasField("oneof_index"):
            return False
        return field.type != Field.TYPE_MESSAGE or field.label == Field.LABEL_REPEATED

    def _reachable(self, roots: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = [root for root in roots if root not in WELL_KNOWN]
        while waiting:
            message = waiting.pop()
            if message not in found:
                found.add(message)
                waiting += [name for name in self._parts(self._descriptors.messages[message]) if name not in WELL_KNOWN]
        return found

    def _parts(self, message: DescriptorProto) -> list[str]:
        return [field.type_name.lstrip(".") for field in message.field if field.type == Field.TYPE_MESSAGE]


def is_required(field: Field) -> bool:
    """Whether the contract demands a field of a request."""
    behaviour = field.options.Extensions[field_behavior_pb2.field_behavior]
    return REQUIRED in behaviour or field.options.Extensions[validate_pb2.field].required


def _short_names(messages: Iterable[str]) -> dict[str, str]:
    """Name each message without its package, or with the package's domain where two would be called the same."""
    short = {name: name.partition(".v1.")[2] or name.rpartition(".")[2] for name in messages}
    taken = list(short.values())
    return {
        name: each if taken.count(each) == 1 else f"{name.split('.')[1].capitalize()}{each}"
        for name, each in short.items()
    }


def _merge(schema: Json, rules: Json) -> None:
    """Add rules to a schema; those of items and entries go one level down."""
    for key, value in rules.items():
        inner = schema.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            _merge(inner, value)
        else:
            schema[key] = value
