"""ApiKeyService: keys for programs."""

import datetime
import uuid
from typing import Any

import grpc
from google.protobuf import empty_pb2

from chassis.call import current_call
from chassis.database import Database
from chassis.idempotency import once
from chassis.pagination import decode_page, encode_page, foreign_token
from plimsoll.identity.v1 import api_key_service_pb2, api_key_service_pb2_grpc
from services.portfolio.application.api_keys import ApiKeys
from services.portfolio.domain.api_key import ApiKey
from services.portfolio.handlers import identity_messages as messages
from services.portfolio.storage import api_keys

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 50
DEFAULT_LIFE_DAYS = 90


class ApiKeyHandler(api_key_service_pb2_grpc.ApiKeyServiceServicer):
    """Serves plimsoll.identity.v1.ApiKeyService."""

    def __init__(self, database: Database, keys: ApiKeys) -> None:
        self._database = database
        self._keys = keys

    async def CreateApiKey(
        self, request: api_key_service_pb2.CreateApiKeyRequest, context: Context
    ) -> api_key_service_pb2.CreateApiKeyResponse:
        """Make a key."""
        life = datetime.timedelta(days=request.life_days or DEFAULT_LIFE_DAYS)
        scope = messages.scope(request.scope)
        made, key = await self._keys.create(current_call().caller, request.name.strip(), scope, life)
        return api_key_service_pb2.CreateApiKeyResponse(api_key=messages.api_key(made), key=key)

    async def ListApiKeys(
        self, request: api_key_service_pb2.ListApiKeysRequest, context: Context
    ) -> api_key_service_pb2.ListApiKeysResponse:
        """List the caller's keys, the newest first."""
        owner, size = current_call().user_id, request.page_size or DEFAULT_PAGE
        before = _position(request.page_token)
        async with self._database.transaction(owner) as connection:
            found = await api_keys.page(connection, owner, before, size + 1)
        more = _token(found[size - 1]) if len(found) > size else ""
        return api_key_service_pb2.ListApiKeysResponse(
            api_keys=map(messages.api_key, found[:size]), next_page_token=more
        )

    async def DeleteApiKey(self, request: api_key_service_pb2.DeleteApiKeyRequest, context: Context) -> empty_pb2.Empty:
        """Delete a key."""
        call = current_call()
        async with self._database.transaction(call.user_id) as connection:

            async def delete() -> empty_pb2.Empty:
                await self._keys.delete(connection, call.caller, request.api_key_id)
                return empty_pb2.Empty()

            return await once(connection, call, request, empty_pb2.Empty, delete)


def _token(last: ApiKey) -> str:
    return encode_page({"created_time": last.created_time.isoformat(), "api_key_id": last.api_key_id})


def _position(token: str) -> tuple[datetime.datetime, str] | None:
    position = decode_page(token, "created_time", "api_key_id")
    if not position:
        return None
    try:
        created = datetime.datetime.fromisoformat(position["created_time"]).astimezone(datetime.UTC)
        return created, str(uuid.UUID(position["api_key_id"]))
    except (ValueError, OverflowError):
        raise foreign_token(token) from None
