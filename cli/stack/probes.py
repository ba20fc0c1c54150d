"""Questions to a part that say whether it can be used."""

import asyncio
import http.client
from collections.abc import Awaitable, Callable

Probe = Callable[[], Awaitable[bool]]
"""Whether a part can be used now. It answers within about a second, and never raises because the part is down."""

_ANSWER_SECONDS = 1.0
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25


def grpc_serving(address: str) -> Probe:
    """Ask a service over the standard gRPC health protocol."""

    async def probe() -> bool:
        # Imported here: a tenth of a second that `plimsoll version` need not pay.
        import grpc.aio
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        # A proxy set for the web is not meant for our own processes.
        async with grpc.aio.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            try:
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=_ANSWER_SECONDS)
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return probe


def http_ok(address: str, path: str) -> Probe:
    """Ask a web server whether a path answers 200."""
    host, _, port = address.rpartition(":")

    def ask() -> bool:
        connection = http.client.HTTPConnection(host, int(port), timeout=_ANSWER_SECONDS)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    async def probe() -> bool:
        return await asyncio.to_thread(ask)

    return probe


def tcp_open(address: str) -> Probe:
    """Ask whether anything accepts connections."""
    host, _, port = address.rpartition(":")

    async def probe() -> bool:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return False
        writer.close()
        return True

    return probe


async def until(probe: Probe) -> None:
    """Return as soon as a part can be used."""
    pause = _FIRST_PAUSE
    while not await probe():
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
