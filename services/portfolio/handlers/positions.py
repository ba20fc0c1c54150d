"""PositionService: positions, one by one or thousands at once."""

import asyncio
from typing import Any

import grpc
from google.protobuf import empty_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.database import Database
from chassis.pagination import encode_page
from plimsoll.portfolio.v1 import position_pb2, position_service_pb2, position_service_pb2_grpc
from services.portfolio import convert
from services.portfolio.application.position_lists import PositionLists
from services.portfolio.application.positions import Edit, Positions
from services.portfolio.handlers.etags import expected_revision, tell_revision
from services.portfolio.handlers.position_requests import edited_fields, statements_of, tags_of, wanted_of
from services.portfolio.handlers.writes import Writes
from services.portfolio.storage import positions

Context = grpc.aio.ServicerContext[Any, Any]


class PositionHandler(position_service_pb2_grpc.PositionServiceServicer):
    """Serves plimsoll.portfolio.v1.PositionService."""

    def __init__(self, database: Database, writes: Writes, entered: Positions, lists: PositionLists) -> None:
        self._database = database
        self._writes = writes
        self._positions = entered
        self._lists = lists

    async def ListPositions(
        self, request: position_service_pb2.ListPositionsRequest, context: Context
    ) -> position_service_pb2.ListPositionsResponse:
        """List positions by filter and group."""
        page = await self._lists.page(current_call().user_id, wanted_of(request))
        after = page.next_after
        more = encode_page({"portfolio_id": after.portfolio_id, "ordinal": str(after.ordinal)}) if after else ""
        return position_service_pb2.ListPositionsResponse(
            positions=map(convert.position, page.positions),
            groups=map(convert.position_group, page.groups),
            next_page_token=more,
        )

    async def GetPosition(
        self, request: position_service_pb2.GetPositionRequest, context: Context
    ) -> position_pb2.Position:
        """Read one position."""
        owner = current_call().user_id
        async with self._database.transaction(owner) as connection:
            found = await positions.find(connection, owner, request.position_id)
        await tell_revision(context, found.revision)
        return convert.position(found)

    async def CreatePosition(
        self, request: position_service_pb2.CreatePositionRequest, context: Context
    ) -> position_pb2.Position:
        """Add a position."""
        taken = await self._positions.take(statements_of({"position": request.position}))

        async def create(connection: AsyncConnection, owner: str) -> position_pb2.Position:
            _, added = await self._positions.add(connection, owner, request.portfolio_id, taken)
            return convert.position(added[0])

        return await self._told(await self._writes.once(request, position_pb2.Position, create), context)

    async def UpdatePosition(
        self, request: position_service_pb2.UpdatePositionRequest, context: Context
    ) -> position_pb2.Position:
        """Change the fields that were sent."""
        edit = Edit(edited_fields(request), expected_revision(request.revision))
        return await self._change(request, edit, context)

    async def SetPositionTags(
        self, request: position_service_pb2.SetPositionTagsRequest, context: Context
    ) -> position_pb2.Position:
        """Replace the tags of a position."""
        edit = Edit({"tags": tags_of(request.tags)}, expected_revision(request.revision))
        return await self._change(request, edit, context)

    async def DeletePosition(
        self, request: position_service_pb2.DeletePositionRequest, context: Context
    ) -> empty_pb2.Empty:
        """Take a position back."""
        revision = expected_revision(request.revision)

        async def delete(connection: AsyncConnection, owner: str) -> empty_pb2.Empty:
            await self._positions.remove(connection, owner, request.position_id, revision)
            return empty_pb2.Empty()

        return await self._writes.once(request, empty_pb2.Empty, delete)

    async def BatchCreatePositions(
        self, request: position_service_pb2.BatchCreatePositionsRequest, context: Context
    ) -> position_service_pb2.BatchCreatePositionsResponse:
        """Add many positions as one revision."""
        named = {f"positions[{place}]": new for place, new in enumerate(request.positions)}
        # Ten thousand take a tenth of a second: not on the event loop.
        taken = await self._positions.take(await asyncio.to_thread(statements_of, named))

        async def create(connection: AsyncConnection, owner: str) -> position_service_pb2.BatchCreatePositionsResponse:
            portfolio, added = await self._positions.add(connection, owner, request.portfolio_id, taken)
            return position_service_pb2.BatchCreatePositionsResponse(
                portfolio=convert.portfolio(portfolio), positions=map(convert.position, added)
            )

        return await self._writes.once(request, position_service_pb2.BatchCreatePositionsResponse, create)

    async def _change(
        self,
        request: position_service_pb2.UpdatePositionRequest | position_service_pb2.SetPositionTagsRequest,
        edit: Edit,
        context: Context,
    ) -> position_pb2.Position:
        await self._positions.check(current_call().user_id, request.position_id, edit)

        async def change(connection: AsyncConnection, owner: str) -> position_pb2.Position:
            return convert.position(await self._positions.change(connection, owner, request.position_id, edit))

        return await self._told(await self._writes.once(request, position_pb2.Position, change), context)

    async def _told(self, answer: position_pb2.Position, context: Context) -> position_pb2.Position:
        await tell_revision(context, answer.revision)
        return answer
