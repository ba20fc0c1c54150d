"""What a call must pass before its handler runs, first of all: who may call. What may be said is in validation.py."""

from collections.abc import Awaitable, Callable

from google.protobuf.message import Message

from chassis.api_keys import HEADER as API_KEY
from chassis.api_keys import ApiKeys
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

    def __init__(self, tokens: TokenVerifier, services: ServiceTokens, api_keys: ApiKeys | None = None) -> None:
        self._tokens = tokens
        self._services = services
        self._api_keys = api_keys

    async def __call__(self, call: Call, request: Message) -> None:
        """Fill in who calls, or refuse."""
        method = call.method
        if method is None:
            raise PermissionDenied("PERMISSION_INSUFFICIENT", "this method has no policy", needs="a policy")
        if method.public:
            return
        if proof := call.metadata.get(SERVICE_TOKEN):
            call.calling_service = self._services.verify(proof)
        if method.internal and not call.calling_service:
            raise PermissionDenied("PERMISSION_INSUFFICIENT", "only services may call this", needs="a service token")
        if token := await self._access_token(call):
            call.principal = await self._tokens.verify(token)
        elif not method.internal:
            raise Unauthenticated("TOKEN_MISSING", "this call needs an access token: authorization: Bearer ...")
        _check_rights(call, method.access, writes=method.writes)

    async def _access_token(self, call: Call) -> str:
        """Give the token that the call carries, or that its API key is worth; empty: neither came."""
        authorization = call.metadata.get("authorization", "")
        if authorization[: len(BEARER)].lower() == BEARER:
            return authorization[len(BEARER) :].strip()
        key = call.metadata.get(API_KEY, "")
        if not key or self._api_keys is None:
            return ""
        token = await self._api_keys.token(key, call.client_network)
        # What is asked of other services for this call is asked with the token: keys stay where they were shown.
        call.metadata["authorization"] = f"Bearer {token}"
        return token


def _check_rights(call: Call, access: "MethodPolicy.Access.ValueType", *, writes: bool) -> None:
    principal = call.principal
    if principal is None:
        return
    if access == MethodPolicy.ADMIN and principal.role != "admin":
        raise PermissionDenied("PERMISSION_INSUFFICIENT", "only an admin may call this", needs="admin")
    scope = "write" if writes else "read"
    if access != MethodPolicy.INTERNAL and scope not in principal.scopes:
        raise PermissionDenied("PERMISSION_INSUFFICIENT", f"this token may not {scope}", needs=scope)
