"""The one place where failures become what a client sees on the wire, and back.

A failure is a `google.rpc.Status` with an `ErrorInfo`, and for broken fields a `BadRequest`. What we did not foresee
is INTERNAL with the request's id and nothing else: exception texts can hold connection strings.
"""

from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from chassis.errors import DeadlinePassed, Failure, Unavailable, Violation

DOMAIN = "plimsoll"
DETAILS = "grpc-status-details-bin"
RETRY_AFTER = "retry_after_seconds"
# A client refuses trailers of more than 8 KiB and then sees that instead of the error. In them the message stands
# twice, each byte outside ASCII as three characters, and the details as base64.
LONGEST_MESSAGE, LONGEST_VALUE, MOST_VIOLATION_BYTES = 700, 200, 2000
CODES = {code.value[0]: code for code in grpc.StatusCode}
# What a callee says of the caller's request holds for our own caller as well; all else is between us and the callee.
PASSED_ON = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
}


@dataclass(frozen=True, slots=True)
class WireError:
    """An error as gRPC sends it."""

    code: grpc.StatusCode
    message: str
    reason: str
    details: bytes
    retry_after_seconds: str = ""
    """When to try again. Empty: there is nothing to wait for, or nobody knows."""

    @property
    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """The metadata that carries the details."""
        return ((DETAILS, self.details),)


def of_failure(failure: Failure) -> WireError:
    """Render a failure."""
    message = _cut(failure.message, LONGEST_MESSAGE)
    status = status_pb2.Status(code=failure.code.value[0], message=message)
    metadata = {key: _cut(value, LONGEST_VALUE) for key, value in failure.metadata.items()}
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=failure.reason, domain=DOMAIN, metadata=metadata))
    if failure.violations:
        status.details.add().Pack(_bad_request(failure.violations))
    return WireError(failure.code, message, failure.reason, status.SerializeToString(), metadata.get(RETRY_AFTER, ""))


def _bad_request(violations: list[Violation]) -> error_details_pb2.BadRequest:
    """Name the broken fields, or the first of them if there is no room for all."""
    broken = error_details_pb2.BadRequest()
    for violation in violations:
        field, description = _cut(violation.field, LONGEST_VALUE), _cut(str(violation), LONGEST_MESSAGE)
        broken.field_violations.add(field=field, description=description)
        if broken.ByteSize() > MOST_VIOLATION_BYTES:
            del broken.field_violations[-1]
            break
    return broken


def _cut(text: str, most_bytes: int) -> str:
    kept = text.encode(errors="replace")[:most_bytes].decode(errors="ignore")
    return text if kept == text else f"{kept}…"


def of_unexpected(request_id: str) -> WireError:
    """Render a defect of ours: an id to quote, and nothing of what happened."""
    message = f"something went wrong on our side; quote request {request_id}"
    return of_failure(Failure("UNEXPECTED", message, request_id=request_id))


def of_callee(error: grpc.aio.AioRpcError, request_id: str) -> WireError:
    """Render the error of a call that was made on a caller's behalf."""
    code, details = error.code(), _details(error)
    info = _info(details)
    if info and (code in PASSED_ON or info.reason == "DEPENDENCY_UNAVAILABLE"):
        return WireError(code, error.details() or "", info.reason, details, info.metadata.get(RETRY_AFTER, ""))
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return of_failure(DeadlinePassed())
    if code == grpc.StatusCode.UNAVAILABLE:
        return of_failure(Unavailable("a service"))
    return of_unexpected(request_id)


def reason_of(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """Give why a callee refused, with what belongs to the reason; an empty reason where it does not say."""
    return _info(_details(error)) or error_details_pb2.ErrorInfo()


def _details(error: grpc.aio.AioRpcError) -> bytes:
    details = dict(error.trailing_metadata() or ()).get(DETAILS)
    return details if isinstance(details, bytes) else b""


def _info(details: bytes) -> error_details_pb2.ErrorInfo | None:
    """Give the reason inside the details with what belongs to it, if they are ours."""
    try:
        status = status_pb2.Status.FromString(details)
    except DecodeError:
        return None
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return info
    return None
