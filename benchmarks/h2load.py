"""Drives h2load, the load generator of nghttp2: real HTTP/1.1 connections, and the time of every single request."""

import asyncio
import shutil
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from benchmarks.measurement import CannotMeasure

WARM_UP_SECONDS = 1
SPARE_SECONDS = 20.0
"""Time over, for h2load to warm up and to end."""
FEWEST_REQUESTS = 100
"""Below this a 99th percentile says nothing."""
INSTALL = "h2load is not on PATH; Debian and Ubuntu have it in nghttp2-client: apt-get install nghttp2-client"


@dataclass(frozen=True, slots=True)
class Load:
    """How hard to press."""

    name: str
    connections: int
    requests_per_second: int = 0
    """Over all connections. 0: each connection asks again as soon as it is answered."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as h2load saw it."""

    start_us: int
    status: int
    took_us: int


def program() -> str:
    """Path of h2load.

    Raises:
        CannotMeasure: it is not installed.
    """
    if path := shutil.which("h2load"):
        return path
    raise CannotMeasure(INSTALL)


async def press(url: str, headers: Mapping[str, str], load: Load, seconds: int) -> list[Request]:
    """Every request that was answered in so many seconds, after a second of warming up.

    Raises:
        CannotMeasure: h2load is missing or failed, or a request was not answered with 200.
    """
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder:
        log = Path(folder) / "requests.tsv"
        options = ["--h1", f"--clients={load.connections}", f"--duration={seconds}", f"--log-file={log}"]
        options.append(f"--warm-up-time={WARM_UP_SECONDS}")
        if load.requests_per_second:
            options.append(f"--rps={load.requests_per_second / load.connections:g}")
        options += [f"--header={name}: {value}" for name, value in headers.items()]
        await _run([program(), *options, url], limit_seconds=seconds + SPARE_SECONDS)
        requests = [Request(*map(int, line.split("\t"))) for line in log.read_text(encoding="utf-8").splitlines()]
    refused = sorted({request.status for request in requests} - {200})
    if refused or len(requests) < FEWEST_REQUESTS:
        raise CannotMeasure(f"{load.name}: {len(requests)} requests were answered; statuses besides 200: {refused}")
    return requests


async def _run(command: list[str], limit_seconds: float) -> None:
    child = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    try:
        said, _ = await asyncio.wait_for(child.communicate(), limit_seconds)
    except TimeoutError:
        raise CannotMeasure(f"h2load did not finish within {limit_seconds:g} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise CannotMeasure(f"h2load failed: {said.decode(errors='replace').strip()}")


def figures(requests: list[Request]) -> dict[str, float]:
    """Throughput over the whole run, and percentiles of the time a single request took."""
    first = min(request.start_us for request in requests)
    last = max(request.start_us + request.took_us for request in requests)
    percentiles = quantiles((request.took_us / 1000 for request in requests), n=100, method="inclusive")
    return {
        "requests": float(len(requests)),
        "requests/s": round(len(requests) / ((last - first) / 1e6), 1),
        "p50 ms": round(percentiles[49], 3),
        "p99 ms": round(percentiles[98], 3),
    }
