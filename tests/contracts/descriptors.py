"""The contract as the tests see it: every element of our protos, with its comment, from one descriptor set."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import google.api.annotations_pb2 as http_annotations
from buf.validate import validate_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

from plimsoll.options.v1 import method_pb2

# Numbers of fields in descriptor.proto: a comment is found by the path of such numbers that leads to its element.
MESSAGES, ENUMS, SERVICES = 4, 5, 6
FIELDS, NESTED_MESSAGES, NESTED_ENUMS, ONEOFS = 2, 3, 4, 8
VALUES = METHODS = 2

Place = tuple[int, ...]
Comments = dict[Place, str]


@dataclass(frozen=True, slots=True)
class Element:
    """A message, field, oneof, enum, enum value, service or RPC."""

    kind: str
    name: str
    comment: str
    proto: Any


@dataclass(frozen=True, slots=True)
class Rpc:
    """An RPC with what its options say."""

    name: str
    proto: MethodDescriptorProto

    @property
    def policy(self) -> method_pb2.MethodPolicy:
        """What the RPC demands of its caller."""
        return self.proto.options.Extensions[method_pb2.method]

    @property
    def bindings(self) -> list[tuple[str, str, str]]:
        """Every HTTP binding as (verb, path, body)."""
        rule = self.proto.options.Extensions[http_annotations.http]
        return [
            (verb, getattr(binding, verb), binding.body)
            for binding in (rule, *rule.additional_bindings)
            if (verb := binding.WhichOneof("pattern"))
        ]


@dataclass(frozen=True, slots=True)
class Input:
    """Something that a caller can send: a field, the items of a list, the keys or values of a map."""

    name: str
    type: int
    rules: validate_pb2.FieldRules
    is_list: bool = False


class Contract:
    """Everything that the packages `plimsoll.*` of a descriptor set say."""

    def __init__(self, descriptors: FileDescriptorSet) -> None:
        self.files = [file for file in descriptors.file if file.package.startswith("plimsoll.")]

    @cached_property
    def elements(self) -> list[Element]:
        """Every element of every file."""
        return [element for file in self.files for element in _file_elements(file)]

    @cached_property
    def messages(self) -> dict[str, DescriptorProto]:
        """Messages by full name, those made for maps left out."""
        return {e.name: e.proto for e in self.elements if e.kind == "message"}

    @cached_property
    def enums(self) -> dict[str, EnumDescriptorProto]:
        """Enums by full name."""
        return {e.name: e.proto for e in self.elements if e.kind == "enum"}

    @cached_property
    def rpcs(self) -> list[Rpc]:
        """Every RPC."""
        return [Rpc(e.name, e.proto) for e in self.elements if e.kind == "rpc"]

    def inputs(self) -> Iterator[Input]:
        """Yield every field that a caller can send, each once; a map's keys and values count as fields."""
        pending = [rpc.proto.input_type.lstrip(".") for rpc in self.rpcs]
        seen: set[str] = set()
        while pending:
            name = pending.pop()
            if name in seen or name not in self.messages:
                continue
            seen.add(name)
            entries = {entry.name: entry for entry in self.messages[name].nested_type if entry.options.map_entry}
            for field in self.messages[name].field:
                path = f"{name}.{field.name}"
                yield from _field_inputs(path, field, entries.get(field.type_name.rpartition(".")[2]))
                pending.append(field.type_name.lstrip("."))


def _field_inputs(name: str, field: FieldDescriptorProto, entry: DescriptorProto | None) -> Iterator[Input]:
    found = field.options.Extensions[validate_pb2.field]
    if entry:
        yield Input(name, field.type, found, is_list=True)
        for part, rules in zip(entry.field, (found.map.keys, found.map.values), strict=True):
            yield Input(f"{name}.{part.name}", part.type, rules)
    elif field.label == FieldDescriptorProto.LABEL_REPEATED:
        yield Input(name, field.type, found, is_list=True)
        yield Input(f"{name}[]", field.type, found.repeated.items)
    else:
        yield Input(name, field.type, found)


def _file_elements(file: FileDescriptorProto) -> Iterator[Element]:
    comments = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}
    for i, message in enumerate(file.message_type):
        yield from _message_elements(message, file.package, (MESSAGES, i), comments)
    for i, enum in enumerate(file.enum_type):
        yield from _enum_elements(enum, file.package, (ENUMS, i), comments)
    for i, service in enumerate(file.service):
        name, path = f"{file.package}.{service.name}", (SERVICES, i)
        yield Element("service", name, comments.get(path, ""), service)
        for j, rpc in enumerate(service.method):
            yield Element("rpc", f"{name}.{rpc.name}", comments.get((*path, METHODS, j), ""), rpc)


def _message_elements(message: DescriptorProto, parent: str, path: Place, comments: Comments) -> Iterator[Element]:
    if message.options.map_entry:
        return
    name = f"{parent}.{message.name}"
    yield Element("message", name, comments.get(path, ""), message)
    for i, field in enumerate(message.field):
        yield Element("field", f"{name}.{field.name}", comments.get((*path, FIELDS, i), ""), field)
    synthetic = {field.oneof_index for field in message.field if field.proto3_optional}
    for i, oneof in enumerate(message.oneof_decl):
        if i not in synthetic:
            yield Element("oneof", f"{name}.{oneof.name}", comments.get((*path, ONEOFS, i), ""), oneof)
    for i, nested in enumerate(message.nested_type):
        yield from _message_elements(nested, name, (*path, NESTED_MESSAGES, i), comments)
    for i, enum in enumerate(message.enum_type):
        yield from _enum_elements(enum, name, (*path, NESTED_ENUMS, i), comments)


def _enum_elements(enum: EnumDescriptorProto, parent: str, path: Place, comments: Comments) -> Iterator[Element]:
    name = f"{parent}.{enum.name}"
    yield Element("enum", name, comments.get(path, ""), enum)
    for i, value in enumerate(enum.value):
        yield Element("value", f"{name}.{value.name}", comments.get((*path, VALUES, i), ""), value)
