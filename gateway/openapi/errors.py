"""What can go wrong, from the reasons that the contract documents: one response for each HTTP status."""

from http import HTTPStatus
from typing import Any

from google.rpc import code_pb2

from chassis.contract import ContractError
from gateway.contract.descriptors import Descriptors
from gateway.contract.rpcs import Binding, Rpc

Json = dict[str, Any]

REASONS = "plimsoll.errors.v1.ErrorReason.Reason"
STATUS_OF_CODE = {
    "INVALID_ARGUMENT": HTTPStatus.BAD_REQUEST,
    "FAILED_PRECONDITION": HTTPStatus.BAD_REQUEST,
    "OUT_OF_RANGE": HTTPStatus.BAD_REQUEST,
    "UNAUTHENTICATED": HTTPStatus.UNAUTHORIZED,
    "PERMISSION_DENIED": HTTPStatus.FORBIDDEN,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "ALREADY_EXISTS": HTTPStatus.CONFLICT,
    "ABORTED": HTTPStatus.CONFLICT,
    "RESOURCE_EXHAUSTED": HTTPStatus.TOO_MANY_REQUESTS,
    "INTERNAL": HTTPStatus.INTERNAL_SERVER_ERROR,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    "DEADLINE_EXCEEDED": HTTPStatus.GATEWAY_TIMEOUT,
}
# The edge refuses a body by its size before it is a message; only HTTP has a status for that.
STATUS_OF_REASON = {"REQUEST_TOO_LARGE": HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
RATE_LIMIT_HEADERS = {
    "x-ratelimit-limit": {"$ref": "#/components/headers/RateLimit"},
    "x-ratelimit-remaining": {"$ref": "#/components/headers/RateLimitRemaining"},
    "x-ratelimit-reset": {"$ref": "#/components/headers/RateLimitReset"},
}
HEADERS_OF = {
    HTTPStatus.TOO_MANY_REQUESTS: {"retry-after": {"$ref": "#/components/headers/RetryAfter"}, **RATE_LIMIT_HEADERS}
}
ALWAYS = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


def error_schemas(descriptors: Descriptors) -> dict[str, Json]:
    """Give the schemas of an error and its details."""
    reasons = [value.name for value in descriptors.enums[REASONS].value if value.number]
    return {
        "Status": {
            "type": "object",
            "title": "Status",
            "description": "An error, as google.rpc.Status.",
            "properties": {
                "code": {"type": "integer", "format": "int32", "description": "gRPC code: what a program should do."},
                "message": {"type": "string", "description": "A sentence for a developer."},
                "details": {
                    "type": "array",
                    "description": "First why it failed, then more where there is more to say.",
                    "items": {
                        "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("ErrorInfo", "BadRequest")]
                    },
                },
            },
            "required": ["code", "message"],
        },
        "ErrorInfo": _detail(
            "ErrorInfo",
            "Why it failed.",
            {
                "reason": {"type": "string", "enum": reasons, "description": "Why, as a constant."},
                "domain": {"type": "string", "const": "plimsoll"},
                "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            ["reason", "domain"],
        ),
        "BadRequest": _detail(
            "BadRequest",
            "Which fields break a rule.",
            {"field_violations": {"type": "array", "items": {"$ref": "#/components/schemas/FieldViolation"}}},
            ["field_violations"],
        ),
        "FieldViolation": {
            "type": "object",
            "title": "FieldViolation",
            "properties": {
                "field": {"type": "string", "description": "The field, as a path in the request."},
                "description": {"type": "string", "description": "The value found, and the rule it breaks."},
            },
            "required": ["field", "description"],
        },
    }


def error_responses(descriptors: Descriptors) -> dict[str, Json]:
    """Give a response for each status, with the reasons it can have.

    Raises:
        ContractError: the comment of a reason does not begin with a gRPC code.
    """
    by_status: dict[HTTPStatus, list[tuple[str, str, str]]] = {}
    for value in descriptors.enums[REASONS].value:
        if value.number:
            code, _, meaning = descriptors.comment(REASONS, value.name).partition(". ")
            if code not in STATUS_OF_CODE:
                raise ContractError(f"the comment of {value.name} must begin with its gRPC code, not {code!r}")
            status = STATUS_OF_REASON.get(value.name, STATUS_OF_CODE[code])
            by_status.setdefault(status, []).append((value.name, code, meaning))
    return {_name(status): _response(status, reasons) for status, reasons in sorted(by_status.items())}


def possible(rpc: Rpc, binding: Binding, *, has_input: bool) -> dict[str, Json]:
    """Refer to the errors that an operation can answer with."""
    found = set(ALWAYS)
    if has_input:
        found.add(HTTPStatus.BAD_REQUEST)
    if not rpc.public:
        found |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if binding.template.variables:
        found.add(HTTPStatus.NOT_FOUND)
    if rpc.writes:
        found.add(HTTPStatus.CONFLICT)
    if binding.body:
        found.add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return {str(int(status)): {"$ref": f"#/components/responses/{_name(status)}"} for status in sorted(found)}


def _name(status: HTTPStatus) -> str:
    return "".join(word.capitalize() for word in status.name.split("_"))


def _response(status: HTTPStatus, reasons: list[tuple[str, str, str]]) -> Json:
    listed = "\n".join(f"- `{reason}` ({code}): {meaning}" for reason, code, meaning in reasons)
    headers = {"headers": HEADERS_OF[status]} if status in HEADERS_OF else {}
    return {
        "description": f"{status.phrase}.\n\n{listed}",
        **headers,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Status"},
                "examples": {reason: {"value": _example(*each)} for each in reasons for reason in [each[0]]},
            }
        },
    }


def _example(reason: str, code: str, meaning: str) -> Json:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "plimsoll"}
    return {"code": code_pb2.Code.Value(code), "message": meaning.partition(". ")[0].rstrip("."), "details": [info]}


def _detail(name: str, description: str, properties: Json, required: list[str]) -> Json:
    kind = {"type": "string", "const": f"type.googleapis.com/google.rpc.{name}"}
    return {
        "type": "object",
        "title": name,
        "description": description,
        "properties": {"@type": kind, **properties},
        "required": ["@type", *required],
    }
