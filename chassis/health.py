"""Whether a service and what it depends on are well."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from chassis.flights import Flights
from plimsoll.common.v1.service_health_pb2 import ServiceHealth

PROBE_SECONDS = 0.5
STATES_SECONDS = 1.0
"""However many ask how a service is, its dependencies are asked no more often."""
VERSION = version("plimsoll")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something a service depends on, and how to ask whether it answers: the probe raises if it does not."""

    name: str
    probe: Callable[[], Awaitable[object]] | None
    """None: it is not configured."""
    optional: bool = False


class Health:
    """Reports on one service."""

    def __init__(
        self,
        service: str,
        dependencies: Sequence[Dependency] = (),
        schema_revision: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self._clock = clock
        self._states: list[ServiceHealth.State.ValueType] = []
        self._good_until = -math.inf
        self._probing: Flights[None] = Flights()
        self._dependencies = sorted(dependencies, key=lambda dependency: dependency.name)
        self._schema_revision = schema_revision

    async def report(self) -> ServiceHealth:
        """Say how the service is, and every dependency as of a second ago or less."""
        if self._clock() > self._good_until:
            await self._probing.join("dependencies", self._probe)
        report = ServiceHealth(
            service=self.service, version=VERSION, healthy=True, schema_revision=self._schema_revision
        )
        for dependency, state in zip(self._dependencies, self._states, strict=True):
            report.dependencies.add(name=dependency.name, state=state, optional=dependency.optional)
            if state == ServiceHealth.DOWN and not dependency.optional:
                report.healthy = False
        return report

    async def _probe(self) -> None:
        """Probe every dependency at once."""
        self._states = await asyncio.gather(*(_state(dependency) for dependency in self._dependencies))
        self._good_until = self._clock() + STATES_SECONDS


def service_probe(channel: grpc.aio.Channel) -> Callable[[], Awaitable[object]]:
    """Give a probe that raises unless the service at the other end is serving.

    It asks gRPC's own health service, which answers from memory: our GetHealth would probe what stands behind that
    service in turn, and a slow database two services away would look like a dead service next door.
    """
    health = HealthStub(channel)

    async def check() -> None:
        answer = await health.Check(HealthCheckRequest())
        if answer.status != HealthCheckResponse.SERVING:
            raise ConnectionError(f"it says that its status is {answer.status}")

    return check


async def _state(dependency: Dependency) -> "ServiceHealth.State.ValueType":
    if dependency.probe is None:
        return ServiceHealth.OFF
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await dependency.probe()
    except Exception as error:  # noqa: BLE001 - whatever a probe raises, the answer is that it did not answer
        log.info("%s does not answer: %r", dependency.name, error)
        return ServiceHealth.DOWN
    return ServiceHealth.UP
