"""HealthService."""

from typing import Any

import grpc

from chassis.health import Health
from plimsoll.common.v1.service_health_pb2 import ServiceHealth
from plimsoll.marketdata.v1.health_service_pb2 import GetHealthRequest
from plimsoll.marketdata.v1.health_service_pb2_grpc import HealthServiceServicer


class HealthHandler(HealthServiceServicer):
    """Serves how the service is."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def GetHealth(self, request: GetHealthRequest, context: grpc.aio.ServicerContext[Any, Any]) -> ServiceHealth:
        """Answer how the service and what it depends on are."""
        return await self._health.report()
