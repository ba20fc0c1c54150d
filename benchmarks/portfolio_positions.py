"""Positions through the gateway: a portfolio of 60 read with its values, and thousands entered in one transaction.

The peer of the batch is what one would write first: a call for each position, on the same stack in the same run.
"""

import csv
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import httpx

from benchmarks.h2load import Load, figures, press, program
from benchmarks.measurement import CannotMeasure, Case, Measurement
from benchmarks.stack_under_load import Target, press_own_stack
from benchmarks.timing import exponent
from cli.demo.books import BOOKS

HELD = 60
SECONDS = 5
"""How long each load is pressed."""
READS = {
    "without its positions": "/api/v1/management/portfolios/{}",
    "complete": "/api/v1/data/portfolio/{}/complete",
    "details": "/api/v1/data/positions/details?portfolio_id={}",
    "list": "/api/v1/management/positions?page_size=500&portfolio_id={}",
}
LOADS = (Load("1 connection", connections=1), Load("8 connections", connections=8))
SIZES = (1_000, 3_000, 10_000)
REPEATS = 5
ONE_BY_ONE = 200
PORTFOLIOS = "/api/v1/management/portfolios"
POSITIONS = "/api/v1/management/positions"
Measure = Callable[[httpx.AsyncClient, Target], Awaitable[list[Case]]]


def portfolio_reads(_: list[str]) -> Measurement:
    """Measures reads of a portfolio of 60 positions, with market values and without.

    Raises:
        CannotMeasure: h2load is missing, or a request was not answered as it should.
    """
    program()
    subject = f"{HELD} positions of the demo's books, stocks and options, HTTP/1.1 through the gateway"
    return Measurement("portfolio_reads", subject, _measured(_reads))


def batch_create(_: list[str]) -> Measurement:
    """Measures BatchCreatePositions, and a call for each position instead.

    Raises:
        CannotMeasure: a request was not answered as it should.
    """
    subject = "positions entered as one revision, JSON through the gateway, from the request to the answer"
    return Measurement("batch_create", subject, _measured(_batches))


def _measured(measure: Measure) -> list[Case]:
    cases: list[Case] = []
    press_own_stack(partial(with_client, measure, cases))
    return cases


async def with_client(measure: Measure, cases: list[Case], target: Target) -> None:
    """Measure with a client that is signed in to a stack."""
    headers = {"authorization": f"Bearer {target.access_token}"}
    async with httpx.AsyncClient(base_url=target.base_url, headers=headers, timeout=60, trust_env=False) as client:
        cases += await measure(client, target)


async def _reads(client: httpx.AsyncClient, target: Target) -> list[Case]:
    portfolio_id = await portfolio_of(client, HELD)
    cases = []
    for name, path in READS.items():
        for load in LOADS:
            url = f"{target.base_url}{path.format(portfolio_id)}"
            requests = await press(url, dict(client.headers), load, SECONDS)
            cases.append(Case(f"{name}, {load.name}", figures(requests)))
    return cases


async def _batches(client: httpx.AsyncClient, _: Target) -> list[Case]:
    cases, taken = [], []
    await _seconds(client, f"{POSITIONS}:batchCreate", _batch(await _portfolio(client), 10))  # so that plans are there
    for size in SIZES:
        bodies = [_batch(await _portfolio(client), size) for _ in range(REPEATS)]
        seconds = median([await _seconds(client, f"{POSITIONS}:batchCreate", body) for body in bodies])
        taken.append(seconds)
        cases.append(Case(f"{size:,} at once", {"seconds": seconds, "positions/s": size / seconds}))
    portfolio_id = await _portfolio(client)
    rows = list(itertools.islice(_rows(), ONE_BY_ONE))
    single = [json.dumps({"portfolio_id": portfolio_id, "position": row}).encode() for row in rows]
    seconds = sum([await _seconds(client, POSITIONS, body) for body in single])
    cases.append(Case(f"{ONE_BY_ONE} one by one", {"seconds": seconds, "positions/s": ONE_BY_ONE / seconds}))
    cases.append(Case("exponent of growth", {"seconds": exponent(SIZES, taken)}))
    return cases


def _rows() -> Iterator[dict[str, Any]]:
    """Positions of the demo's books, over and over, as the API takes them."""
    rows: list[dict[str, Any]] = []
    for book in BOOKS:
        with book.path.open(encoding="utf-8", newline="") as file:
            rows += [_row(line) for line in csv.DictReader(file) if not line["ticker"].startswith("CUR:")]
    return itertools.cycle(rows)


def _row(line: dict[str, str]) -> dict[str, Any]:
    numbers = {"quantity": float(line["quantity"]), "entry_price": float(line["entry_price"])}
    return {"symbol": line["ticker"], "entry_date": line["entry_date"], **numbers}


def _batch(portfolio_id: str, size: int) -> bytes:
    return json.dumps({"portfolio_id": portfolio_id, "positions": list(itertools.islice(_rows(), size))}).encode()


async def portfolio_of(client: httpx.AsyncClient, size: int) -> str:
    """Make a portfolio of so many positions of the demo's books, and give its id.

    Raises:
        CannotMeasure: it was refused.
    """
    portfolio_id = await _portfolio(client)
    await _seconds(client, f"{POSITIONS}:batchCreate", _batch(portfolio_id, size))
    return portfolio_id


async def _portfolio(client: httpx.AsyncClient) -> str:
    made = await client.post(PORTFOLIOS, json={"name": f"Bench {time.monotonic_ns()}"})
    return str(made.json()["portfolio_id"])


async def _seconds(client: httpx.AsyncClient, path: str, body: bytes) -> float:
    start = time.perf_counter()
    answer = await client.post(path, content=body, headers={"content-type": "application/json"})
    seconds = time.perf_counter() - start
    if answer.is_error:
        raise CannotMeasure(f"{path}: {answer.status_code} {answer.text[:300]}")
    return seconds
