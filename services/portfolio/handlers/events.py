"""EventService: what other services act upon."""

from typing import Any

import grpc

from chassis import outbox
from chassis.database import Database
from chassis.pagination import decode_page, encode_page, foreign_token
from plimsoll.identity.v1 import event_pb2, event_service_pb2, event_service_pb2_grpc
from services.portfolio.handlers import identity_messages as messages

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 100
LARGEST_POSITION = 2**63 - 1


class EventHandler(event_service_pb2_grpc.EventServiceServicer):
    """Serves plimsoll.identity.v1.EventService."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListEvents(
        self, request: event_service_pb2.ListEventsRequest, context: Context
    ) -> event_service_pb2.ListEventsResponse:
        """List the events after a point."""
        reached = _position(request.page_token)
        async with self._database.transaction() as connection:
            found = await outbox.after(connection, reached, request.page_size or DEFAULT_PAGE)
        reached = found[-1].position if found else reached
        return event_service_pb2.ListEventsResponse(
            events=map(_event, found), next_page_token=encode_page({"position": str(reached)})
        )


def _position(token: str) -> int:
    text = decode_page(token, "position").get("position", "0")
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= LARGEST_POSITION):
        raise foreign_token(token)
    return int(text)


def _event(found: outbox.Event) -> event_pb2.Event:
    return event_pb2.Event(
        event_id=found.event_id,
        kind=event_pb2.Event.Kind.Value(found.kind.upper()),
        created_time=messages.timestamp(found.created_time),
        **found.payload,
    )
