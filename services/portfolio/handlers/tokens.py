"""TokenService: access tokens for other services."""

import datetime
from typing import Any

import grpc

from chassis.call import current_call
from plimsoll.identity.v1 import api_key_pb2, token_service_pb2, token_service_pb2_grpc
from services.portfolio.application.accounts import Accounts
from services.portfolio.application.api_keys import ApiKeys
from services.portfolio.application.signing import Signer, StandIn
from services.portfolio.handlers import identity_messages as messages

Context = grpc.aio.ServicerContext[Any, Any]
WORKER_LIFE = datetime.timedelta(minutes=5)


class TokenHandler(token_service_pb2_grpc.TokenServiceServicer):
    """Serves plimsoll.identity.v1.TokenService."""

    def __init__(self, accounts: Accounts, api_keys: ApiKeys, signer: Signer) -> None:
        self._accounts = accounts
        self._api_keys = api_keys
        self._signer = signer

    async def ExchangeApiKey(
        self, request: token_service_pb2.ExchangeApiKeyRequest, context: Context
    ) -> token_service_pb2.AccessToken:
        """Give the token that a key is worth."""
        token, expires = await self._api_keys.exchange(request.key)
        return token_service_pb2.AccessToken(access_token=token, expires_time=messages.timestamp(expires))

    async def MintToken(
        self, request: token_service_pb2.MintTokenRequest, context: Context
    ) -> token_service_pb2.AccessToken:
        """Give a token with which the calling service works for a user."""
        user = await self._accounts.get(request.user_id)
        stand_in = StandIn(
            actor=f"service:{current_call().calling_service}",
            writes=request.scope == api_key_pb2.ApiKey.WRITE,
            life=WORKER_LIFE,
            audiences=tuple(request.audiences),
        )
        token, expires = await self._signer.stand_in_token(user, stand_in)
        return token_service_pb2.AccessToken(access_token=token, expires_time=messages.timestamp(expires))
