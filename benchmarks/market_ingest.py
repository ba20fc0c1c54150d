"""Bringing a file of daily bars into marketdata, from the disk to the last commit, as `plimsoll ingest bars` does.

The peer is what one would write first: an INSERT per row, on the same database in the same run.
"""

import asyncio
import tempfile
import time
from datetime import date
from pathlib import Path

import asyncpg
import numpy as np
from google.api.httpbody_pb2 import HttpBody

from benchmarks.market import Metadata, empty_database, serving
from benchmarks.measurement import CannotMeasure, Case, Measurement
from benchmarks.timing import exponent
from cli.file_parts import parts
from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from plimsoll.marketdata.v1.marketdata_service_pb2 import GetTradingCalendarRequest
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import MarketDataServiceStub

SESSIONS = 8_000
SYMBOLS = (12, 38, 125)
"""Of 8,000 bars each: 96,000 bars to a million."""
PEER_ROWS = 10_000
INSERT = """
    INSERT INTO daily_bars (instrument_id, session_date, data_version, close, price_basis, source)
    VALUES ($1, $2, 1000000, $3, 1, 'bench')
"""


def ingest(_: list[str]) -> Measurement:
    """Measures ingestion: a file that is new, the same file again, and row by row instead.

    Raises:
        CannotMeasure: not every row was stored, or a row was stored twice.
    """
    return Measurement(
        "ingest", "daily bars from a CSV, file to commit; service and client share the cores", asyncio.run(_all())
    )


async def _all() -> list[Case]:
    async with empty_database() as admin_url, serving(admin_url, role="admin") as (channel, metadata):
        ingestion = IngestionServiceStub(channel)
        with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder:
            await _bring(ingestion, metadata, _written(Path(folder), "WARM", [date(2022, 12, 28)], 1))
            request = GetTradingCalendarRequest(start_date="1990-01-01", end_date="2022-12-28")
            calendar = await MarketDataServiceStub(channel).GetTradingCalendar(request, metadata=metadata)
            days = [date.fromisoformat(day) for day in calendar.session_dates][:SESSIONS]
            cases, seconds = [], []
            for count in SYMBOLS:
                path = _written(Path(folder), f"N{count}S", days, count)
                new, again = [await _timed(ingestion, metadata, path, stored) for stored in (count * len(days), 0)]
                seconds.append(new)
                figures = {"seconds": new, "bars/s": count * len(days) / new, "again, seconds": again}
                cases.append(Case(f"{count * len(days):,} bars", figures))
        peer = await _row_by_row(admin_url, days)
        cases.append(Case(f"row by row, {PEER_ROWS:,} bars", {"seconds": peer, "bars/s": PEER_ROWS / peer}))
    return [*cases, Case("growth with bars", {"exponent": exponent(SYMBOLS, seconds)})]


def _written(folder: Path, prefix: str, days: list[date], count: int) -> Path:
    """Write a file of made-up bars of some symbols."""
    walk = np.random.default_rng(count).normal(0.0, 0.01, (count, len(days))).cumsum(axis=1)
    path = folder / f"{prefix}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("symbol,date,open,high,low,close,volume\n")
        for number, closes in enumerate((100 * np.exp(walk)).round(4).tolist()):
            for day, close in zip(days, closes, strict=True):
                file.write(f"{prefix}{number},{day},{close},{close + 1:.4f},{close - 1:.4f},{close},1000000\n")
    return path


async def _timed(ingestion: IngestionServiceStub, metadata: Metadata, path: Path, expected: int) -> float:
    start = time.perf_counter()
    stored = await _bring(ingestion, metadata, path)
    took = time.perf_counter() - start
    if stored != expected:
        raise CannotMeasure(f"{stored:,} bars were stored, not {expected:,}")
    return took


async def _bring(ingestion: IngestionServiceStub, metadata: Metadata, path: Path) -> int:
    stored = 0
    for part in parts(path):
        file = HttpBody(content_type="text/csv", data=part.content)
        report = await ingestion.UploadBars(pb.UploadBarsRequest(file=file), metadata=metadata)
        stored += report.stored_count
    return stored


async def _row_by_row(admin_url: str, days: list[date]) -> float:
    connection = await asyncpg.connect(admin_url, server_settings={"search_path": "marketdata"})
    try:
        start = time.perf_counter()
        for number in range(PEER_ROWS):
            await connection.execute(INSERT, 1_000_000 + number // len(days), days[number % len(days)], 100.0)
        return time.perf_counter() - start
    finally:
        await connection.close()
