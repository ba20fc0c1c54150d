"""The errors that Envoy itself answers with, in the form that the services use.

A REST client gets a `google.rpc.Status` as JSON, a gRPC client a fitting code. Envoy's own sentences are passed on only
where they speak of the request; of the inside they say too much.
"""

from dataclasses import dataclass, field
from http import HTTPStatus

from google.rpc import code_pb2 as code

from gateway.envoy.extension import Json, extension

DOMAIN = "plimsoll"
ROUTE_METADATA = "plimsoll"
ENVOYS_WORDS = "%LOCAL_REPLY_BODY%"
ENVOYS_CAUSE = "%RESPONSE_CODE_DETAILS%"
LIMIT_BYTES = f"%METADATA(ROUTE:{ROUTE_METADATA}:limit_bytes)%"
REQUEST_ID = "%REQ(X-REQUEST-ID)%"


@dataclass(frozen=True, slots=True)
class EdgeError:
    """What a client is told when Envoy refuses with `status`, for the causes that `details` matches."""

    status: HTTPStatus
    code: int
    reason: str
    message: str
    metadata: dict[str, str] = field(default_factory=dict)
    details: str = ""
    """Part of Envoy's response code details. Empty: any."""
    answer: HTTPStatus | None = None
    """The status to answer with instead."""
    grpc_code: int | None = None
    """The code over gRPC, where it has one of its own for this."""


TOKENS = [
    EdgeError(
        HTTPStatus.UNAUTHORIZED,
        code.UNAUTHENTICATED,
        "TOKEN_EXPIRED",
        "the access token has expired: refresh it",
        details="Jwt_is_expired",
    ),
    EdgeError(
        HTTPStatus.UNAUTHORIZED,
        code.UNAVAILABLE,
        "DEPENDENCY_UNAVAILABLE",
        "tokens cannot be verified now, because identity does not give its keys; try again",
        {"dependency": "portfolio"},
        details="Jwks_remote_fetch",
        answer=HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    *(
        EdgeError(
            status,
            code.UNAUTHENTICATED,
            "TOKEN_INVALID",
            f"the access token is not valid: {ENVOYS_WORDS}",
            details="jwt_authn",
            answer=HTTPStatus.UNAUTHORIZED,
        )
        for status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    ),
]
PATHS = [
    EdgeError(
        HTTPStatus.NOT_FOUND,
        code.NOT_FOUND,
        "RESOURCE_NOT_FOUND",
        "nothing answers to this path and method; GET /openapi.json lists what there is",
        {"resource": "path", "id": "%PATH(NQ)%"},
        grpc_code=code.UNIMPLEMENTED,
    ),
    EdgeError(
        HTTPStatus.METHOD_NOT_ALLOWED,
        code.UNIMPLEMENTED,
        "RESOURCE_NOT_FOUND",
        "the API answers to GET, POST, PUT, PATCH and DELETE",
        {"resource": "method", "id": "%REQ(:METHOD)%"},
    ),
]
REQUESTS = [
    EdgeError(
        HTTPStatus.BAD_REQUEST, code.INVALID_ARGUMENT, "INVALID_FIELD", ENVOYS_WORDS, details="grpc_json_transcode"
    ),
    EdgeError(
        HTTPStatus.BAD_REQUEST,
        code.INVALID_ARGUMENT,
        "INVALID_FIELD",
        f"the request is not sound HTTP: {ENVOYS_CAUSE}",
    ),
    EdgeError(
        HTTPStatus.REQUEST_TIMEOUT,
        code.DEADLINE_EXCEEDED,
        "DEADLINE_PASSED",
        "the request took too long to arrive",
    ),
    EdgeError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        code.INVALID_ARGUMENT,
        "REQUEST_TOO_LARGE",
        f"the request body is larger than {LIMIT_BYTES} bytes",
        {"limit_bytes": LIMIT_BYTES},
    ),
]
SERVICES = [
    EdgeError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        code.UNAVAILABLE,
        "DEPENDENCY_UNAVAILABLE",
        "not every service is healthy, or the gateway is about to stop",
        {"dependency": "a service"},
        details="health_check",
    ),
    EdgeError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        code.UNAVAILABLE,
        "DEPENDENCY_UNAVAILABLE",
        "the gateway has more work than it takes at once; try again",
        {"dependency": "gateway"},
        details="overload",
    ),
    *(
        EdgeError(
            status,
            code.UNAVAILABLE,
            "DEPENDENCY_UNAVAILABLE",
            "the service behind this call does not answer; try again",
            {"dependency": "%UPSTREAM_CLUSTER%"},
        )
        for status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
    ),
    EdgeError(
        HTTPStatus.GATEWAY_TIMEOUT,
        code.DEADLINE_EXCEEDED,
        "DEADLINE_PASSED",
        "the service behind this call did not answer in time",
    ),
]


def local_replies(max_header_kib: int) -> Json:
    """Give Envoy's table of own replies; the first that fits is taken. What none names is UNEXPECTED."""
    headers = EdgeError(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        code.INVALID_ARGUMENT,
        "REQUEST_TOO_LARGE",
        f"the request headers are larger than {max_header_kib} KiB, or too many",
        {"limit_bytes": str(max_header_kib << 10)},
    )
    mappers = [each for error in [*TOKENS, *PATHS, *REQUESTS, headers, *SERVICES] for each in _mappers(error)]
    message = f"something went wrong on our side; quote request {REQUEST_ID}"
    body = _status_message(code.INTERNAL, "UNEXPECTED", message, {"request_id": REQUEST_ID})
    rest = {"filter": _all(_status("GE", 400), _is_rest()), "body_format_override": {"json_format": body}}
    return {"mappers": [*mappers, rest]}


def _mappers(error: EdgeError) -> list[Json]:
    cause = [_status("EQ", error.status), *([_details(error.details)] if error.details else [])]
    answer = {"status_code": int(error.answer)} if error.answer else {}
    body = _status_message(error.code, error.reason, error.message, error.metadata)
    grpc_code = error.grpc_code or error.code
    return [
        {"filter": _all(*cause, _is_rest()), "body_format_override": {"json_format": body}, **answer},
        # What was REST is answered already; this is for gRPC, where the body becomes the message. The second condition
        # always holds for it: Envoy's `and` asks for two.
        {
            "filter": _all(*cause, {"not_health_check_filter": {}}),
            "body_format_override": {"text_format_source": {"inline_string": error.message}},
            "headers_to_add": [{"header": {"key": "grpc-status", "value": str(grpc_code)}}],
            **answer,
        },
    ]


def _status_message(number: int, reason: str, message: str, metadata: dict[str, str]) -> Json:
    detail: Json = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": DOMAIN}
    if metadata:
        detail["metadata"] = metadata
    return {"code": number, "message": message, "details": [detail]}


def _status(operator: str, value: int) -> Json:
    # Envoy wants a key under which the number could be changed at run time; nothing does.
    comparison = {"op": operator, "value": {"default_value": int(value), "runtime_key": "edge.status"}}
    return {"status_code_filter": {"comparison": comparison}}


def _is_rest() -> Json:
    """What came as gRPC has that content type, and was not given it by the transcoder, which notes the old path."""
    not_grpc = {
        "name": "content-type",
        "string_match": {"prefix": "application/grpc"},
        "invert_match": True,
        "treat_missing_header_as_empty": True,
    }
    transcoded = {"name": "x-envoy-original-path", "present_match": True}
    return {"or_filter": {"filters": [{"header_filter": {"header": each}} for each in (not_grpc, transcoded)]}}


def _details(part: str) -> Json:
    cel = extension(
        "access_loggers.extension_filters.cel",
        "extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        expression=f"response.code_details.contains('{part}')",
    )
    return {"extension_filter": cel}


def _all(*filters: Json) -> Json:
    return {"and_filter": {"filters": list(filters)}}
