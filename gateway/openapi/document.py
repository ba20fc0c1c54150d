"""The OpenAPI 3.1 document as a whole. The same contract always gives the same bytes."""

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from gateway.contract.descriptors import Descriptors
from gateway.contract.rpcs import HTTP_BODY, Rpc
from gateway.openapi.errors import error_responses, error_schemas
from gateway.openapi.operations import Operations
from gateway.openapi.schemas import Schemas

Json = dict[str, Any]

ABOUT = """\
The open portfolio-risk platform over REST. The same calls go over gRPC at the same port; each operation names its \
method in `x-grpc-method`.

Send the access token of `POST /api/v1/auth/login` as `authorization: Bearer ...`, or an API key as `X-API-Key`. The \
cookie that login sets authorises GET and nothing else.

Calls are counted, by account or, where none is needed, by address. Every answer says in `X-RateLimit-Limit`, \
`X-RateLimit-Remaining` and `X-RateLimit-Reset` how many a minute there may be, how many are left, and in how many \
seconds the count starts again; or the same of the day, once less is left of it than of the minute. A 429 says in \
`Retry-After` when to come back.

An unknown query parameter is refused; an unknown field of a body is ignored. An error is a `Status` whose `ErrorInfo` \
gives the reason as a constant. A number that is not known is absent, and a field beside it says why.

A write that takes an `Idempotency-Key` may be repeated with the same key without a second effect. A list comes in \
pages: send `next_page_token` back as `page_token`.

`GET /healthz` answers 200 while every service is healthy, and 503 otherwise."""
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The access token."},
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key of `POST /api/v1/auth/api-keys`, with its scope; never with the rights of an admin.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "auth_token",
        "description": "The access token as login's cookie; for GET alone.",
    },
}
PARAMETERS = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Makes a repeated call harmless: the same key answers what the first call answered. The"
        " field `request_id` says the same and wins where both are sent.",
        "schema": {"type": "string", "maxLength": 100},
        "example": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    }
}
HEADERS = {
    "RequestId": {
        "description": "The id of this call in every log and trace; yours, if you sent one.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "Calls of this kind of account in a minute, or in a day (UTC) once less is left of the day."
        " Absent where calls are not counted.",
        "schema": {"type": "integer"},
    },
    "RateLimitRemaining": {
        "description": "Calls that are left of the minute or day.",
        "schema": {"type": "integer"},
    },
    "RateLimitReset": {
        "description": "Seconds until the minute or day ends and the count starts again.",
        "schema": {"type": "integer"},
    },
    "RetryAfter": {
        "description": "Seconds after which it is worth trying again.",
        "schema": {"type": "integer"},
    },
}


def openapi_document(descriptors: Descriptors, rpcs: Sequence[Rpc]) -> Json:
    """Write the document.

    Raises:
        ContractError: the contract says something that has no words in OpenAPI yet.
    """
    served = [rpc for rpc in rpcs if rpc.bindings]
    schemas = Schemas(
        descriptors,
        requests=[rpc.request for rpc in served],
        responses=[rpc.response for rpc in served if rpc.response != HTTP_BODY],
    )
    paths = _paths(served, Operations(descriptors, schemas))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Plimsoll",
            "version": version("plimsoll"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This gateway"}],
        "tags": _tags(descriptors, served),
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, **error_schemas(descriptors)},
            "responses": {**error_responses(descriptors), "Error": _any_error()},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _paths(rpcs: Sequence[Rpc], operations: Operations) -> Json:
    paths: Json = {}
    for rpc in sorted(rpcs, key=_is_health):
        for binding in rpc.bindings:
            methods = paths.setdefault(binding.template.openapi, {})
            methods[binding.verb.lower()] = operations.operation(rpc, binding, _tag(rpc))
    return paths


def _tags(descriptors: Descriptors, rpcs: Sequence[Rpc]) -> list[Json]:
    """List the groups: one for each service, and one for all that are called the same."""
    said: dict[str, list[str]] = {}
    for rpc in sorted(rpcs, key=_is_health):
        sentences = said.setdefault(_tag(rpc), [])
        if (comment := descriptors.comment(rpc.service_name)) not in sentences:
            sentences.append(comment)
    return [{"name": tag, "description": " ".join(sentences)} for tag, sentences in said.items()]


def _tag(rpc: Rpc) -> str:
    words = re.findall("[A-Z][a-z]*", rpc.service.removesuffix("Service"))
    return " ".join(words).capitalize()


def _is_health(rpc: Rpc) -> bool:
    """Whether an RPC is for operators, and comes last; sorting keeps the order of the protos otherwise."""
    return _tag(rpc) == "Health"


def _any_error() -> Json:
    return {
        "description": "Any other error.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Status"}}},
    }
