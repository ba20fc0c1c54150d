"""A marketdata service on a database of its own, filled with made-up raw prices, for benchmarks of what it reads.

Service and client share this process, so their figures include the work of both.
"""

import base64
import dataclasses
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import jwt
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.migrations import migrate
from chassis.roles import create_database, create_roles
from chassis.server import Server
from chassis.settings import Secret
from chassis.tokens import TokenVerifier
from cli.stack.postgres import EmbeddedPostgres
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import MarketDataServiceStub
from services.marketdata.settings import Settings
from services.marketdata.wiring import build

INSTRUMENTS = 1_000
SESSIONS = 520
DIVIDENDS = 8
"""Of each instrument."""
FIRST = date(2021, 1, 4)
USER = "9f4b0c3e-0000-4000-8000-000000000001"
PASSWORD = "a password for one benchmark"


Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Market:
    """The service, and what is in it."""

    stub: MarketDataServiceStub
    metadata: Metadata
    """Proves a user."""
    instrument_ids: list[int]
    symbols: list[str]
    sessions: list[date]
    """Oldest first."""
    database_url: str
    """For who reads it without the service; logs in as the application."""


@asynccontextmanager
async def filled_market() -> AsyncIterator[Market]:
    """Start a database and the service, and take both away afterwards."""
    async with empty_database() as admin_url:
        sessions = await _fill(admin_url)
        async with serving(admin_url) as (channel, metadata):
            yield Market(
                stub=MarketDataServiceStub(channel),
                metadata=metadata,
                instrument_ids=list(range(1, INSTRUMENTS + 1)),
                symbols=[_symbol(number) for number in range(1, INSTRUMENTS + 1)],
                sessions=sessions,
                database_url=admin_url,
            )


@asynccontextmanager
async def empty_database() -> AsyncIterator[str]:
    """Start a database with the tables of marketdata, give its administrator's URL, and take it away afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder,
        EmbeddedPostgres(_home_in(folder)) as postgres,
    ):
        admin_url = await create_database(postgres.admin_url, "bench")
        await create_roles(admin_url, ["marketdata"], {"marketdata": PASSWORD})
        await migrate(admin_url, "marketdata")
        yield admin_url


def _home_in(folder: str) -> Path:
    """Give a home that PostgreSQL can reach where it runs as another user, because we are root."""
    Path(folder).chmod(0o711)
    return Path(folder) / "home"


@asynccontextmanager
async def serving(database_url: str, role: str = "member") -> AsyncIterator[tuple[grpc.aio.Channel, Metadata]]:
    """Serve a database; give a channel to the service, and what proves a user of a role."""
    settings = Settings(
        listen_address="127.0.0.1:0",
        database_url=Secret(database_url),
        service_key=Secret("a service key for one benchmark, long enough"),
        drain_seconds=0.0,
        rate_limits="off",
    )
    key = Ed25519PrivateKey.generate()

    async def public_keys() -> dict[str, Any]:
        public = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "bench", "x": public}]}

    service = dataclasses.replace(build(settings), tokens=TokenVerifier("plimsoll", "plimsoll", public_keys))
    server = Server(service, settings)
    await server.start()
    unlimited = [("grpc.max_receive_message_length", -1)]
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", unlimited)
    try:
        yield channel, (("authorization", f"Bearer {_token(key, role)}"),)
    finally:
        await channel.close()
        await server.stop()


def _symbol(number: int) -> str:
    return f"S{number:04}"


def _token(key: Ed25519PrivateKey, role: str) -> str:
    now = int(time.time())
    claims = {"iss": "plimsoll", "aud": "plimsoll", "sub": USER, "iat": now, "exp": now + 3600, "jti": "1"}
    claims |= {"role": role, "scope": "read write", "tier": "paid"}
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "bench"})


async def _fill(url: str) -> list[date]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET search_path = marketdata")
        sessions = await _write_calendar(connection)
        numbers = range(1, INSTRUMENTS + 1)
        await _write_instruments(connection, numbers)
        closes = _closes(len(sessions))
        await _write_bars(connection, numbers, sessions, closes)
        await _write_actions(connection, numbers, sessions)
        await _write_quotes(connection, numbers, sessions[-1], closes[-1])
        version = "INSERT INTO data_versions VALUES (1, clock_timestamp(), 'bench', 1, $1, $2)"
        await connection.execute(version, sessions[0], sessions[-1])
        await connection.execute("INSERT INTO seals (session_date, data_version) VALUES ($1, 1)", sessions[-1])
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return sessions


async def _write_calendar(connection: asyncpg.Connection) -> list[date]:
    days = (FIRST + timedelta(days=number) for number in range(2 * SESSIONS))
    sessions = [day for day in days if day.weekday() < 5][:SESSIONS]
    closes = [(day, datetime.combine(day, clock(21), UTC)) for day in sessions]
    await connection.copy_records_to_table("trading_sessions", records=closes, columns=["session_date", "close_time"])
    return sessions


def _closes(session_count: int) -> list[list[float]]:
    """Make up a close for each session (rows) and instrument (columns)."""
    walk = np.random.default_rng(1).normal(0.0, 0.01, (session_count, INSTRUMENTS)).cumsum(axis=0)
    closes: list[list[float]] = (100.0 * np.exp(walk)).tolist()
    return closes


async def _write_instruments(connection: asyncpg.Connection, numbers: range) -> None:
    told = [(_symbol(number), "STOCK", _symbol(number), "XNYS", "USD", "", "", 1.0) for number in numbers]
    columns = ["symbol", "kind", "name", "exchange", "currency", "sector", "industry", "multiplier"]
    await connection.copy_records_to_table("instruments", records=told, columns=columns)


async def _write_bars(
    connection: asyncpg.Connection, numbers: range, sessions: list[date], closes: list[list[float]]
) -> None:
    """Write bars session by session, as days bring them: the bars of an instrument lie far apart."""
    columns = ["instrument_id", "session_date", "data_version", "close", "price_basis", "source"]
    for day, row in zip(sessions, closes, strict=True):
        bars = [(number, day, 1, close, 1, "bench") for number, close in zip(numbers, row, strict=True)]
        await connection.copy_records_to_table("daily_bars", records=bars, columns=columns)


async def _write_actions(connection: asyncpg.Connection, numbers: range, sessions: list[date]) -> None:
    """Write a dividend each quarter, and that somebody was asked for them."""
    paid = sessions[:: len(sessions) // DIVIDENDS]
    dividends = [(number, day, 2, 1, 0.5, "bench") for number in numbers for day in paid]
    columns = ["instrument_id", "ex_date", "kind", "data_version", "value", "source"]
    await connection.copy_records_to_table("corporate_actions", records=dividends, columns=columns)
    asked = [(number, "corporate_actions", "bench", sessions[0], sessions[-1]) for number in numbers]
    columns = ["instrument_id", "kind", "sources", "first_date", "last_date"]
    await connection.copy_records_to_table("history_checks", records=asked, columns=columns)


async def _write_quotes(connection: asyncpg.Connection, numbers: range, day: date, closes: list[float]) -> None:
    """Write a quote of each instrument after the last close."""
    after = datetime.combine(day, clock(23), UTC)
    quotes = [(number, after, 1, close, "bench") for number, close in zip(numbers, closes, strict=True)]
    columns = ["instrument_id", "quote_time", "data_version", "last", "source"]
    await connection.copy_records_to_table("quotes", records=quotes, columns=columns)
