"""What a service that is not identity asks identity for, over gRPC: keys to verify tokens with, tokens for API keys."""

import json
from typing import Any

import grpc

from chassis import api_keys
from plimsoll.identity.v1 import (
    identity_service_pb2,
    identity_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
)


class RemoteKeys:
    """Fetches identity's public keys."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._identity = identity_service_pb2_grpc.IdentityServiceStub(channel)

    async def __call__(self) -> dict[str, Any]:
        """Give the JSON Web Key Set.

        Raises:
            grpc.aio.AioRpcError: identity does not answer.
        """
        body = await self._identity.GetJwks(identity_service_pb2.GetJwksRequest())
        keys: dict[str, Any] = json.loads(body.data)
        return keys


class RemoteExchange:
    """Exchanges API keys for access tokens."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._tokens = token_service_pb2_grpc.TokenServiceStub(channel)

    async def __call__(self, key: str) -> str:
        """Give the access token for a key.

        Raises:
            Unauthenticated: identity refuses it.
            grpc.aio.AioRpcError: identity does not answer.
        """
        try:
            answer = await self._tokens.ExchangeApiKey(token_service_pb2.ExchangeApiKeyRequest(key=key))
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                raise api_keys.refused() from error
            raise
        return answer.access_token
