"""What the marketdata service reads: a block of closes for risk, and quotes for a screen.

The peer of a block is what one would write first: a query for each instrument, on the same database in the same run.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date
from statistics import median, quantiles

import asyncpg

from benchmarks.market import Market, filled_market
from benchmarks.measurement import CannotMeasure, Case, Measurement
from benchmarks.timing import exponent
from plimsoll.marketdata.v1 import marketdata_service_pb2 as pb

SESSIONS = 252
SIZES = (100, 300, 1_000)
REPEATS = 9
QUOTED = 50
QUOTE_CALLS = 400
ONE = """
    SELECT DISTINCT ON (session_date) session_date, close FROM daily_bars
    WHERE instrument_id = $1 AND session_date BETWEEN $2 AND $3 AND data_version <= 1
    ORDER BY session_date, data_version DESC
"""


def price_matrix(_: list[str]) -> Measurement:
    """Measures GetPriceMatrix: from the database, from the cache, and a query per instrument instead.

    Raises:
        CannotMeasure: an answer is not the block that was asked for.
    """
    cases = asyncio.run(_with_market(_price_matrices))
    subject = f"GetPriceMatrix, {SESSIONS} sessions, total-return-adjusted from raw closes, at the client"
    return Measurement("price_matrix", subject, cases)


def quotes(_: list[str]) -> Measurement:
    """Measures GetQuotes."""
    cases = asyncio.run(_with_market(_quotes))
    return Measurement("quotes", f"GetQuotes of {QUOTED} symbols, one after another, at the client", cases)


async def _with_market(measure: Callable[[Market], Awaitable[list[Case]]]) -> list[Case]:
    async with filled_market() as market:
        return await measure(market)


async def _price_matrices(market: Market) -> list[Case]:
    cases, seconds = [], []
    await _block(market, SIZES[0], market.sessions[-1])  # so that connections, plans and code are there
    for size in SIZES:
        cold = [await _block(market, size, day) for day in market.sessions[-REPEATS - 1 : -1]]
        warm = [await _block(market, size, market.sessions[-2]) for _ in range(REPEATS)]
        peer = await _query_per_instrument(market, size)
        seconds.append(median(cold))
        figures = {"cold ms": 1e3 * median(cold), "warm ms": 1e3 * median(warm), "a query each, ms": 1e3 * peer}
        cases.append(Case(f"{size:,} instruments", figures))
    return [*cases, Case("growth with instruments", {"exponent": exponent(SIZES, seconds)})]


async def _block(market: Market, size: int, day: date) -> float:
    """Reads one block; gives the seconds that the call took."""
    request = pb.GetPriceMatrixRequest(
        instrument_ids=market.instrument_ids[:size], as_of_date=day.isoformat(), sessions=SESSIONS, data_version=1
    )
    start = time.perf_counter()
    answer = await market.stub.GetPriceMatrix(request, metadata=market.metadata)
    took = time.perf_counter() - start
    if len(answer.closes) != 8 * size * SESSIONS:
        raise CannotMeasure(f"the block has {len(answer.closes)} bytes, not {8 * size * SESSIONS}")
    return took


async def _query_per_instrument(market: Market, size: int) -> float:
    connection = await asyncpg.connect(market.database_url, server_settings={"search_path": "marketdata"})
    first, last = market.sessions[-SESSIONS - 1], market.sessions[-2]
    try:
        start = time.perf_counter()
        for instrument_id in market.instrument_ids[:size]:
            await connection.fetch(ONE, instrument_id, first, last)
        return time.perf_counter() - start
    finally:
        await connection.close()


async def _quotes(market: Market) -> list[Case]:
    request = pb.GetQuotesRequest(symbols=market.symbols[:QUOTED])
    took = []
    for _ in range(QUOTE_CALLS):
        start = time.perf_counter()
        answer = await market.stub.GetQuotes(request, metadata=market.metadata)
        took.append(1e3 * (time.perf_counter() - start))
        if len(answer.quotes) != QUOTED:
            raise CannotMeasure(f"{len(answer.quotes)} quotes came, not {QUOTED}")
    by_percent = quantiles(took[QUOTE_CALLS // 10 :], n=100)
    return [Case(f"{QUOTED} symbols", {"p50 ms": by_percent[49], "p99 ms": by_percent[98]})]
