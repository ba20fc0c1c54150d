"""Files go to marketdata in parts, in the name of whoever signed in; coverage is asked for in the same way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from chassis.errors import InvalidRequest
from chassis.settings import Secret
from chassis.wire import of_failure
from cli.access import UserAccess, user_access
from cli.coverage import fetch
from cli.file_parts import LARGEST
from cli.ingest import ingest_file
from cli.ingestion import FileKind, Ingested, Issue, ingest
from cli.stack.errors import NotRunning, StackError
from cli.stack.home import Home
from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1 import ingestion_service_pb2_grpc, marketdata_service_pb2, marketdata_service_pb2_grpc
from tests.cli.stack.test_ports import free_port

CONTENT = b"symbol,date,close\n" + b"".join(b"A,2022-12-%02d,x\n" % day for day in range(1, 7))
EMAIL, PASSWORD = "ada@example.com", "a long enough password"


class FakeServices(
    identity_service_pb2_grpc.IdentityServiceServicer,
    ingestion_service_pb2_grpc.IngestionServiceServicer,
    marketdata_service_pb2_grpc.MarketDataServiceServicer,
):
    """Knows one account. Of every file it finds the second row wrong; a file with NUL it refuses."""

    def __init__(self) -> None:
        self.logins = 0
        self.expires_in = 900
        self.uploads: list[tuple[str, bytes]] = []
        self.bases: list[int] = []

    async def Login(self, request: Any, context: Any) -> identity_service_pb2.Session:
        if (request.email, request.password) != (EMAIL, PASSWORD):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "e-mail address and password do not belong together")
        self.logins += 1
        return identity_service_pb2.Session(access_token=f"token {self.logins}", expires_in=self.expires_in)

    async def UploadBars(self, request: Any, context: Any) -> pb.UploadReport:
        self.bases.append(request.price_basis)
        return await self._upload("bars", request, context)

    async def UploadYields(self, request: Any, context: Any) -> pb.UploadReport:
        return await self._upload("yields", request, context)

    async def UploadFxRates(self, request: Any, context: Any) -> pb.UploadReport:
        return await self._upload("fx", request, context)

    async def UploadCorporateActions(self, request: Any, context: Any) -> pb.UploadReport:
        return await self._upload("actions", request, context)

    async def AnalyzeCoverage(self, request: Any, context: Any) -> marketdata_service_pb2.CoverageReport:
        await self._check(context)
        if "SLOW" in request.symbols:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
        symbols = [marketdata_service_pb2.SymbolCoverage(symbol=symbol) for symbol in request.symbols]
        return marketdata_service_pb2.CoverageReport(as_of_date="2022-12-28", symbols=symbols)

    async def _upload(self, kind: str, request: Any, context: Any) -> pb.UploadReport:
        await self._check(context)
        assert request.file.content_type == "text/csv"
        if b"\0" in request.file.data:
            line = request.file.data[: request.file.data.index(b"\0")].count(b"\n") + 1
            refusal = of_failure(InvalidRequest("MALFORMED_FILE", f"line {line} contains NUL", line=line))
            await context.abort(refusal.code, refusal.message, refusal.trailing_metadata)
        self.uploads.append((kind, request.file.data))
        rows = request.file.data.count(b"\n") - 1
        issue = pb.UploadReport.RowIssue(line=3, field="close", value="x", reason="not_a_number")
        return pb.UploadReport(row_count=rows, stored_count=rows - 1, quarantined_count=1, issues=[issue])

    async def _check(self, context: Any) -> None:
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer token {self.logins}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "this call needs an access token")


@pytest.fixture
async def services() -> AsyncIterator[tuple[FakeServices, UserAccess]]:
    server, fake = grpc.aio.server(options=[("grpc.max_receive_message_length", 2 * LARGEST)]), FakeServices()
    identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(fake, server)
    ingestion_service_pb2_grpc.add_IngestionServiceServicer_to_server(fake, server)
    marketdata_service_pb2_grpc.add_MarketDataServiceServicer_to_server(fake, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield fake, access_to(address)
    await server.stop(None)


def access_to(address: str, password: str = PASSWORD) -> UserAccess:
    return UserAccess(
        service_key=Secret("k" * 40),
        marketdata_address=address,
        portfolio_address=address,
        email=EMAIL,
        password=Secret(password),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, CONTENT)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(content)
    return path


async def run(access: UserAccess, kind: FileKind, file: Path, **options: Any) -> tuple[Ingested, list[int]]:
    ingested, advanced = Ingested(), list[int]()
    options = {"adjusted": False, **options}
    await ingest(access, "", kind, file, ingested, advance=advanced.append, **options)
    return ingested, advanced


@pytest.mark.parametrize("kind", FileKind)
async def test_a_file_is_brought_by_whoever_signs_in(
    services: tuple[FakeServices, UserAccess], file: Path, kind: FileKind
) -> None:
    fake, access = services
    ingested, advanced = await run(access, kind, file)
    assert fake.uploads == [(kind, CONTENT)]
    assert advanced == [len(CONTENT)]
    assert ingested == Ingested(6, 5, 1, [Issue(3, "close", "x", "not_a_number")])
    assert fake.logins == 1


async def test_a_large_file_goes_in_parts_and_lines_are_those_of_the_file(
    services: tuple[FakeServices, UserAccess], file: Path
) -> None:
    fake, access = services
    ingested, advanced = await run(access, FileKind.BARS, file, largest=50)
    assert len(fake.uploads) == len(advanced) == 3
    assert sum(advanced) == len(CONTENT)
    assert (ingested.row_count, [issue.line for issue in ingested.issues]) == (6, [3, 5, 7])


async def test_a_part_that_is_refused_is_told_by_the_line_of_the_file(
    services: tuple[FakeServices, UserAccess], tmp_path: Path
) -> None:
    file = written(tmp_path, CONTENT + b"A,2022-12-07,\0\n")
    ingested = Ingested()
    with pytest.raises(StackError, match=r"^line 8 contains NUL$"):
        await ingest(services[1], "", FileKind.BARS, file, ingested, adjusted=False, advance=lambda _: None, largest=50)
    assert ingested.row_count == 6


async def test_what_came_before_a_refusal_is_told(
    services: tuple[FakeServices, UserAccess],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("marketdata", "portfolio"):
        monkeypatch.setenv(f"PLIMSOLL_{name.upper()}_ADDRESS", services[1].marketdata_address)
    for name, value in {"SERVICE_KEY": "k" * 40, "EMAIL": EMAIL, "PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(f"PLIMSOLL_{name}", value)
    row = b"A,2022-12-01,1\n"
    content = b"symbol,date,close\n" + row * (LARGEST // len(row)) + b"A,2022-12-07,\0\n"
    file = written(tmp_path, content)
    with pytest.raises(StackError, match="contains NUL"):
        await asyncio.to_thread(ingest_file, Home(tmp_path), FileKind.BARS, file, "")
    told = capsys.readouterr().out
    assert "rows; " in told
    assert told.endswith("That is not all of the file: bring it in again for the rest.\n")


async def test_prices_are_said_to_be_adjusted(services: tuple[FakeServices, UserAccess], file: Path) -> None:
    fake, access = services
    for adjusted in (False, True):
        await run(access, FileKind.BARS, file, adjusted=adjusted)
    assert fake.bases == [PriceBasis.RAW, PriceBasis.TOTAL_RETURN_ADJUSTED]


async def test_actions_are_not_cut(services: tuple[FakeServices, UserAccess], file: Path) -> None:
    fake, access = services
    with pytest.raises(StackError, match="has more than 50 bytes: divide it by symbols"):
        await run(access, FileKind.ACTIONS, file, largest=50)
    assert fake.uploads == []


async def test_who_works_for_long_signs_in_again(services: tuple[FakeServices, UserAccess], file: Path) -> None:
    fake, access = services
    fake.expires_in = 0
    await run(access, FileKind.BARS, file, largest=50)
    assert fake.logins == 3


async def test_a_wrong_password_is_told_in_the_words_of_the_service(
    services: tuple[FakeServices, UserAccess], file: Path
) -> None:
    _, access = services
    with pytest.raises(StackError, match="do not belong together"):
        await run(access_to(access.portfolio_address, "wrong"), FileKind.BARS, file)


async def test_nobody_there(file: Path) -> None:
    with pytest.raises(StackError):
        await run(access_to(f"127.0.0.1:{free_port()}"), FileKind.BARS, file)


async def test_coverage_is_asked_for(services: tuple[FakeServices, UserAccess]) -> None:
    report = await fetch(services[1], ["AAPL", "KO"], "")
    assert [one.symbol for one in report.symbols] == ["AAPL", "KO"]


async def test_what_takes_too_long_is_told_in_words(services: tuple[FakeServices, UserAccess]) -> None:
    with pytest.raises(StackError, match="took longer than such a call may take"):
        await fetch(services[1], ["SLOW"], "")


def test_a_users_access_comes_from_the_environment(tmp_path: Path) -> None:
    environ = {
        "PLIMSOLL_SERVICE_KEY": "k" * 40,
        "PLIMSOLL_MARKETDATA_ADDRESS": "marketdata:50052",
        "PLIMSOLL_PORTFOLIO_ADDRESS": "portfolio:50051",
        "PLIMSOLL_EMAIL": EMAIL,
        "PLIMSOLL_PASSWORD": PASSWORD,
    }
    access = user_access(Home(tmp_path), environ)
    assert (access.email, access.password, access.portfolio_address) == (EMAIL, PASSWORD, "portfolio:50051")
    assert PASSWORD not in repr(access)
    del environ["PLIMSOLL_PORTFOLIO_ADDRESS"]
    with pytest.raises(NotRunning, match=r"no stack runs in .*, and PLIMSOLL_PORTFOLIO_ADDRESS is required"):
        user_access(Home(tmp_path), environ)
