"""`plimsoll health`: whether one part can be used, for container health checks."""

import asyncio
from urllib.parse import urlsplit

from cli.stack.errors import StackError
from cli.stack.probes import Probe, grpc_serving, http_ok


def ask(target: str) -> bool:
    """Ask a target whether it can be used."""

    async def answer() -> bool:
        return await question(target)()

    return asyncio.run(answer())


def question(target: str) -> Probe:
    """Give the probe of `host:port`, a gRPC service, or of `http://host:port/path`, a web server.

    Raises:
        StackError: it is neither.
    """
    if target.startswith("http://"):
        parts = urlsplit(target)
        return http_ok(f"{parts.hostname}:{parts.port or 80}", parts.path or "/")
    host, _, port = target.rpartition(":")
    if not host or not port.isdigit():
        raise StackError(f"{target!r} is neither host:port nor http://host:port/path")
    return grpc_serving(target)
