"""What a call must pass before its handler runs: who may call, and whether the request obeys the contract."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import protovalidate
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from chassis.call import Call
from chassis.errors import InvalidFields, InvalidRequest, PermissionDenied, Unauthenticated, Violation
from chassis.tokens import ServiceTokens, TokenVerifier
from plimsoll.options.v1.method_pb2 import MethodPolicy

Guard = Callable[[Call, Message], Awaitable[None]]
SERVICE_TOKEN = "x-plimsoll-service-token"  # noqa: S105 - the name of a header
BEARER = "bearer "
MOST_VIOLATIONS = 20
"""Named in one answer: it has room for few more, and a request can break a rule a hundred thousand times."""


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
        found = self._validator.collect_violations(request)[:MOST_VIOLATIONS]
        violations = [_violation(request, one) for one in found] or list(islice(_nul(request), MOST_VIOLATIONS))
        if violations:
            raise InvalidFields(violations)


def _violation(request: Message, found: protovalidate.Violation) -> Violation:
    path = found.proto.field
    name, secret = _place(request.DESCRIPTOR, path.elements if path else [])
    return Violation(name, "" if secret else _shown(found.field_value), str(found.proto.message))


def _place(message: Descriptor, path: Sequence[Any]) -> tuple[str, bool]:
    """Give a path through a message as text, and whether what is there must not be shown."""
    names: list[str] = []
    inside: Descriptor | None = message
    for element in path:
        field = inside.fields_by_name.get(element.field_name) if inside else None
        secret = field is not None and field.GetOptions().debug_redact
        if secret:
            return ".".join([*names, element.field_name]), True
        names.append(element.field_name + (f"[{element.subscript.value}]" if element.subscript else ""))
        inside = field and (field.message_type.fields_by_name["value"] if is_map(field) else field).message_type
    return ".".join(names), False


def _shown(value: object) -> str:
    """Show a text, number or truth value; what a message or a list holds may be long, or secret."""
    return str(value) if isinstance(value, str | int | float) else ""


def _nul(message: Message, prefix: str = "") -> Iterator[Violation]:
    """Find the texts with NUL."""
    for field, value in message.ListFields():
        if field.type not in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE):
            continue
        for name, part in _parts(prefix + field.name, field, value):
            if isinstance(part, Message):
                yield from _nul(part, name + ".")
            elif isinstance(part, str) and "\0" in part:
                secret = field.GetOptions().debug_redact
                yield Violation(name, "" if secret else part, "must not contain NUL")


def _parts(name: str, field: FieldDescriptor, value: Any) -> Iterator[tuple[str, object]]:
    """Yield what a field holds, each with its path: its value, its items, or the keys and values of a map."""
    if _is_map(field):
        for key, item in value.items():
            yield name, key
            yield f"{name}[{key}]", item
    elif field.is_repeated:
        for index, item in enumerate(value):
            yield f"{name}[{index}]", item
    else:
        yield name, value


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
