"""The OpenAPI document: sound, complete, exact, and the same every time."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis
from jsonschema import Draft202012Validator, FormatChecker

from gateway.assembly import Assembly, assemble
from gateway.contract.descriptors import Descriptors
from gateway.contract.rpcs import Rpc
from gateway.settings import Settings
from plimsoll.errors.v1.error_reason_pb2 import ErrorReason
from plimsoll.options.v1.method_pb2 import MethodPolicy

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(assembly: Assembly) -> Json:
    return assembly.openapi


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def validator(document: Json, schema: Json) -> Draft202012Validator:
    """Resolve references against the document, as its readers do."""
    return Draft202012Validator({**schema, "components": document["components"]}, format_checker=FormatChecker())


def resolve(document: Json, node: Json) -> Json:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def test_it_is_openapi_3_1(document: Json) -> None:
    loaded = schemathesis.openapi.from_dict(document)
    loaded.validate()
    assert loaded.specification.version == "3.1.0"


def test_schemathesis_finds_every_operation(document: Json, rpcs: tuple[Rpc, ...]) -> None:
    found = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(found) == sum(len(rpc.bindings) for rpc in rpcs)


def test_every_binding_is_an_operation_and_no_other(document: Json, rpcs: tuple[Rpc, ...]) -> None:
    bound = {(each.verb.lower(), each.template.openapi, rpc.path.lstrip("/")) for rpc in rpcs for each in rpc.bindings}
    assert {(method, path, each["x-grpc-method"]) for path, method, each in operations(document)} == bound


def test_names_are_unique_and_every_reference_leads_somewhere(document: Json) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                assert resolve(document, node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)


def test_every_component_is_a_sound_schema_and_described(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        for field, inner in schema.get("properties", {}).items():
            if "$ref" not in inner and field != "@type" and name not in {"ErrorInfo", "BadRequest"}:
                assert inner.get("description"), f"{name}.{field}"


def test_every_example_obeys_its_schema(document: Json) -> None:
    checked = 0
    for _, _, operation in operations(document):
        contents = [
            operation.get("requestBody", {}),
            *(resolve(document, each) for each in operation["responses"].values()),
        ]
        for media in (media for each in contents for media in each.get("content", {}).values()):
            examples = [media["example"]] if "example" in media else []
            for example in [*examples, *(each["value"] for each in media.get("examples", {}).values())]:
                validator(document, media["schema"]).validate(example)
                checked += 1
        for parameter in (resolve(document, each) for each in operation.get("parameters", [])):
            validator(document, parameter["schema"]).validate(parameter["example"])
            checked += 1
    assert checked > 100


def test_every_json_body_and_answer_has_an_example(document: Json) -> None:
    for path, method, operation in operations(document):
        for place in (operation.get("requestBody"), operation["responses"]["200"]):
            media = (place or {}).get("content", {}).get("application/json")
            if media and path != "/.well-known/jwks.json":
                assert "example" in media, f"{method} {path}"


def test_fields_go_where_transcoding_takes_them_from(document: Json) -> None:
    update = document["paths"]["/api/v1/management/portfolios/{portfolio_id}"]["patch"]
    assert [each.get("name") for each in update["parameters"]] == ["portfolio_id", None]
    body = update["requestBody"]["content"]["application/json"]["schema"]
    assert "portfolio_id" not in body["properties"]
    assert {"name", "revision"} <= set(body["properties"])
    upload = document["paths"]["/api/v1/portfolio/upload"]["post"]
    assert [each["name"] for each in upload["parameters"][:-1]] == [
        "portfolio_name",
        "portfolio_id",
        "base_currency",
        "commit",
        "request_id",
        "file_name",
        "entry_date",
        "portfolio_value",
    ]
    assert set(upload["requestBody"]["content"]) == {"text/csv", "multipart/form-data"}
    bars = document["paths"]["/api/v1/marketdata/bars/{symbol}"]["get"]
    assert {each["name"]: (each["in"], each["required"]) for each in bars["parameters"]}["symbol"] == ("path", True)


def test_the_contracts_rules_are_told(document: Json) -> None:
    register = document["paths"]["/api/v1/auth/register"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    assert register["required"] == ["email", "password"]
    assert register["properties"]["email"] | {"description": ""} == {
        "type": "string",
        "format": "email",
        "maxLength": 254,
        "description": "",
    }
    password = register["properties"]["password"]
    assert (password["minLength"], password["maxLength"]) == (12, 200)
    listed = document["paths"]["/api/v1/management/portfolios"]["get"]["parameters"][0]["schema"]
    assert (listed["minimum"], listed["maximum"]) == (0, 500)
    quotes = document["paths"]["/api/v1/data/prices/quotes"]["get"]["parameters"][0]
    assert quotes["required"]
    assert (quotes["schema"]["minItems"], quotes["schema"]["items"]["maxLength"]) == (1, 7000)
    created = document["paths"]["/api/v1/management/portfolios"]["post"]["requestBody"]["content"]["application/json"]
    currency = validator(document, created["schema"]["properties"]["base_currency"])
    assert [currency.is_valid(text) for text in ("", "USD", "usd")] == [True, True, False]
    basis = document["paths"]["/api/v1/marketdata/bars/{symbol}"]["get"]["parameters"][3]
    assert basis["schema"]["enum"] == [
        "BASIS_UNSPECIFIED",
        "RAW",
        "TOTAL_RETURN_ADJUSTED",
        "SPLIT_ADJUSTED",
    ]
    assert "- `RAW`: As quoted on the day." in basis["description"]


def test_secrets_are_passwords_and_what_is_sent_is_never_answered(document: Json) -> None:
    login = document["paths"]["/api/v1/auth/login"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert login["properties"]["password"]["writeOnly"] is True
    session = document["components"]["schemas"]["Session"]["properties"]["access_token"]
    assert session["format"] == "password"
    assert "writeOnly" not in session


def test_a_file_has_the_type_of_its_path_or_any(document: Json) -> None:
    keys = document["paths"]["/.well-known/jwks.json"]["get"]["responses"]["200"]["content"]
    assert set(keys) == {"application/json"}
    export = document["paths"]["/api/v1/auth/me/export"]["get"]["responses"]["200"]["content"]
    assert export == {"*/*": {"schema": {}}}


def test_what_an_answer_always_has_is_required(document: Json) -> None:
    overview = document["components"]["schemas"]["Overview"]
    assert "available" in overview["required"]
    assert "total_value" not in overview["required"], "optional: absent when not known"
    assert "exposures" not in overview["required"], "a message: absent when not set"


def test_a_cookie_authorises_get_alone_and_a_key_no_admin(document: Json, rpcs: tuple[Rpc, ...]) -> None:
    admin = {rpc.path.lstrip("/") for rpc in rpcs if rpc.policy.access == MethodPolicy.ADMIN}
    for path, method, operation in operations(document):
        schemes = {name for each in operation["security"] for name in each}
        cookie = {"cookie"} if method == "get" else set()
        key = set() if operation["x-grpc-method"] in admin else {"apiKey"}
        assert schemes in ({"bearer"} | cookie | key, set()), path
    scheme = document["components"]["securitySchemes"]["apiKey"]
    assert (scheme["in"], scheme["name"]) == ("header", "X-API-Key")
    assert admin


def test_answers_tell_of_limits_and_a_refusal_of_when_to_come_back(document: Json) -> None:
    told = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
    for path, _, operation in operations(document):
        assert told <= set(operation["responses"]["200"]["headers"]), path
    assert set(document["components"]["responses"]["TooManyRequests"]["headers"]) == told | {"retry-after"}


def test_writes_that_can_be_repeated_take_the_key(
    document: Json, rpcs: tuple[Rpc, ...], descriptors: Descriptors
) -> None:
    repeatable = {
        rpc.path.lstrip("/")
        for rpc in rpcs
        if rpc.writes and any(field.name == "request_id" for field in descriptors.messages[rpc.request].field)
    }
    offered = {
        operation["x-grpc-method"]
        for _, _, operation in operations(document)
        if {"$ref": "#/components/parameters/IdempotencyKey"} in operation.get("parameters", [])
    }
    assert repeatable == offered
    assert repeatable


def test_every_reason_of_an_error_is_documented(document: Json) -> None:
    texts = "".join(each["description"] for each in document["components"]["responses"].values())
    reasons = [name for name, number in ErrorReason.Reason.items() if number]
    assert document["components"]["schemas"]["ErrorInfo"]["properties"]["reason"]["enum"] == reasons
    assert all(f"`{reason}`" in texts for reason in reasons)


def test_every_operation_tells_how_it_can_fail(document: Json) -> None:
    create = document["paths"]["/api/v1/management/portfolios"]["post"]["responses"]
    assert set(create) == {"200", "400", "401", "403", "409", "413", "429", "500", "503", "504", "default"}
    assert "401" not in document["paths"]["/api/v1/auth/login"]["post"]["responses"]


def test_the_same_contract_gives_the_same_bytes(document: Json) -> None:
    assert json.dumps(document) == json.dumps(assemble(Settings()).openapi)


def test_examples_are_checked_by_a_check_that_can_fail(document: Json) -> None:
    schema = document["paths"]["/api/v1/auth/register"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    with pytest.raises(jsonschema.ValidationError):
        validator(document, schema).validate({"email": "ada@example.com", "password": "short"})
