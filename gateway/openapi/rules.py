"""Validation rules of the contract as JSON Schema keywords.

A rule that has no keyword here stops the build: a document that keeps silent about a rule would be wrong.
"""

from typing import Any

from buf.validate.validate_pb2 import FieldRules, Ignore
from google.protobuf.descriptor_pb2 import EnumDescriptorProto
from google.protobuf.message import Message

from chassis.contract import ContractError

Json = dict[str, Any]

UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
LENGTHS = {"min_len": "minLength", "max_len": "maxLength"}
FORMATS = {
    "email": "email",
    "hostname": "hostname",
    "ipv4": "ipv4",
    "ipv6": "ipv6",
    "uri": "uri",
    "uri_ref": "uri-reference",
    "uuid": "uuid",
}
BOUNDS = {"gt": "exclusiveMinimum", "gte": "minimum", "lt": "exclusiveMaximum", "lte": "maximum", "const": "const"}
ITEMS = {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"}
PAIRS = {"min_pairs": "minProperties", "max_pairs": "maxProperties"}
SAID_BY_JSON = {"finite"}
"""JSON has no other numbers."""


def keywords(rules: FieldRules, enum: EnumDescriptorProto | None = None) -> Json:
    """Give the JSON Schema keywords that say what the rules of a field say."""
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    found = _of_kind(kind, getattr(rules, kind), enum)
    return _or_zero(kind, found) if rules.ignore == Ignore.IGNORE_IF_ZERO_VALUE and found else found


def _of_kind(kind: str, rules: Message, enum: EnumDescriptorProto | None) -> Json:
    match kind:
        case "string":
            return _translate(kind, rules, LENGTHS, _string)
        case "repeated":
            return _translate(kind, rules, ITEMS, _items)
        case "map":
            return _translate(kind, rules, PAIRS, _entries)
        case "enum":
            return _enum(rules, enum)
        case _:
            return _translate(kind, rules, BOUNDS, _choice)


def _translate(kind: str, rules: Message, plain: dict[str, str], special: Any) -> Json:
    found: Json = {}
    for field, value in rules.ListFields():
        if field.name in plain:
            found[plain[field.name]] = value
        elif field.name not in SAID_BY_JSON:
            found |= special(field.name, value) or _unknown(f"{kind}.{field.name}")
    return found


def _string(name: str, value: Any) -> Json:
    if name == "pattern":
        return {"pattern": value}
    if name == "len":
        return {"minLength": value, "maxLength": value}
    if name in FORMATS:
        return {"format": FORMATS[name]}
    return _choice(name, value)


def _choice(name: str, value: Any) -> Json:
    match name:
        case "in":
            return {"enum": list(value)}
        case "not_in":
            return {"not": {"enum": list(value)}}
        case "const":
            return {"const": value}
        case _:
            return {}


def _items(name: str, value: Any) -> Json:
    return {"items": keywords(value)} if name == "items" else {}


def _entries(name: str, value: Any) -> Json:
    target = {"keys": "propertyNames", "values": "additionalProperties"}.get(name)
    return {target: keywords(value)} if target else {}


def _enum(rules: Any, enum: EnumDescriptorProto | None) -> Json:
    """Give the names that a rule leaves. That only defined values are taken goes without saying in JSON."""
    if enum is None:
        return {}
    names = {value.number: value.name for value in enum.value}
    allowed = [
        name
        for number, name in names.items()
        if number not in rules.not_in and (number in getattr(rules, "in") or not getattr(rules, "in"))
    ]
    return {"enum": allowed} if len(allowed) < len(names) else {}


def _or_zero(kind: str, found: Json) -> Json:
    """Let the zero value pass as well: of a text that is the empty one."""
    if kind != "string":
        return {"anyOf": [{"const": 0}, found]}
    if found == {"format": "uuid"}:
        found = {"pattern": UUID}
    if set(found) <= {"pattern", "maxLength"}:
        return found | {"pattern": f"^$|{found['pattern']}"} if "pattern" in found else found
    return {"anyOf": [{"maxLength": 0}, found]}


def _unknown(rule: str) -> Json:
    raise ContractError(f"the validation rule {rule} has no words in OpenAPI yet: add them to gateway/openapi/rules.py")
