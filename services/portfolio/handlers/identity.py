"""IdentityService: accounts and sessions."""

import json
from typing import Any

import grpc
from google.api import httpbody_pb2
from google.protobuf import empty_pb2

from chassis.call import current_call
from plimsoll.identity.v1 import identity_service_pb2, identity_service_pb2_grpc, user_pb2
from services.portfolio.application.accounts import Accounts, Tokens
from services.portfolio.application.oidc_logins import OidcLogins
from services.portfolio.application.signing import Signer
from services.portfolio.handlers import identity_messages as messages

Context = grpc.aio.ServicerContext[Any, Any]
COOKIE = "auth_token"


class IdentityHandler(identity_service_pb2_grpc.IdentityServiceServicer):
    """Serves plimsoll.identity.v1.IdentityService."""

    def __init__(
        self, accounts: Accounts, oidc_logins: OidcLogins, signer: Signer, access_seconds: int, *, secure_cookie: bool
    ) -> None:
        self._accounts = accounts
        self._oidc_logins = oidc_logins
        self._signer = signer
        self._access_seconds = access_seconds
        self._secure_cookie = secure_cookie

    async def Register(
        self, request: identity_service_pb2.RegisterRequest, context: Context
    ) -> identity_service_pb2.RegisterResponse:
        """Make an account."""
        user, portfolio = await self._accounts.register(request.email, request.password, request.display_name)
        return identity_service_pb2.RegisterResponse(user=messages.user(user), portfolio_id=portfolio.portfolio_id)

    async def Login(self, request: identity_service_pb2.LoginRequest, context: Context) -> identity_service_pb2.Session:
        """Open a session."""
        client = current_call().client_network
        return await self._open(await self._accounts.login(request.email, request.password, client), context)

    async def LoginWithOidc(
        self, request: identity_service_pb2.LoginWithOidcRequest, context: Context
    ) -> identity_service_pb2.Session:
        """Open a session for whom another identity provider vouches."""
        return await self._open(await self._oidc_logins.login(request.id_token, request.nonce), context)

    async def Refresh(
        self, request: identity_service_pb2.RefreshRequest, context: Context
    ) -> identity_service_pb2.Session:
        """Exchange a refresh token."""
        return await self._open(await self._accounts.refresh(request.refresh_token), context)

    async def Logout(self, request: identity_service_pb2.LogoutRequest, context: Context) -> empty_pb2.Empty:
        """End a session."""
        await self._accounts.logout(request.refresh_token)
        await context.send_initial_metadata((("set-cookie", self._cookie("", 0)),))
        return empty_pb2.Empty()

    async def GetMe(self, request: identity_service_pb2.GetMeRequest, context: Context) -> user_pb2.User:
        """Say who the caller is."""
        return messages.user(await self._accounts.get(current_call().user_id))

    async def GetJwks(self, request: identity_service_pb2.GetJwksRequest, context: Context) -> httpbody_pb2.HttpBody:
        """Publish the keys that tokens are signed with."""
        keys = json.dumps(await self._signer.key_set()).encode()
        return httpbody_pb2.HttpBody(content_type="application/json", data=keys)

    async def _open(self, tokens: Tokens, context: Context) -> identity_service_pb2.Session:
        await context.send_initial_metadata((("set-cookie", self._cookie(tokens.access_token, self._access_seconds)),))
        return identity_service_pb2.Session(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            token_type="Bearer",  # noqa: S106 - a kind, not a token
            expires_in=self._access_seconds,
        )

    def _cookie(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self._secure_cookie else ""
        return f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
