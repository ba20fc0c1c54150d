"""HealthService: how the service is."""

from typing import Any

import grpc

from chassis.health import Health
from plimsoll.common.v1.service_health_pb2 import ServiceHealth
from plimsoll.portfolio.v1 import health_service_pb2, health_service_pb2_grpc


class HealthHandler(health_service_pb2_grpc.HealthServiceServicer):
    """Serves plimsoll.portfolio.v1.HealthService."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def GetHealth(
        self, request: health_service_pb2.GetHealthRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> ServiceHealth:
        """Probe what the service depends on and report."""
        return await self._health.report()
