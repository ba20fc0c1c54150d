"""What a call must pass before its handler runs, first of all: who may call. What may be said is in validation.py."""

from collections.abc import Awaitable, Callable

from google.protobuf.message import Message

from chassis.call import Call
from chassis.errors import PermissionDenied, Unauthenticated
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
