"""A repeated write is answered, not repeated.

The key, a hash of the request and the response are stored in the transaction of the write itself, so they exist if and
only if its effect does. The table `idempotency_keys` stands in the schema of each service that writes.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import (
    Column,
    DateTime,
    Interval,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import Call
from chassis.errors import Aborted, InvalidFields, InvalidRequest, Violation

R = TypeVar("R", bound=Message)
HEADER = "idempotency-key"
LONGEST_KEY = 100
KEPT = timedelta(days=7)

keys = Table(
    "idempotency_keys",
    MetaData(),
    Column("user_id", Uuid(as_uuid=False), primary_key=True),
    Column("method", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
    Column("created_time", DateTime(timezone=True), nullable=False),
)


async def once(
    connection: AsyncConnection, call: Call, request: Message, answer: type[R], write: Callable[[], Awaitable[R]]
) -> R:
    """Do a write once per key of its caller.

    The key is the request's `request_id`, or the header `Idempotency-Key`; without one the write is simply done.

    Raises:
        Aborted: the same key is being worked on in another transaction.
        InvalidRequest: the key came before with another request.
    """
    key = _key(call, request)
    if not key:
        return await write()
    path = call.method.path if call.method else ""
    await _lock(connection, f"{call.user_id} {path} {key}")
    row = (keys.c.user_id == call.user_id) & (keys.c.method == path) & (keys.c.key == key)
    digest = _digest(request)
    if stored := (await connection.execute(select(keys.c.request_hash, keys.c.response).where(row))).one_or_none():
        if stored.request_hash != digest:
            message = f"the idempotency key {key!r} came before with another request"
            raise InvalidRequest("IDEMPOTENCY_KEY_REUSED", message)
        return answer.FromString(stored.response)
    response = await write()
    values: dict[str, object] = {"user_id": call.user_id, "method": path, "key": key, "request_hash": digest}
    values |= {"response": response.SerializeToString(), "created_time": func.now()}
    await connection.execute(insert(keys).values(**values))
    expired = keys.c.created_time < func.now() - literal(KEPT, Interval)
    await connection.execute(delete(keys).where(keys.c.user_id == call.user_id, expired))
    return response


def _key(call: Call, request: Message) -> str:
    key = str(getattr(request, "request_id", "")) or call.metadata.get(HEADER, "")
    if len(key) > LONGEST_KEY:
        raise InvalidFields([Violation(HEADER, key, f"has more than {LONGEST_KEY} characters")])
    return key


def _digest(request: Message) -> bytes:
    """Hash a request without its key, so that header and field mean the same."""
    bare = type(request)()
    bare.CopyFrom(request)
    if "request_id" in bare.DESCRIPTOR.fields_by_name:
        bare.ClearField("request_id")
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).digest()


async def _lock(connection: AsyncConnection, name: str) -> None:
    taken = await connection.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0))))
    if not taken:
        raise Aborted("REQUEST_IN_PROGRESS", "a request with this idempotency key is being worked on: try again")
