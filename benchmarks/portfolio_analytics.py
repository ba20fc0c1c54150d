"""Every analytic of a portfolio of 60 positions through the gateway: asked for the first time, and again.

Cold, nothing of the answer is there: the book is read, the market gathered, the answer computed, stored and rendered.
A portfolio is cold once, so that each repeat takes a new one. The requests that are timed one after another are sent by
the plainest client there is: a comfortable one takes longer over a small answer than the services do.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from benchmarks.measurement import CannotMeasure, Case, Measurement
from benchmarks.naive_analytics import NaiveBook, analyse
from benchmarks.portfolio_positions import HELD, portfolio_of, with_client
from benchmarks.stack_under_load import Target, press_own_stack

COLD_PORTFOLIOS = 9
WARM_ROUNDS = 50
OPTIONS = 12
"""Of the positions, about as many as the demo's books have."""
HEAVY_RUNS = 20
HEALTH = "/api/v1/health/risk"
HEALTH_PAUSE_SECONDS = 0.01
PORTFOLIO = "{portfolio_id}"


def portfolio_analytics(_: list[str]) -> Measurement:
    """Measures every analytic of a portfolio, one after another and all at once, cold and warm.

    Raises:
        CannotMeasure: a request was not answered as it should.
    """
    subject = f"all analytics of {HELD} positions of the demo's books, stocks and options, through the gateway"
    cases: list[Case] = []
    press_own_stack(partial(with_client, _analytics, cases))
    return Measurement("portfolio_analytics", subject, cases)


def risk_loop(_: list[str]) -> Measurement:
    """Measures how long the risk service's event loop leaves others waiting while it computes for 20 portfolios.

    Raises:
        CannotMeasure: a request was not answered as it should.
    """
    subject = f"GET {HEALTH} while all analytics of {HEAVY_RUNS} new portfolios of {HELD} positions are asked for"
    cases: list[Case] = []
    press_own_stack(partial(with_client, _loop_health, cases))
    return Measurement("risk_loop", subject, cases)


def paths() -> list[str]:
    """REST paths of the analytics that need nothing but a portfolio, as the contract has them."""
    from google.api import annotations_pb2

    from plimsoll.risk.v1 import analytics_service_pb2

    methods = analytics_service_pb2.DESCRIPTOR.services_by_name["AnalyticsService"].methods
    templates = [str(method.GetOptions().Extensions[annotations_pb2.http].get) for method in methods]
    return [template for template in templates if template.count("{") == 1 and PORTFOLIO in template]


async def _analytics(client: httpx.AsyncClient, target: Target) -> list[Case]:
    templates = paths()
    await _at_once(client, await portfolio_of(client, HELD), templates)  # so that modules and plans are there
    cold_books = [await portfolio_of(client, HELD) for _ in range(COLD_PORTFOLIOS)]
    known = cold_books[0]
    cold = np.array([await _one_by_one(target, book, templates) for book in cold_books])
    at_once = [await _at_once(client, await portfolio_of(client, HELD), templates) for _ in range(COLD_PORTFOLIOS)]
    warm = np.array([await _one_by_one(target, known, templates) for _ in range(WARM_ROUNDS)])
    cases = [
        Case(
            template.rpartition("/")[2],
            {"cold ms": 1000 * median(cold[:, place]), "warm p50 ms": 1000 * median(warm[:, place])},
        )
        for place, template in enumerate(templates)
    ]
    seconds = median(cold.sum(axis=1))
    naive = await asyncio.to_thread(_naive_seconds)
    whole = {"cold ms": 1000 * seconds, "warm p50 ms": 1000 * median(warm.ravel()), "times naive": naive / seconds}
    cases.append(Case(f"all {len(templates)}, one after another", whole))
    cases.append(Case(f"all {len(templates)} at once", {"cold ms": 1000 * median(at_once)}))
    cases.append(Case("position by position, in memory", {"cold ms": 1000 * naive}))
    return cases


def _naive_seconds() -> float:
    """How long it takes to compute about the same without any of the services, position by position."""
    book = NaiveBook.drawn(stocks=HELD - OPTIONS, options=OPTIONS)
    start = time.perf_counter()
    analyse(book)
    return time.perf_counter() - start


async def _loop_health(client: httpx.AsyncClient, _: Target) -> list[Case]:
    templates = paths()
    await _at_once(client, await portfolio_of(client, HELD), templates)
    books = [await portfolio_of(client, HELD) for _ in range(HEAVY_RUNS)]
    idle = await _health_until(client, asyncio.create_task(asyncio.sleep(2)))
    # Who asks for the analytics is another process: the waits are not those of a busy client.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(pool, paths)  # so that it is up
        asked = str(client.base_url), dict(client.headers), books, templates
        heavy = asyncio.ensure_future(loop.run_in_executor(pool, ask_for_all, *asked))
        busy = await _health_until(client, heavy)
    return [
        Case("idle", _waits(idle)),
        Case(f"{HEAVY_RUNS} heavy runs at once", {**_waits(busy), "seconds": heavy.result()}),
    ]


def ask_for_all(base_url: str, headers: Mapping[str, str], books: Sequence[str], templates: Sequence[str]) -> float:
    """Ask for all analytics of every book, all books at once, and give the seconds that it took."""

    async def ask() -> float:
        async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=60, trust_env=False) as client:
            start = time.perf_counter()
            await asyncio.gather(*(_all_of(client, book, templates) for book in books))
            return time.perf_counter() - start

    return asyncio.run(ask())


async def _health_until(client: httpx.AsyncClient, end: "asyncio.Future[Any]") -> list[float]:
    waits = []
    while not end.done():
        waits.append(await _seconds(client, HEALTH))
        await asyncio.sleep(HEALTH_PAUSE_SECONDS)
    return waits


def _waits(seconds: Sequence[float]) -> dict[str, float]:
    p50, p99 = 1000 * np.quantile(seconds, [0.5, 0.99])
    return {"p50 ms": p50, "p99 ms": p99}


async def _one_by_one(target: Target, portfolio_id: str, templates: Sequence[str]) -> list[float]:
    return await asyncio.to_thread(_plainly, target, [one.replace(PORTFOLIO, portfolio_id) for one in templates])


def _plainly(target: Target, asked: Sequence[str]) -> list[float]:
    """Ask for one path after another on one connection, and give the seconds of each."""
    address = urlsplit(target.base_url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=60)
    headers = {"authorization": f"Bearer {target.access_token}"}
    connection.connect()
    taken = []
    for path in asked:
        start = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        taken.append(time.perf_counter() - start)
        if answer.status != HTTPStatus.OK:
            raise CannotMeasure(f"{path}: {answer.status} {body[:300]!r}")
    connection.close()
    return taken


async def _all_of(client: httpx.AsyncClient, portfolio_id: str, templates: Sequence[str]) -> None:
    for template in templates:
        await _seconds(client, template.replace(PORTFOLIO, portfolio_id))


async def _at_once(client: httpx.AsyncClient, portfolio_id: str, templates: Sequence[str]) -> float:
    start = time.perf_counter()
    await asyncio.gather(*(_seconds(client, template.replace(PORTFOLIO, portfolio_id)) for template in templates))
    return time.perf_counter() - start


async def _seconds(client: httpx.AsyncClient, path: str) -> float:
    start = time.perf_counter()
    answer = await client.get(path)
    seconds = time.perf_counter() - start
    if answer.is_error:
        raise CannotMeasure(f"{path}: {answer.status_code} {answer.text[:300]}")
    return seconds
