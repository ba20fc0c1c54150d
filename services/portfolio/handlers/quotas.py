"""QuotaService: what users may have each day."""

import datetime
from typing import Any

import grpc

from chassis.call import current_call
from chassis.database import Database
from chassis.errors import NotFound, RateLimited
from plimsoll.identity.v1 import quota_service_pb2, quota_service_pb2_grpc
from services.portfolio.handlers import identity_messages as messages
from services.portfolio.ports import Clock
from services.portfolio.storage import quotas

Context = grpc.aio.ServicerContext[Any, Any]


class QuotaHandler(quota_service_pb2_grpc.QuotaServiceServicer):
    """Serves plimsoll.identity.v1.QuotaService."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def TakeQuota(
        self, request: quota_service_pb2.TakeQuotaRequest, context: Context
    ) -> quota_service_pb2.TakeQuotaResponse:
        """Take one of today's uses."""
        user_id = current_call().user_id
        kind = quota_service_pb2.TakeQuotaRequest.Kind.Name(request.kind).lower()
        async with self._database.transaction(user_id) as connection:
            use = await quotas.take(connection, user_id, kind)
        if use is None:
            raise NotFound("account", user_id)
        now = self._clock().astimezone(datetime.UTC)
        midnight = datetime.datetime.combine(now.date() + datetime.timedelta(days=1), datetime.time(), datetime.UTC)
        if use.used is None:
            message = f"all {use.per_day} uses of today ({kind}) are taken: the next day begins at midnight UTC"
            seconds = int((midnight - now).total_seconds()) + 1
            raise RateLimited(message, limit=use.per_day, period="day", retry_after_seconds=seconds)
        return quota_service_pb2.TakeQuotaResponse(
            per_day=use.per_day, remaining=use.per_day - use.used, reset_time=messages.timestamp(midnight)
        )
