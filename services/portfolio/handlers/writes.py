"""Writing: one transaction, done once per key of its caller, with the reason that its request states.

The database writes the change log itself, and takes the reason from here (storage/migrations/versions/0013_changes.py).
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.database import Database
from chassis.idempotency import once

R = TypeVar("R", bound=Message)
SET_REASON = text("SELECT set_config('plimsoll.reason', :reason, true)")


class Writes:
    """Does the writes of callers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def once(self, request: Message, answer: type[R], write: Callable[[AsyncConnection, str], Awaitable[R]]) -> R:
        """Do a write in a transaction of the caller's, and give its answer; a repeated one is only answered.

        Args:
            request: the request, with its `request_id` and perhaps a `reason`.
            answer: the kind of message that is answered.
            write: the write; it gets the connection and the caller's id.
        """
        call = current_call()
        async with self._database.transaction(call.user_id) as connection:
            if reason := getattr(request, "reason", ""):
                await connection.execute(SET_REASON, {"reason": reason})
            return await once(connection, call, request, answer, lambda: write(connection, call.user_id))
