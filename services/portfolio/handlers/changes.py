"""ChangeService: the change log."""

from typing import Any

import grpc

from chassis.call import current_call
from chassis.database import Database
from chassis.pagination import encode_page
from plimsoll.portfolio.v1 import change_pb2, change_service_pb2, change_service_pb2_grpc
from services.portfolio import convert
from services.portfolio.handlers.page_tokens import place_of
from services.portfolio.storage import changes, portfolios

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 50


class ChangeHandler(change_service_pb2_grpc.ChangeServiceServicer):
    """Serves plimsoll.portfolio.v1.ChangeService."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListChanges(
        self, request: change_service_pb2.ListChangesRequest, context: Context
    ) -> change_service_pb2.ListChangesResponse:
        """List what changed, the newest first."""
        owner, size = current_call().user_id, request.page_size or DEFAULT_PAGE
        place = place_of(request.page_token, counters=("change_id",))
        subjects = [change_pb2.Change.Subject.Name(subject) for subject in request.subjects]
        async with self._database.transaction(owner) as connection:
            found = await changes.page(
                connection,
                owner,
                request.portfolio_id,
                subjects,
                request.subject_id,
                before=int(place["change_id"]) if place else None,
                size=size + 1,
            )
            # A deleted portfolio has a log, and one that is older than logs may have none.
            if not found and request.portfolio_id and not await changes.knows(connection, owner, request.portfolio_id):
                await portfolios.get(connection, owner, request.portfolio_id)
        more = encode_page({"change_id": str(found[size - 1].change_id)}) if len(found) > size else ""
        return change_service_pb2.ListChangesResponse(changes=map(convert.change, found[:size]), next_page_token=more)
