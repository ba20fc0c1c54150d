"""LabelService: tags and strategies."""

from typing import Any

import grpc
from google.protobuf import empty_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.database import Database
from chassis.pagination import decode_page, encode_page
from plimsoll.portfolio.v1 import label_pb2, label_service_pb2, label_service_pb2_grpc
from services.portfolio import convert
from services.portfolio.application import labels as renaming
from services.portfolio.domain.label import Kind
from services.portfolio.handlers.writes import Writes
from services.portfolio.storage import labels

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 100


class LabelHandler(label_service_pb2_grpc.LabelServiceServicer):
    """Serves plimsoll.portfolio.v1.LabelService."""

    def __init__(self, database: Database, writes: Writes) -> None:
        self._database = database
        self._writes = writes

    async def ListTags(
        self, request: label_service_pb2.ListTagsRequest, context: Context
    ) -> label_service_pb2.ListLabelsResponse:
        """List the caller's tags by name."""
        return await self._list("tag", request)

    async def ListStrategies(
        self, request: label_service_pb2.ListStrategiesRequest, context: Context
    ) -> label_service_pb2.ListLabelsResponse:
        """List the caller's strategies by name."""
        return await self._list("strategy", request)

    async def CreateTag(self, request: label_service_pb2.CreateTagRequest, context: Context) -> label_pb2.Label:
        """Make a tag."""
        return await self._create("tag", request)

    async def CreateStrategy(
        self, request: label_service_pb2.CreateStrategyRequest, context: Context
    ) -> label_pb2.Label:
        """Make a strategy."""
        return await self._create("strategy", request)

    async def UpdateTag(self, request: label_service_pb2.UpdateTagRequest, context: Context) -> label_pb2.Label:
        """Change a tag, and the positions that have it."""
        return await self._update("tag", request.tag_id, request)

    async def UpdateStrategy(
        self, request: label_service_pb2.UpdateStrategyRequest, context: Context
    ) -> label_pb2.Label:
        """Change a strategy, and the positions that have it."""
        return await self._update("strategy", request.strategy_id, request)

    async def DeleteTag(self, request: label_service_pb2.DeleteTagRequest, context: Context) -> empty_pb2.Empty:
        """Delete a tag, and take it from positions."""
        return await self._delete("tag", request.tag_id, request)

    async def DeleteStrategy(
        self, request: label_service_pb2.DeleteStrategyRequest, context: Context
    ) -> empty_pb2.Empty:
        """Delete a strategy, and take it from positions."""
        return await self._delete("strategy", request.strategy_id, request)

    async def _list(
        self, kind: Kind, request: label_service_pb2.ListTagsRequest | label_service_pb2.ListStrategiesRequest
    ) -> label_service_pb2.ListLabelsResponse:
        owner, size = current_call().user_id, request.page_size or DEFAULT_PAGE
        after = decode_page(request.page_token, "name").get("name", "")
        async with self._database.transaction(owner) as connection:
            found = await labels.page(connection, owner, kind, after, size + 1)
        more = encode_page({"name": found[size - 1].name}) if len(found) > size else ""
        return label_service_pb2.ListLabelsResponse(labels=map(convert.label, found[:size]), next_page_token=more)

    async def _create(
        self, kind: Kind, request: label_service_pb2.CreateTagRequest | label_service_pb2.CreateStrategyRequest
    ) -> label_pb2.Label:
        async def create(connection: AsyncConnection, owner: str) -> label_pb2.Label:
            made = await labels.add(connection, owner, kind, request.name.strip(), request.description.strip())
            return convert.label(made)

        return await self._writes.once(request, label_pb2.Label, create)

    async def _update(
        self,
        kind: Kind,
        label_id: str,
        request: label_service_pb2.UpdateTagRequest | label_service_pb2.UpdateStrategyRequest,
    ) -> label_pb2.Label:
        name = request.name.strip() if request.HasField("name") else None
        description = request.description.strip() if request.HasField("description") else None

        async def update(connection: AsyncConnection, owner: str) -> label_pb2.Label:
            return convert.label(await renaming.change(connection, owner, kind, label_id, name, description))

        return await self._writes.once(request, label_pb2.Label, update)

    async def _delete(
        self,
        kind: Kind,
        label_id: str,
        request: label_service_pb2.DeleteTagRequest | label_service_pb2.DeleteStrategyRequest,
    ) -> empty_pb2.Empty:
        async def delete(connection: AsyncConnection, owner: str) -> empty_pb2.Empty:
            await renaming.remove(connection, owner, kind, label_id)
            return empty_pb2.Empty()

        return await self._writes.once(request, empty_pb2.Empty, delete)
