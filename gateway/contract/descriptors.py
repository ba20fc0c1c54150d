"""The generated descriptor set, indexed by full name, with the comments that the protos carry.

The set is read as a file and not through the stubs, because stubs keep no comments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from buf.validate import validate_pb2
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from plimsoll.options.v1 import method_pb2

DESCRIPTOR_SET = Path(method_pb2.__file__).parents[3] / "plimsoll.binpb"
"""Stands beside the generated packages."""

OPTIONS = (annotations_pb2.http, field_behavior_pb2.field_behavior, validate_pb2.field, method_pb2.method)
"""The options that are read here: naming them loads the modules that teach protobuf to parse them."""

MESSAGE, ENUM, SERVICE = (
    FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER,
    FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER,
    FileDescriptorProto.SERVICE_FIELD_NUMBER,
)
NESTED_MESSAGE, NESTED_ENUM = DescriptorProto.NESTED_TYPE_FIELD_NUMBER, DescriptorProto.ENUM_TYPE_FIELD_NUMBER

Location = tuple[int, ...]
"""Where a declaration stands in its file, as `SourceCodeInfo` counts."""


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Everything that the protos declare, by full name without a leading dot."""

    files: tuple[FileDescriptorProto, ...]
    messages: dict[str, DescriptorProto]
    enums: dict[str, EnumDescriptorProto]
    comments: dict[str, str]
    """Of messages, fields, enums, their values, services and methods; each as one paragraph or several."""

    def comment(self, *name: str) -> str:
        """Give the comment of a declaration, named in parts that are joined with dots. Empty: it has none."""
        return self.comments.get(".".join(name), "")

    def message_of(self, field: FieldDescriptorProto) -> DescriptorProto:
        """Give the message that a field holds."""
        return self.messages[field.type_name.lstrip(".")]

    def is_map(self, field: FieldDescriptorProto) -> bool:
        """Whether a field is a map: on the wire a repeated entry message."""
        return field.type == field.TYPE_MESSAGE and self.message_of(field).options.map_entry


def read_descriptors(path: Path = DESCRIPTOR_SET) -> Descriptors:
    """Read a descriptor set.

    Raises:
        OSError: it is not there; `make protos` makes it.
    """
    files = tuple(FileDescriptorSet.FromString(path.read_bytes()).file)
    found = Descriptors(files, {}, {}, {})
    for file in files:
        said = {tuple(place.path): _paragraphs(place.leading_comments) for place in file.source_code_info.location}
        for location, name in _declarations(found, file):
            if comment := said.get(location):
                found.comments[name] = comment
    return found


def _declarations(found: Descriptors, file: FileDescriptorProto) -> Iterator[tuple[Location, str]]:
    for i, message in enumerate(file.message_type):
        yield from _message(found, message, file.package, (MESSAGE, i))
    for i, enum in enumerate(file.enum_type):
        yield from _enum(found, enum, file.package, (ENUM, i))
    for i, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield (SERVICE, i), name
        for j, method in enumerate(service.method):
            yield (SERVICE, i, service.METHOD_FIELD_NUMBER, j), f"{name}.{method.name}"


def _message(
    found: Descriptors, message: DescriptorProto, scope: str, location: Location
) -> Iterator[tuple[Location, str]]:
    name = f"{scope}.{message.name}"
    found.messages[name] = message
    yield location, name
    for i, field in enumerate(message.field):
        yield (*location, message.FIELD_FIELD_NUMBER, i), f"{name}.{field.name}"
    for i, nested in enumerate(message.nested_type):
        yield from _message(found, nested, name, (*location, NESTED_MESSAGE, i))
    for i, enum in enumerate(message.enum_type):
        yield from _enum(found, enum, name, (*location, NESTED_ENUM, i))


def _enum(
    found: Descriptors, enum: EnumDescriptorProto, scope: str, location: Location
) -> Iterator[tuple[Location, str]]:
    name = f"{scope}.{enum.name}"
    found.enums[name] = enum
    yield location, name
    for i, value in enumerate(enum.value):
        yield (*location, enum.VALUE_FIELD_NUMBER, i), f"{name}.{value.name}"


def _paragraphs(comment: str) -> str:
    """Join the lines of a comment, which are cut for the source file, and keep its blank lines."""
    paragraphs = "\n".join(line.strip() for line in comment.splitlines()).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).strip()
