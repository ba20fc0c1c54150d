"""QuotaService: what users may have each day."""

from typing import Any

import grpc

from chassis.call import current_call
from plimsoll.identity.v1 import quota_service_pb2, quota_service_pb2_grpc
from services.portfolio.application.quotas import Quotas
from services.portfolio.handlers import identity_messages as messages

Context = grpc.aio.ServicerContext[Any, Any]


class QuotaHandler(quota_service_pb2_grpc.QuotaServiceServicer):
    """Serves plimsoll.identity.v1.QuotaService."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas

    async def TakeQuota(
        self, request: quota_service_pb2.TakeQuotaRequest, context: Context
    ) -> quota_service_pb2.TakeQuotaResponse:
        """Take some of today's uses."""
        kind = quota_service_pb2.TakeQuotaRequest.Kind.Name(request.kind).lower()
        taken = await self._quotas.take(current_call().user_id, kind, request.uses or 1)
        return quota_service_pb2.TakeQuotaResponse(
            per_day=taken.per_day,
            remaining=taken.remaining,
            reset_time=messages.timestamp(taken.reset_time),
            taken=taken.uses,
        )
