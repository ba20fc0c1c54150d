"""What happens around every handler: observe, limit, guard, answer in time, and turn failures into wire errors.

It is one interceptor and not six: the wrapped handler of each RPC is made once, and a call pays for one extra
coroutine instead of one per concern.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message

from chassis import telemetry, wire
from chassis.call import Call, enter
from chassis.contract import Method, method
from chassis.errors import DeadlinePassed, Failure, Overloaded
from chassis.guards import Guard

REQUEST_ID = "x-request-id"
LONGEST_REQUEST_ID = 100
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

    def _wrap(self, handler: Any, policy: Method | None) -> Any:
        codec = (handler.request_deserializer, handler.response_serializer)
        if handler.response_streaming:

            async def stream(request: Message, context: Context) -> AsyncIterator[Message]:
                async for message in self._serve_stream(policy, handler.unary_stream, request, context):
                    yield message

            return grpc.unary_stream_rpc_method_handler(stream, *codec)

        async def unary(request: Message, context: Context) -> Message:
            return await self._serve_unary(policy, handler.unary_unary, request, context)

        return grpc.unary_unary_rpc_method_handler(unary, *codec)

    async def _serve_unary(self, policy: Method | None, behaviour: Any, request: Message, context: Context) -> Message:
        call = begin(policy, context)
        with telemetry.observe(call) as observed:
            try:
                async with asyncio.timeout(call.remaining_seconds):
                    await self._admit(call, request)
                    self._running += 1
                    try:
                        return await behaviour(request, context)  # type: ignore[no-any-return] # untyped handler
                    finally:
                        self._running -= 1
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - everything becomes a status here
                failed = _failed(error, call, context)
                observed.fail(failed.code, failed.reason)
        return await context.abort(failed.code, failed.message, failed.trailing_metadata)

    async def _serve_stream(
        self, policy: Method | None, behaviour: Any, request: Message, context: Context
    ) -> AsyncIterator[Message]:
        call = begin(policy, context)
        with telemetry.observe(call) as observed:
            try:
                await self._admit(call, request)
                async for message in behaviour(request, context):
                    yield message
                return
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - everything becomes a status here
                failed = _failed(error, call, context)
                observed.fail(failed.code, failed.reason)
        await context.abort(failed.code, failed.message, failed.trailing_metadata)

    async def _admit(self, call: Call, request: Message) -> None:
        if self._running >= self._limit:
            raise Overloaded(f"{self._running} calls are being served, which is the limit")
        for guard in self._guards:
            await guard(call, request)


def begin(policy: Method | None, context: Context) -> Call:
    """Make the call that is starting the current one."""
    metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    request_id = metadata.get(REQUEST_ID, "")[:LONGEST_REQUEST_ID] or uuid.uuid4().hex
    call = Call(policy, request_id, metadata, _deadline(policy, context.time_remaining()))
    enter(call)
    return call


def _deadline(policy: Method | None, remaining: float | None) -> float | None:
    """Give the earlier of the caller's deadline and the policy's."""
    own = policy.seconds if policy else None
    limits = [limit for limit in (own, remaining) if limit is not None and limit < NO_DEADLINE_SECONDS]
    return time.monotonic() + min(limits) if limits else None


def _failed(error: BaseException, call: Call, context: Context) -> wire.WireError:
    match error:
        case asyncio.CancelledError():
            if not context.cancelled() and not context.done():
                log.warning("a call was cancelled by us, not by its client")
            raise error
        case Failure():
            return wire.of_failure(error)
        case grpc.aio.AioRpcError():
            if error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.PERMISSION_DENIED):
                log.error("a callee refused: %s %s", error.code(), error.details())
            return wire.of_callee(error, call.request_id)
        case TimeoutError() if call.remaining_seconds == 0:
            return wire.of_failure(DeadlinePassed())
        case _:
            log.error("unexpected failure", exc_info=error)
            return wire.of_unexpected(call.request_id)
