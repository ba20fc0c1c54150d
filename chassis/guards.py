"""What a call must pass before its handler runs: who may call, and whether the request obeys the contract."""

from collections.abc import Awaitable, Callable

import protovalidate
from google.protobuf.message import Message

from chassis.call import Call
from chassis.errors import InvalidFields, InvalidRequest, PermissionDenied, Unauthenticated, Violation
from chassis.tokens import ServiceTokens, TokenVerifier
from plimsoll.options.v1.method_pb2 import MethodPolicy

Guard = Callable[[Call, Message], Awaitable[None]]
SERVICE_TOKEN = "x-plimsoll-service-token"  # noqa: S105 - the name of a header
BEARER = "bearer "


class Authentication:
    """Default deny: every RPC needs a verified caller, except those that the contract opens.

    A token that comes with a public call is not looked at: a stale one must not keep its owner from logging in.
    """

    def __init__(self, tokens: TokenVerifier, services: ServiceTokens) -> None:
        self._tokens = tokens
        self._services = services

    async def __call__(self, call: Call, request: Message) -> None:
        """Fill in who calls, or refuse."""
        method = call.method
        if method is None:
            raise PermissionDenied("PERMISSION_INSUFFICIENT", "this method has no policy", needs="a policy")
        if method.public:
            return
        if token := call.metadata.get(SERVICE_TOKEN):
            call.calling_service = self._services.verify(token)
        if method.internal and not call.calling_service:
            raise PermissionDenied("PERMISSION_INSUFFICIENT", "only services may call this", needs="a service token")
        authorization = call.metadata.get("authorization", "")
        if authorization[: len(BEARER)].lower() == BEARER:
            call.principal = await self._tokens.verify(authorization[len(BEARER) :].strip())
        elif not method.internal:
            raise Unauthenticated("TOKEN_MISSING", "this call needs an access token: authorization: Bearer ...")
        _check_rights(call, method.access, writes=method.writes)


def _check_rights(call: Call, access: "MethodPolicy.Access.ValueType", *, writes: bool) -> None:
    principal = call.principal
    if principal is None:
        return
    if access == MethodPolicy.ADMIN and principal.role != "admin":
        raise PermissionDenied("PERMISSION_INSUFFICIENT", "only an admin may call this", needs="admin")
    scope = "write" if writes else "read"
    if access != MethodPolicy.INTERNAL and scope not in principal.scopes:
        raise PermissionDenied("PERMISSION_INSUFFICIENT", f"this token may not {scope}", needs=scope)


class Validation:
    """The rules that stand in the contract: sizes, bounds, patterns. Also refuses NUL, which PostgreSQL cannot keep."""

    def __init__(self) -> None:
        self._validator = protovalidate.Validator()

    async def __call__(self, call: Call, request: Message) -> None:
        """Refuse a request that breaks a rule, naming each field and value."""
        if call.method and (size := request.ByteSize()) > (limit := call.method.max_request_bytes):
            message = f"the request has {size} bytes, this call takes {limit}"
            raise InvalidRequest("REQUEST_TOO_LARGE", message, limit_bytes=limit)
        violations = [_violation(request, found) for found in self._validator.collect_violations(request)]
        if not violations:
            violations = list(_nul(request))
        if violations:
            raise InvalidFields(violations)


def _violation(request: Message, found: protovalidate.Violation) -> Violation:
    path = found.proto.field
    elements = list(path.elements) if path else []
    name = ".".join(e.field_name + _subscript(e) for e in elements)
    value = "" if elements and _redacted(request, elements[0].field_name) else _shown(found.field_value)
    return Violation(name, value, str(found.proto.message))


def _subscript(element: object) -> str:
    subscript = getattr(element, "subscript", None)
    return f"[{subscript.value}]" if subscript is not None else ""


def _shown(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _redacted(request: Message, field: str) -> bool:
    descriptor = request.DESCRIPTOR.fields_by_name.get(field)
    return bool(descriptor and descriptor.GetOptions().debug_redact)


def _nul(request: Message, prefix: str = "") -> list[Violation]:
    found: list[Violation] = []
    for field, value in request.ListFields():
        name = prefix + field.name
        values = value if field.is_repeated and not isinstance(value, (str, bytes)) else [value]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            values = [*value, *value.values()] if value else []
        for part in values:
            if isinstance(part, Message):
                found += _nul(part, name + ".")
            elif isinstance(part, str) and "\0" in part:
                found.append(Violation(name, part, "must not contain NUL"))
    return found
