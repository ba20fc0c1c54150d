"""`plimsoll ingest`: brings a file into marketdata, a part at a time, in the name of whoever signed in."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

import grpc
from google.api.httpbody_pb2 import HttpBody

from chassis.wire import info_of
from cli.access import UserAccess
from cli.caller import in_words, signed_in
from cli.file_parts import LARGEST, Part, parts
from cli.stack.errors import StackError
from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import IngestionServiceStub

CSV = "text/csv"
SHOWN_ISSUES = 20


class FileKind(StrEnum):
    """What a file holds."""

    BARS = "bars"
    YIELDS = "yields"
    FX = "fx"
    ACTIONS = "actions"


@dataclass(frozen=True, slots=True)
class Issue:
    """Something wrong in one row."""

    line: int
    """Of the file, from 1, header included."""
    field: str
    value: str
    reason: str


@dataclass(slots=True)
class Ingested:
    """What became of a file."""

    row_count: int = 0
    stored_count: int = 0
    quarantined_count: int = 0
    issues: list[Issue] = field(default_factory=list)
    """The first `SHOWN_ISSUES`."""

    def add(self, report: pb.UploadReport, part: Part) -> None:
        """Add what became of a part."""
        self.row_count += report.row_count
        self.stored_count += report.stored_count
        self.quarantined_count += report.quarantined_count
        found = [Issue(one.line + part.lines_before, one.field, one.value, one.reason) for one in report.issues]
        self.issues += found[: SHOWN_ISSUES - len(self.issues)]


Call: TypeAlias = Callable[[HttpBody, list[tuple[str, str]]], Awaitable[pb.UploadReport]]


async def ingest(
    access: UserAccess,
    email: str,
    kind: FileKind,
    path: Path,
    ingested: Ingested,
    *,
    adjusted: bool,
    advance: Callable[[int], None],
    largest: int = LARGEST,
) -> None:
    """Bring a file in. Bringing it in again stores nothing twice, so what was cut off can just be repeated.

    Args:
        access: where the services are.
        email: who signs in. Empty: who the environment names.
        kind: what the file holds.
        path: the file.
        ingested: what became of it is added here, part by part: also where the last part is not reached.
        adjusted: whether its prices are adjusted for splits and dividends. Bars only.
        advance: told after each part how many bytes of the file it was.
        largest: bytes of a part.

    Raises:
        StackError: the file cannot be read, or a service does not answer, or refuses.
    """
    async with signed_in(access, email) as (channel, caller):
        call = _calls(IngestionServiceStub(channel), adjusted=adjusted)[kind]
        for part in parts(path, largest):
            if kind is FileKind.ACTIONS and not part.whole:
                # Dividends of one day are added up, which takes both in one call.
                raise StackError(f"{path} has more than {largest:,} bytes: divide it by symbols")
            metadata = await caller.metadata()
            try:
                report = await call(HttpBody(content_type=CSV, data=part.content), metadata)
            except grpc.aio.AioRpcError as error:
                raise StackError(_refusal(error, part)) from error
            ingested.add(report, part)
            advance(part.size)


def _refusal(error: grpc.aio.AioRpcError, part: Part) -> str:
    """Say why a part is refused: the service counts the lines of the part, and a reader those of the file."""
    message, info = in_words(error), info_of(error)
    if info is None or not info.metadata.get("line", "").isdecimal():
        return message
    line = int(info.metadata["line"])
    return message.replace(f"line {line} ", f"line {line + part.lines_before} ", 1)


def _calls(stub: IngestionServiceStub, *, adjusted: bool) -> Mapping[FileKind, Call]:
    basis = PriceBasis.TOTAL_RETURN_ADJUSTED if adjusted else PriceBasis.RAW

    def bars(file: HttpBody, metadata: Any) -> Awaitable[pb.UploadReport]:
        return stub.UploadBars(pb.UploadBarsRequest(file=file, price_basis=basis), metadata=metadata)

    def yields(file: HttpBody, metadata: Any) -> Awaitable[pb.UploadReport]:
        return stub.UploadYields(pb.UploadYieldsRequest(file=file), metadata=metadata)

    def fx_rates(file: HttpBody, metadata: Any) -> Awaitable[pb.UploadReport]:
        return stub.UploadFxRates(pb.UploadFxRatesRequest(file=file), metadata=metadata)

    def actions(file: HttpBody, metadata: Any) -> Awaitable[pb.UploadReport]:
        return stub.UploadCorporateActions(pb.UploadCorporateActionsRequest(file=file), metadata=metadata)

    return {FileKind.BARS: bars, FileKind.YIELDS: yields, FileKind.FX: fx_rates, FileKind.ACTIONS: actions}
