"""A service's PostgreSQL: one engine, its own role and schema, and transactions that know for whom they are.

The connection acts as `<service>_app` from its first statement, whichever login the URL names, so that grants and
row-level security hold everywhere alike.
"""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import sqlalchemy.exc
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis.database_url import DatabaseLogin, database_login
from chassis.errors import Aborted, CannotStart, Unavailable
from chassis.migrations import SchemaMismatch, check, head_revision

POOL_WAIT_SECONDS = 3.0
CONNECT_SECONDS = 3.0
STATEMENT_SECONDS = 60
NETWORK_SECONDS = 65.0
"""How long a statement may take when not even the server's word comes back that it took too long."""
IDLE_TRANSACTION_MS = "30000"
ABANDONED_MS = "1000"
"""How often the server looks whether anyone still waits for a statement; one request to cancel in a hundred is lost."""
SERIALIZATION = {"40001", "40P01"}
PARENT_GONE = {"23503"}
"""What a row belongs to was deleted while the call was at work: it was there when the call looked."""
UNREACHABLE_CLASSES = ("08", "53", "57", "58")
"""SQLSTATE classes: connection, resources (disk full, too many), shutdown, system error."""
SET_USER = text("SELECT set_config('plimsoll.user_id', :user_id, true)")
log = logging.getLogger(__name__)


class Database:
    """One service's database."""

    def __init__(self, url: str, service: str, pool_size: int = 8, slow_query_ms: float = 250.0) -> None:
        self.engine = _engine(url, service, pool_size)
        self.schema_revision = head_revision(service) or ""
        self._service = service
        self._slow_query_ms = slow_query_ms
        event.listen(self.engine.sync_engine, "before_cursor_execute", self._started)
        event.listen(self.engine.sync_engine, "after_cursor_execute", self._ended)

    @asynccontextmanager
    async def transaction(self, user_id: str = "") -> AsyncIterator[AsyncConnection]:
        """Open a transaction that commits when its block ends and rolls back when it raises.

        Args:
            user_id: whose rows may be seen. Empty: nobody's.

        Raises:
            Unavailable: the database does not answer, or has no room.
            Aborted: another transaction was faster.
        """
        try:
            async with AsyncExitStack() as stack:
                try:
                    connection = await stack.enter_async_context(self.engine.begin())
                    if user_id:
                        await connection.execute(SET_USER, {"user_id": user_id})
                except (sqlalchemy.exc.TimeoutError, OSError) as error:  # which a time-out of the connection is too
                    log.warning("the database does not answer: %r", error)
                    raise Unavailable("database") from error
                yield connection
        except sqlalchemy.exc.DBAPIError as error:
            _translate(error)
            raise

    async def check_schema(self) -> None:
        """Make sure that the schema is the one this code was written for.

        Raises:
            CannotStart: it is older, or newer, or the database refuses this login.
            Unavailable: the database does not answer.
        """
        try:
            async with self.transaction() as connection:
                await check(connection, self._service)
        except SchemaMismatch as error:
            raise CannotStart(str(error)) from None
        except sqlalchemy.exc.DBAPIError as error:
            raise CannotStart(f"the database refuses this login: {error.orig}") from None

    async def probe(self) -> None:
        """Raise if the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    def _started(self, connection: Any, *_: object) -> None:
        connection.info["started"] = time.perf_counter()

    def _ended(self, connection: Any, cursor: object, statement: str, *_: object) -> None:
        milliseconds = (time.perf_counter() - connection.info["started"]) * 1000
        if milliseconds > self._slow_query_ms:
            fields = {"milliseconds": round(milliseconds, 1), "statement": " ".join(statement.split())[:500]}
            log.warning("slow query", extra={"fields": fields})


def _engine(url: str, service: str, pool_size: int) -> AsyncEngine:
    login = _login(url)
    return create_async_engine(
        login.url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_recycle=1800,
        hide_parameters=True,  # errors are logged, and parameters are what users entrust to us
        connect_args={
            **login.protection,
            "timeout": CONNECT_SECONDS,
            "command_timeout": NETWORK_SECONDS,
            "server_settings": {
                "role": f"{service}_app",
                "search_path": service,
                "application_name": f"plimsoll-{service}",
                "timezone": "UTC",
                "statement_timeout": f"{STATEMENT_SECONDS}s",
                "idle_in_transaction_session_timeout": IDLE_TRANSACTION_MS,
                "client_connection_check_interval": ABANDONED_MS,
            },
        },
    )


def _login(url: str) -> DatabaseLogin:
    try:
        return database_login(url)
    except ValueError as error:
        raise CannotStart(str(error)) from None


def in_trouble(state: str | None) -> bool:
    """Whether an error's SQLSTATE says that the server cannot work, and not that it will not do this."""
    return (state or "")[:2] in UNREACHABLE_CLASSES


def _translate(error: sqlalchemy.exc.DBAPIError) -> None:
    """Raise what a caller can act on, if the error is of that kind."""
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or in_trouble(state):
        log.warning("the database does not answer: %s", error.orig)
        raise Unavailable("database") from error
    if state in SERIALIZATION | PARENT_GONE:
        raise Aborted("REQUEST_IN_PROGRESS", "another change came in between: try again") from error
