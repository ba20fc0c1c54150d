"""Events, read from the portfolio service, which identity is a part of."""

from datetime import UTC
from typing import Final

import grpc

from plimsoll.identity.v1.event_pb2 import Event
from plimsoll.identity.v1.event_service_pb2 import ListEventsRequest
from plimsoll.identity.v1.event_service_pb2_grpc import EventServiceStub
from services.risk.domain.endings import Ending, EventPage

ENDINGS: Final = {Event.USER_DELETED, Event.PORTFOLIO_DELETED}


class EventsClient:
    """Implements `ports.Events`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._events = EventServiceStub(channel)

    async def after(self, place: str, size: int) -> EventPage:
        """Give at most so many events that follow a place.

        Raises:
            grpc.aio.AioRpcError: the service does not answer.
            ValueError: an event that ends something does not say what.
        """
        answer = await self._events.ListEvents(ListEventsRequest(page_token=place, page_size=size))
        return EventPage(
            times=tuple(event.created_time.ToDatetime(UTC) for event in answer.events),
            endings=tuple(_ending(event) for event in answer.events if event.kind in ENDINGS),
            place=answer.next_page_token,
        )


def _ending(event: Event) -> Ending:
    of_account = event.kind == Event.USER_DELETED
    if not event.user_id or of_account == bool(event.portfolio_id):  # an account taken for a portfolio, or the reverse
        raise ValueError(f"event {event.event_id} of {Event.Kind.Name(event.kind)} does not say what has ended")
    return Ending(event.user_id, event.portfolio_id)
