"""What can go wrong with a call, independent of the wire.

    Failure
    ├── InvalidFields       a field breaks a rule, by name and value
    ├── InvalidRequest      the request as a whole cannot be taken
    ├── Unauthenticated     nobody we know
    ├── PermissionDenied    known, and not allowed
    ├── NotFound            not there, or not the caller's
    ├── AlreadyExists       the name is taken
    ├── Aborted             somebody else was faster
    │   └── StaleRevision
    ├── FailedPrecondition  the system is not in the state the call needs
    ├── OutOfRange          past the end of what there is
    ├── RateLimited         the caller has had enough for now
    ├── Overloaded          more than can be taken now
    ├── Unavailable         something the call needs does not answer
    └── DeadlinePassed      time ran out

`CannotStart` stands apart: it is for the operator, not for a caller.

`reason` is the name of a value of `plimsoll.errors.v1.ErrorReason.Reason`. Missing data is not a failure: it is an
answer with `available=false`.
"""

from dataclasses import dataclass

import grpc

from plimsoll.errors.v1.error_reason_pb2 import ErrorReason

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Violation:
    """A field, the value found there, and the rule it breaks."""

    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= SHOWN else self.value[:SHOWN] + "…"
        return f"{self.field}: {shown!r} {self.rule}" if shown else f"{self.field} {self.rule}"


class CannotStart(Exception):
    """What a service needs is not there; the message says what to do."""


class Failure(Exception):
    """A call that cannot be answered, and why."""

    code: grpc.StatusCode = grpc.StatusCode.INTERNAL

    def __init__(self, reason: str, message: str, **metadata: object) -> None:
        ErrorReason.Reason.Value(reason)  # a reason that is not in the contract is a defect, found in any test
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = {key: str(value) for key, value in metadata.items()}
        self.violations: list[Violation] = []


class InvalidRequest(Failure):
    """The request as a whole cannot be taken."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class InvalidFields(InvalidRequest):
    """One or more fields break a rule."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("INVALID_FIELD", "; ".join(map(str, violations)))
        self.violations = violations


class Unauthenticated(Failure):
    """The caller is nobody we know."""

    code = grpc.StatusCode.UNAUTHENTICATED


class PermissionDenied(Failure):
    """The caller is known and may not do this."""

    code = grpc.StatusCode.PERMISSION_DENIED


class NotFound(Failure):
    """There is no such thing, or it is not the caller's: the two look the same."""

    code = grpc.StatusCode.NOT_FOUND

    def __init__(self, resource: str, identifier: object) -> None:
        super().__init__("RESOURCE_NOT_FOUND", f"there is no {resource} {identifier}", resource=resource, id=identifier)


class AlreadyExists(Failure):
    """The name is taken."""

    code = grpc.StatusCode.ALREADY_EXISTS

    def __init__(self, resource: str, name: object) -> None:
        super().__init__("RESOURCE_EXISTS", f"there is a {resource} {name} already", resource=resource, name=name)


class Aborted(Failure):
    """Somebody else was faster; reading again and trying again may help."""

    code = grpc.StatusCode.ABORTED


class StaleRevision(Aborted):
    """The resource changed since the caller read it."""

    def __init__(self, given: int, current: int) -> None:
        message = f"revision {given} was given, the newest is {current}: read it again"
        super().__init__("STALE_REVISION", message, given=given, current=current)


class FailedPrecondition(Failure):
    """The system is not in the state that the call needs."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class OutOfRange(Failure):
    """A field asks for what is past the end of what there is."""

    code = grpc.StatusCode.OUT_OF_RANGE

    def __init__(self, reason: str, violation: Violation, **metadata: object) -> None:
        super().__init__(reason, str(violation), **metadata)
        self.violations = [violation]


class RateLimited(Failure):
    """The caller has used up the calls of a period."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED

    def __init__(self, message: str, *, limit: int, period: str, retry_after_seconds: int) -> None:
        super().__init__("RATE_LIMITED", message, limit=limit, period=period, retry_after_seconds=retry_after_seconds)


class Overloaded(Failure):
    """More work than can be taken now."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED

    def __init__(self, message: str, retry_after_seconds: int = 1) -> None:
        super().__init__("OVERLOADED", message, retry_after_seconds=retry_after_seconds)


class Unavailable(Failure):
    """Something that the call needs does not answer."""

    code = grpc.StatusCode.UNAVAILABLE

    def __init__(self, dependency: str) -> None:
        super().__init__("DEPENDENCY_UNAVAILABLE", f"{dependency} does not answer", dependency=dependency)


class DeadlinePassed(Failure):
    """Time ran out."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED

    def __init__(self) -> None:
        super().__init__("DEADLINE_PASSED", "the call took longer than it may")
