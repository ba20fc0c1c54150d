"""A file of positions goes to the portfolio service in the name of whoever signs in; every row is told of."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from chassis.settings import Secret
from cli.access import UserAccess
from cli.import_file import told, upload
from cli.stack.errors import StackError
from plimsoll.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from plimsoll.portfolio.v1 import import_pb2, portfolio_pb2, portfolio_service_pb2_grpc
from plimsoll.portfolio.v1 import portfolio_service_pb2 as pb

CONTENT = b"ticker,quantity,entry_price,entry_date,tags\n"
PAGES = {"": ("A", "B", "second"), "second": ("C", "D", "")}


class FakeServices(
    identity_service_pb2_grpc.IdentityServiceServicer, portfolio_service_pb2_grpc.PortfolioServiceServicer
):
    """Knows the portfolios A to D, on two pages; saves one position of every file, and refuses its third line."""

    def __init__(self) -> None:
        self.uploads: list[pb.UploadPortfolioRequest] = []

    async def Login(self, request: Any, context: Any) -> identity_service_pb2.Session:
        return identity_service_pb2.Session(access_token="token", expires_in=900)

    async def ListPortfolios(self, request: Any, context: Any) -> pb.ListPortfoliosResponse:
        first, second, token = PAGES[request.page_token]
        found = [portfolio_pb2.Portfolio(name=name, portfolio_id=f"id of {name}") for name in (first, second)]
        return pb.ListPortfoliosResponse(portfolios=found, next_page_token=token)

    async def UploadPortfolio(self, request: Any, context: Any) -> pb.UploadPortfolioResponse:
        self.uploads.append(request)
        if not request.file.data:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the file is empty")
        found = import_pb2.Import(import_id="7", format="five_columns", positions_saved_count=1)
        report = import_pb2.ImportReport(row_count=2)
        report.errors.add(line=3, field="ticker", value="NOSUCH", reason="unknown", message="no such instrument")
        report.warnings.add(line=0, reason="entry_date_assumed", message="they count from 2022-12-28 on")
        portfolio = portfolio_pb2.Portfolio(name=request.portfolio_name or "C")
        return pb.UploadPortfolioResponse(import_status=found, report=report, portfolio=portfolio)


@pytest.fixture
async def services() -> AsyncIterator[tuple[FakeServices, UserAccess]]:
    fake, server = FakeServices(), grpc.aio.server()
    identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(fake, server)
    portfolio_service_pb2_grpc.add_PortfolioServiceServicer_to_server(fake, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield (
        fake,
        UserAccess(
            service_key=Secret("a service key for tests, long enough"),
            marketdata_address=address,
            portfolio_address=address,
            email="ada@example.com",
            password=Secret("a long enough password"),
        ),
    )
    await server.stop(0)


async def test_a_portfolio_that_is_there_gets_the_rows(services):
    fake, access = services
    await upload(access, "", "book.csv", CONTENT, "C", "")
    (request,) = fake.uploads
    assert (request.portfolio_id, request.portfolio_name, request.commit) == ("id of C", "", True)
    assert (request.file.data, request.file_name, request.entry_date) == (CONTENT, "book.csv", "")


async def test_a_portfolio_that_is_not_there_is_made(services):
    fake, access = services
    await upload(access, "", "book.csv", CONTENT, "E", "2022-12-28")
    (request,) = fake.uploads
    assert (request.portfolio_id, request.portfolio_name) == ("", "E")
    assert request.entry_date == "2022-12-28"


async def test_every_row_is_told_of(services):
    _, access = services
    lines = told(await upload(access, "", "book.csv", CONTENT, "E", ""), "book.csv")
    assert lines == [
        "error in line 3, ticker: no such instrument (NOSUCH)",
        "warning in line 0: they count from 2022-12-28 on",
        "book.csv (five_columns): 1 positions, 0 of cash saved in 'E'",
        "import 7",
    ]


async def test_a_refusal_is_told_in_the_services_words(services):
    _, access = services
    with pytest.raises(StackError, match="the file is empty"):
        await upload(access, "", "book.csv", b"", "E", "")


def test_a_file_that_is_not_there_says_so(tmp_path: Path):
    from cli.import_file import import_file
    from cli.stack.home import Home

    with pytest.raises(StackError, match=r"none\.csv cannot be read"):
        import_file(Home(tmp_path), tmp_path / "none.csv", "", "", "")
