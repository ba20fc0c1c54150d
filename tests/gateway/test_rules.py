"""Validation rules as JSON Schema, against the validator that the services use."""

from typing import Any

import pytest
from buf.validate.validate_pb2 import FieldRules
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import EnumDescriptorProto

from chassis.contract import ContractError
from gateway.openapi.examples import Examples, NoExample, obeys
from gateway.openapi.rules import UUID, keywords

SIDES = EnumDescriptorProto(name="Side")
for number, name in enumerate(["SIDE_UNSPECIFIED", "LONG", "SHORT"]):
    SIDES.value.add(name=name, number=number)


def rules(text: str) -> FieldRules:
    return text_format.Parse(text, FieldRules())


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("", {}),
        ("string { min_len: 1 max_len: 5 }", {"minLength": 1, "maxLength": 5}),
        ("string { len: 3 }", {"minLength": 3, "maxLength": 3}),
        ('string { pattern: "^a$" }', {"pattern": "^a$"}),
        ("string { uuid: true }", {"format": "uuid"}),
        ('string { in: "a" in: "b" }', {"enum": ["a", "b"]}),
        ('string { not_in: "a" }', {"not": {"enum": ["a"]}}),
        ("int32 { gte: 1 lt: 9 }", {"minimum": 1, "exclusiveMaximum": 9}),
        ("double { gt: 0 finite: true }", {"exclusiveMinimum": 0.0}),
        ("bool { const: true }", {"const": True}),
        ("repeated { min_items: 1 unique: true items { int32 { gte: 1 } } }", {
            "minItems": 1, "uniqueItems": True, "items": {"minimum": 1},
        }),
        ("map { max_pairs: 9 keys { string { min_len: 1 } } values { double { finite: true } } }", {
            "maxProperties": 9, "propertyNames": {"minLength": 1}, "additionalProperties": {},
        }),
        ("enum { defined_only: true }", {}),
        ("enum { not_in: 0 }", {"enum": ["LONG", "SHORT"]}),
        ("enum { in: 2 }", {"enum": ["SHORT"]}),
        ("string { max_len: 5 } ignore: IGNORE_IF_ZERO_VALUE", {"maxLength": 5}),
        ('string { pattern: "^a$" max_len: 5 } ignore: IGNORE_IF_ZERO_VALUE', {"pattern": "^$|^a$", "maxLength": 5}),
        ("string { uuid: true } ignore: IGNORE_IF_ZERO_VALUE", {"pattern": f"^$|{UUID}"}),
        ("string { min_len: 3 } ignore: IGNORE_IF_ZERO_VALUE", {"anyOf": [{"maxLength": 0}, {"minLength": 3}]}),
        ("int32 { gte: 5 } ignore: IGNORE_IF_ZERO_VALUE", {"anyOf": [{"const": 0}, {"minimum": 5}]}),
    ],
)  # fmt: skip
def test_a_rule_becomes_its_keywords(rule: str, expected: dict[str, Any]) -> None:
    assert keywords(rules(rule), SIDES) == expected


@pytest.mark.parametrize("rule", ["string { prefix: 'a' }", "bytes { min_len: 1 }", "timestamp { gt_now: true }"])
def test_a_rule_without_words_stops_the_build(rule: str) -> None:
    with pytest.raises(ContractError, match="has no words in OpenAPI yet"):
        keywords(rules(rule))


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "minLength": 2}, "ab", "a"),
        ({"type": "string", "pattern": "^a+$"}, "aa", "b"),
        ({"type": "string", "enum": ["a"]}, "a", "b"),
        ({"type": "string", "format": "uuid"}, "4f6c2c0e-8a57-4d0c-9c1e-2b7f0a6d3e51", "4f6c"),
        ({"type": "integer", "minimum": 3, "exclusiveMaximum": 5}, 4, 5),
        ({"type": "number", "exclusiveMinimum": 0.0}, 0.5, 0.0),
        ({"type": "boolean", "const": True}, True, False),
        ({"type": "integer", "anyOf": [{"const": 0}, {"minimum": 5}]}, 6, 3),
    ],
)
def test_a_candidate_is_held_against_its_schema(schema: dict[str, Any], good: object, bad: object) -> None:
    assert obeys(good, schema)
    assert not obeys(bad, schema)


def test_an_example_obeys_or_there_is_none() -> None:
    assert Examples({}).of({"type": "integer", "minimum": 7}) == 7
    with pytest.raises(NoExample):
        Examples({}).of({"type": "string", "pattern": "^nobody knows one$"}, "code")


def test_messages_that_hold_each_other_end() -> None:
    node = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}},
    }
    assert Examples({"Node": node}).of({"$ref": "#/components/schemas/Node"}) == {}
