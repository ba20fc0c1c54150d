"""The gateway as its user runs it: `python -m gateway`, and with it a real Envoy."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    address: str
    admin: str
    process: Process
    log: Path

    @property
    def url(self) -> str:
        return f"http://{self.address}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def start(settings: Mapping[str, str], log: Path) -> Process:
    """Run `python -m gateway` as its user would."""
    environment = {
        "PATH": os.environ["PATH"],
        "PLIMSOLL_GATEWAY_ADMIN_ADDRESS": f"127.0.0.1:{free_port()}",
        "PLIMSOLL_GATEWAY_WORKERS": "1",
        **settings,
    }
    with log.open("w") as written:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", cwd=ROOT, env=environment, stdout=written, stderr=written
        )


@asynccontextmanager
async def gateway_before(addresses: Mapping[str, str], log: Path, **settings: str) -> AsyncIterator[Gateway]:
    """Run a gateway before some servers, from when its port takes connections."""
    own, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    fields = {"gateway_address": own, "gateway_admin_address": admin, **settings}
    fields |= {f"{name}_address": address for name, address in addresses.items()}
    process = await start({f"PLIMSOLL_{name.upper()}": value for name, value in fields.items()}, log)
    try:
        await listening(own, process, log)
        yield Gateway(own, admin, process, log)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def listening(address: str, process: Process, log: Path) -> None:
    host, _, port = address.rpartition(":")
    while True:
        if process.returncode is not None:
            raise RuntimeError(f"the gateway ended with {process.returncode}, see {log}")
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return


async def until_healthy(client: httpx.AsyncClient, status: int = 200) -> None:
    async with asyncio.timeout(60):
        while (await client.get("/healthz")).status_code != status:  # noqa: ASYNC110 - Envoy tells only who asks
            await asyncio.sleep(0.05)
