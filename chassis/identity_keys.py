"""Where a service that is not identity gets the keys to verify tokens with: from identity, over gRPC."""

import json
from typing import Any

import grpc

from plimsoll.identity.v1 import identity_service_pb2, identity_service_pb2_grpc


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
