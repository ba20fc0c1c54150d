"""Failures, what a client sees of them, and what becomes of a callee's."""

import inspect

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from chassis import errors, wire
from chassis.errors import (
    Aborted,
    AlreadyExists,
    DeadlinePassed,
    FailedPrecondition,
    Failure,
    InvalidFields,
    InvalidRequest,
    NotFound,
    OutOfRange,
    Overloaded,
    PermissionDenied,
    RateLimited,
    StaleRevision,
    Unauthenticated,
    Unavailable,
    Violation,
)
from plimsoll.errors.v1.error_reason_pb2 import ErrorReason

Code = grpc.StatusCode
FAILURES = [
    (InvalidFields([Violation("name", "x", "is bad")]), Code.INVALID_ARGUMENT, "INVALID_FIELD", {}),
    (InvalidRequest("MALFORMED_FILE", "no", line=3), Code.INVALID_ARGUMENT, "MALFORMED_FILE", {"line": "3"}),
    (Unauthenticated("TOKEN_MISSING", "no"), Code.UNAUTHENTICATED, "TOKEN_MISSING", {}),
    (
        PermissionDenied("PERMISSION_INSUFFICIENT", "no", needs="admin"),
        Code.PERMISSION_DENIED,
        "PERMISSION_INSUFFICIENT",
        {"needs": "admin"},
    ),
    (NotFound("portfolio", 7), Code.NOT_FOUND, "RESOURCE_NOT_FOUND", {"resource": "portfolio", "id": "7"}),
    (AlreadyExists("user", "a"), Code.ALREADY_EXISTS, "RESOURCE_EXISTS", {"resource": "user", "name": "a"}),
    (Aborted("REQUEST_IN_PROGRESS", "no"), Code.ABORTED, "REQUEST_IN_PROGRESS", {}),
    (StaleRevision(3, 4), Code.ABORTED, "STALE_REVISION", {"given": "3", "current": "4"}),
    (FailedPrecondition("MARKET_DATA_EMPTY", "no"), Code.FAILED_PRECONDITION, "MARKET_DATA_EMPTY", {}),
    (
        OutOfRange("DATE_OUT_OF_RANGE", Violation("as_of_date", "z", "is late"), first="a"),
        Code.OUT_OF_RANGE,
        "DATE_OUT_OF_RANGE",
        {"first": "a"},
    ),
    (
        RateLimited("no", limit=60, period="minute", retry_after_seconds=7),
        Code.RESOURCE_EXHAUSTED,
        "RATE_LIMITED",
        {"limit": "60", "period": "minute", "retry_after_seconds": "7"},
    ),
    (
        RateLimited("no", limit=5, period="day", retry_after_seconds=60),
        Code.RESOURCE_EXHAUSTED,
        "RATE_LIMITED",
        {"limit": "5", "period": "day", "retry_after_seconds": "60"},
    ),
    (Overloaded("no"), Code.RESOURCE_EXHAUSTED, "OVERLOADED", {"retry_after_seconds": "1"}),
    (Unavailable("redis"), Code.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", {"dependency": "redis"}),
    (DeadlinePassed(), Code.DEADLINE_EXCEEDED, "DEADLINE_PASSED", {}),
]


def read(details: bytes) -> tuple[status_pb2.Status, error_details_pb2.ErrorInfo, error_details_pb2.BadRequest]:
    """Take apart what a client finds in the trailers."""
    status = status_pb2.Status.FromString(details)
    info, broken = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        assert detail.Unpack(info) or detail.Unpack(broken)
    return status, info, broken


def callee(code: Code, details: bytes | None = None, message: str | None = "theirs") -> grpc.aio.AioRpcError:
    trailers = grpc.aio.Metadata(*((((wire.DETAILS, details),)) if details is not None else ()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, message)


@pytest.mark.parametrize(("failure", "code", "reason", "metadata"), FAILURES, ids=lambda value: type(value).__name__)
def test_a_failure_has_a_code_a_reason_and_metadata(
    failure: Failure, code: Code, reason: str, metadata: dict[str, str]
) -> None:
    sent = wire.of_failure(failure)
    status, info, _ = read(sent.details)
    assert (sent.code, sent.reason, sent.message) == (code, reason, failure.message)
    assert (status.code, status.message) == (code.value[0], failure.message)
    assert (info.reason, info.domain, dict(info.metadata)) == (reason, "plimsoll", metadata)
    assert sent.trailing_metadata == (("grpc-status-details-bin", sent.details),)


def test_every_kind_of_failure_is_looked_at() -> None:
    kinds = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Failure)}
    assert kinds - {Failure} == {type(failure) for failure, *_ in FAILURES}
    drawn = {word for word in (errors.__doc__ or "").split() if word.isalpha() and word[0].isupper()}
    assert {kind.__name__ for kind in kinds} <= drawn


def test_a_reason_that_the_contract_does_not_know_is_a_defect() -> None:
    with pytest.raises(ValueError, match="NO_SUCH_REASON"):
        FailedPrecondition("NO_SUCH_REASON", "no")


def test_broken_fields_are_named_with_value_and_rule() -> None:
    fields = [Violation("as_of_date", "2020-13-01", "is not a calendar date"), Violation("name", "", "is required")]
    sent = wire.of_failure(InvalidFields(fields))
    _, _, broken = read(sent.details)
    assert [(field.field, field.description) for field in broken.field_violations] == [
        ("as_of_date", "as_of_date: '2020-13-01' is not a calendar date"),
        ("name", "name is required"),
    ]
    assert sent.message == "as_of_date: '2020-13-01' is not a calendar date; name is required"


def test_a_long_value_is_cut_and_what_cannot_be_printed_is_escaped() -> None:
    assert str(Violation("tag", "x" * 101, "is long")) == f"tag: '{'x' * 100}…' is long"
    assert str(Violation("tag", "a\0\n\x1b", "is bad")) == r"tag: 'a\x00\n\x1b' is bad"


@pytest.mark.parametrize("letter", ["x", "é", "€", "😀", "\0", "%", "\ud800"])
@pytest.mark.parametrize("count", [1, 30, 300])
def test_an_error_fits_into_the_trailers_that_clients_take(letter: str, count: int) -> None:
    fields = [Violation(f"{letter * 10_000}[{number}]", letter * 10_000, "is bad") for number in range(count)]
    for failure in (InvalidFields(fields), NotFound(letter * 100_000, letter * 100_000)):
        sent = wire.of_failure(failure)
        percent_encoded = sum(1 if 0x20 <= byte < 0x7F and byte != 0x25 else 3 for byte in sent.message.encode())
        assert percent_encoded + len(sent.details) * 4 // 3 < 8192 - 500
        assert sent.message.endswith("…")
    _, _, broken = read(wire.of_failure(InvalidFields(fields)).details)
    assert 1 <= len(broken.field_violations) <= count


def test_a_defect_of_ours_tells_an_id_and_nothing_else() -> None:
    sent = wire.of_unexpected("an-id")
    _, info, _ = read(sent.details)
    assert (sent.code, sent.reason) == (Code.INTERNAL, "UNEXPECTED")
    assert sent.message == "something went wrong on our side; quote request an-id"
    assert dict(info.metadata) == {"request_id": "an-id"}


PASSED_ON = [failure for failure, code, *_ in FAILURES if code in wire.PASSED_ON or code == Code.UNAVAILABLE]


@pytest.mark.parametrize("failure", PASSED_ON, ids=lambda failure: type(failure).__name__)
def test_what_a_callee_says_of_the_request_is_passed_on(failure: Failure) -> None:
    theirs = wire.of_failure(failure)
    assert wire.of_callee(callee(theirs.code, theirs.details, theirs.message), "an-id") == theirs


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (callee(Code.DEADLINE_EXCEEDED), Code.DEADLINE_EXCEEDED, "DEADLINE_PASSED"),
        (callee(Code.DEADLINE_EXCEEDED, wire.of_failure(DeadlinePassed()).details), Code.DEADLINE_EXCEEDED, None),
        (callee(Code.UNAVAILABLE), Code.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
        (callee(Code.UNAVAILABLE, message=None), Code.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
        # gRPC's own, such as a message over its limit: trying again is no help.
        (callee(Code.RESOURCE_EXHAUSTED), Code.INTERNAL, "UNEXPECTED"),
        (callee(Code.INTERNAL, wire.of_unexpected("theirs").details), Code.INTERNAL, "UNEXPECTED"),
        (callee(Code.PERMISSION_DENIED, wire.of_failure(FAILURES[3][0]).details), Code.INTERNAL, "UNEXPECTED"),
        (callee(Code.UNIMPLEMENTED), Code.INTERNAL, "UNEXPECTED"),
        (callee(Code.UNKNOWN), Code.INTERNAL, "UNEXPECTED"),
        (callee(Code.CANCELLED), Code.INTERNAL, "UNEXPECTED"),
        # A code that would be passed on, with details that are none, or not ours.
        (callee(Code.NOT_FOUND), Code.INTERNAL, "UNEXPECTED"),
        (callee(Code.NOT_FOUND, b"\xff\xff"), Code.INTERNAL, "UNEXPECTED"),
        (callee(Code.NOT_FOUND, b""), Code.INTERNAL, "UNEXPECTED"),
    ],
)
def test_all_else_is_between_us_and_the_callee(error: grpc.aio.AioRpcError, code: Code, reason: str | None) -> None:
    sent = wire.of_callee(error, "an-id")
    assert sent.code == code
    assert sent.reason == (reason or "DEADLINE_PASSED")
    assert "theirs" not in sent.message
    assert b"theirs" not in sent.details
    if code == Code.INTERNAL:
        assert "an-id" in sent.message


def test_the_details_of_a_stranger_are_not_passed_on() -> None:
    status = status_pb2.Status(code=5, message="secret")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="GONE", domain="example.com"))
    sent = wire.of_callee(callee(Code.NOT_FOUND, status.SerializeToString()), "an-id")
    assert sent.reason == "UNEXPECTED"
    assert b"secret" not in sent.details


def test_every_reason_but_those_of_the_services_can_be_made() -> None:
    for name in ErrorReason.Reason.keys():  # noqa: SIM118 - an enum of protobuf is no mapping
        assert Failure(name, "text").reason == name
