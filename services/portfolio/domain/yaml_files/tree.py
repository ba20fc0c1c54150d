"""Reading YAML as texts with their lines, and nothing else.

No object is ever constructed: the library composes nodes, and what a scalar means is decided where it is read. So a
ticker `ON` stays `ON` and is no boolean, a number keeps every digit, and no tag does anything. Anchors and aliases,
which can make gigabytes of a line, and keys that stand twice, of which one would be lost, are refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis.errors import InvalidRequest

if TYPE_CHECKING:
    from yaml import Node

MAX_BYTES = 2 << 20
MAX_DEPTH = 10
MAX_EVENTS = 400_000
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar, and the line it stands on."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    items: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Entries by key, each with the line of its key."""

    line: int
    entries: "dict[str, tuple[int, Tree]]"


Tree = Text | Items | Mapping


def read(content: bytes) -> Mapping:
    """Read a file.

    Raises:
        InvalidRequest: it is too large, no YAML, not one mapping, or has what is refused here.
    """
    from yaml import YAMLError  # only for those who upload YAML

    if len(content) > MAX_BYTES:
        message = f"the file has {len(content)} bytes, at most {MAX_BYTES} are taken as YAML"
        raise InvalidRequest("REQUEST_TOO_LARGE", message, limit_bytes=MAX_BYTES)
    try:
        _check(content)
        found = _tree(_composed(content))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        where = f"line {line} cannot be read" if line else "the file cannot be read"
        raise refused(f"{where}: {getattr(error, 'problem', None) or 'it is no YAML'}", line) from None
    if not isinstance(found, Mapping):
        raise refused("the file must hold keys with values, such as portfolio_input", found.line)
    return found


def refused(message: str, line: int | None = None) -> InvalidRequest:
    """Give the failure of a file that cannot be read as a whole."""
    return InvalidRequest("MALFORMED_FILE", message, **({} if line is None else {"line": line}))


def _check(content: bytes) -> None:
    """Refuse what must not be composed; events come one by one and cost no more than the file is long."""
    from yaml import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, parse

    depth = documents = 0
    for number, event in enumerate(parse(_text(content), Loader=_loader()), 1):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        documents += isinstance(event, DocumentStartEvent)
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise refused(f"line {line} has an anchor or alias: write out what it stands for", line)
        if depth > MAX_DEPTH:
            raise refused(f"line {line} is nested more than {MAX_DEPTH} deep", line)
        if number > MAX_EVENTS:
            raise refused(f"the file has more than {MAX_EVENTS} parts", line)
        if documents > 1:
            raise refused(f"line {line} begins a second document: send one file at a time", line)


def _composed(content: bytes) -> "Node":
    from yaml import compose

    node = compose(_text(content), Loader=_loader())
    if node is None:
        raise refused("the file is empty")
    return node


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise refused(f"line {line} is not UTF-8 text", line) from None


def _loader() -> type:
    """Give the loader written in C where there is one; it is ten times as fast, and reads the same."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _tree(node: "Node") -> Tree:
    from yaml import MappingNode, ScalarNode, SequenceNode

    line = node.start_mark.line + 1
    if isinstance(node, ScalarNode):
        # `key:` without a value, `~` and `null` say nothing; the same in quotes is a text.
        empty = node.style is None and re.fullmatch(r"~|null|Null|NULL|", node.value)
        return Text(line, "" if empty else node.value)
    if isinstance(node, SequenceNode):
        return Items(line, tuple(map(_tree, node.value)))
    assert isinstance(node, MappingNode)
    entries: dict[str, tuple[int, Tree]] = {}
    for key, (key_line, value) in _entries(node):
        if key in entries:
            raise refused(f"line {key_line} states {key[:SHOWN]!r} again, after line {entries[key][0]}", key_line)
        entries[key] = (key_line, value)
    return Mapping(line, entries)


def _entries(node: "Node") -> "Iterator[tuple[str, tuple[int, Tree]]]":
    from yaml import ScalarNode

    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            raise refused(f"line {line} has a key that is no plain text", line)
        yield key.value.strip(), (line, _tree(value))
