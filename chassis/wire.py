"""The one place where failures become what a client sees on the wire, and back.

A failure is a `google.rpc.Status` with an `ErrorInfo`, and for broken fields a `BadRequest`. What we did not foresee
is INTERNAL with the request's id and nothing else: exception texts can hold connection strings.
"""

from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from chassis.errors import DeadlinePassed, Failure, Unavailable

DOMAIN = "plimsoll"
DETAILS = "grpc-status-details-bin"
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

    @property
    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """The metadata that carries the details."""
        return ((DETAILS, self.details),)


def of_failure(failure: Failure) -> WireError:
    """Render a failure."""
    status = status_pb2.Status(code=failure.code.value[0], message=failure.message)
    info = error_details_pb2.ErrorInfo(reason=failure.reason, domain=DOMAIN, metadata=failure.metadata)
    status.details.add().Pack(info)
    if failure.violations:
        broken = error_details_pb2.BadRequest()
        for violation in failure.violations:
            broken.field_violations.add(field=violation.field, description=str(violation))
        status.details.add().Pack(broken)
    return WireError(failure.code, failure.message, failure.reason, status.SerializeToString())


def of_unexpected(request_id: str) -> WireError:
    """Render a defect of ours: an id to quote, and nothing of what happened."""
    message = f"something went wrong on our side; quote request {request_id}"
    return of_failure(Failure("UNEXPECTED", message, request_id=request_id))


def of_callee(error: grpc.aio.AioRpcError, request_id: str) -> WireError:
    """Render the error of a call that was made on a caller's behalf."""
    code = error.code()
    details = dict(error.trailing_metadata() or ()).get(DETAILS)
    reason = _reason(details) if isinstance(details, bytes) else None
    if reason and isinstance(details, bytes) and (code in PASSED_ON or reason == "DEPENDENCY_UNAVAILABLE"):
        return WireError(code, error.details() or "", reason, details)
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return of_failure(DeadlinePassed())
    if code == grpc.StatusCode.UNAVAILABLE:
        return of_failure(Unavailable("a service"))
    return of_unexpected(request_id)


def _reason(details: bytes) -> str | None:
    """Give the reason inside the details, if they are ours."""
    try:
        status = status_pb2.Status.FromString(details)
    except DecodeError:
        return None
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return str(info.reason)
    return None
