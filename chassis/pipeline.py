"""What happens around every handler: observe, limit, guard, answer in time, and turn failures into wire errors.

It is one interceptor and not six: the wrapped handler of each RPC is made once, and a call pays for one extra
coroutine instead of one per concern. The wrapped handler takes bytes and gives bytes, so that a body which cannot be
read is a failure like any other; gRPC itself would tell the client the text of the exception.
"""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError, Message

from chassis import telemetry, wire
from chassis.call import Call, enter
from chassis.contract import Method, method
from chassis.errors import DeadlinePassed, Failure, InvalidRequest, Overloaded
from chassis.guards import Guard

REQUEST_ID = "x-request-id"
GOOD_REQUEST_ID = re.compile(r"[\w.:/+=@-]{1,100}", re.ASCII)
NO_DEADLINE_SECONDS = 10 * 365 * 86400.0
log = logging.getLogger(__name__)
Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Pipeline(grpc.aio.ServerInterceptor):
    """Wraps every handler of ours; health checks and reflection pass untouched."""

    def __init__(self, guards: Sequence[Guard], max_concurrent_calls: int) -> None:
        self._guards = guards
        self._limit = max_concurrent_calls
        self._running = 0
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Give the wrapped handler of an RPC."""
        path = str(handler_call_details.method)
        if path not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None or not path.startswith("/plimsoll."):
                return handler
            self._wrapped[path] = self._wrap(handler, method(path))
        return self._wrapped[path]

    def _wrap(self, handler: Any, policy: Method | None) -> Handler:
        async def unary(body: bytes, context: Context) -> bytes:
            return await self._serve(policy, handler, body, context)

        return grpc.unary_unary_rpc_method_handler(unary)

    async def _serve(self, policy: Method | None, handler: Any, body: bytes, context: Context) -> bytes:
        call = begin(policy, context)
        with telemetry.observe(call) as observed:
            try:
                async with _in_time(call):
                    with self._place():
                        request = await self._admit(call, handler, body)
                        answer: bytes = handler.response_serializer(
                            await handler.unary_unary(request, Answering(call, context))
                        )
                    await _send_headers(call, context)
                    return answer
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - everything becomes a status here
                failed = _failed(error, call)
                observed.fail(failed.code, failed.reason)
        if failed.retry_after_seconds:
            call.headers["retry-after"] = failed.retry_after_seconds
        await _send_headers(call, context)
        return await context.abort(failed.code, failed.message, failed.trailing_metadata)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Count a call among those being served, from before it is admitted: waiting to be costs memory too."""
        if self._running >= self._limit:
            raise Overloaded(f"{self._running} calls are being served, which is the limit")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def _admit(self, call: Call, handler: Any, body: bytes) -> Message:
        """Read the request and let the guards look at it."""
        try:
            request: Message = handler.request_deserializer(body)
        except DecodeError:
            raise InvalidRequest("INVALID_FIELD", "the body is not the message that this call takes") from None
        for guard in self._guards:
            await guard(call, request)
        return request


@asynccontextmanager
async def _in_time(call: Call) -> AsyncIterator[None]:
    """Cancel what is inside when the call's time is over."""
    limit = asyncio.timeout(call.remaining_seconds)
    try:
        async with limit:
            yield
    except TimeoutError:
        if limit.expired():  # and not a time-out of something that the handler waited for
            raise DeadlinePassed from None
        raise


class Answering:
    """The context as a handler sees it: what it sends before its answer waits, to go together with our own."""

    def __init__(self, call: Call, context: Context) -> None:
        self._call = call
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def send_initial_metadata(self, metadata: Iterable[tuple[str, str]]) -> None:
        """Keep metadata for the moment of the answer: gRPC sends it once."""
        self._call.headers |= dict(metadata)


async def _send_headers(call: Call, context: Context) -> None:
    headers, call.headers = call.headers, {}
    if headers:
        await context.send_initial_metadata(tuple(headers.items()))


def begin(policy: Method | None, context: Context) -> Call:
    """Make the call that is starting the current one."""
    metadata = {key: _legal(value) for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    asked = metadata.get(REQUEST_ID, "")
    request_id = asked if GOOD_REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
    deadline = _deadline(policy, context.time_remaining())
    call = Call(policy, request_id, metadata, deadline, peer=context.peer())
    enter(call)
    return call


def _legal(value: str) -> str:
    """Escape what gRPC takes in metadata from others and refuses to send: we pass headers on, and log some."""
    return value if value.isascii() and value.isprintable() else value.encode("unicode_escape").decode()


def _deadline(policy: Method | None, remaining: float | None) -> float | None:
    """Give the earlier of the caller's deadline and the policy's."""
    own = policy.seconds if policy else None
    limits = [limit for limit in (own, remaining) if limit is not None and limit < NO_DEADLINE_SECONDS]
    return time.monotonic() + min(limits) if limits else None


def _failed(error: BaseException, call: Call) -> wire.WireError:
    match error:
        case asyncio.CancelledError() if _being_cancelled():
            raise error
        case grpc.aio.AbortError():
            log.error("a handler aborted its call itself; it should raise a Failure")
            raise error
        case Failure():
            return wire.of_failure(error)
        case grpc.aio.AioRpcError():
            failed = wire.of_callee(error, call.request_id)
            if failed.reason in ("UNEXPECTED", "DEPENDENCY_UNAVAILABLE"):
                log.error("a callee failed: %s %s", error.code().name, error.details())
            return failed
        case _:
            log.error("unexpected failure", exc_info=error)
            return wire.of_unexpected(call.request_id)


def _being_cancelled() -> bool:
    """Whether gRPC cancels the call: its client is gone or its drain is over, and nobody waits for a status."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
