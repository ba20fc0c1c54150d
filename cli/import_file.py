"""`plimsoll import`: a file of positions into a portfolio of whoever signs in, at once and without a question."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from google.api.httpbody_pb2 import HttpBody
from rich.console import Console

from cli.access import UserAccess, user_access
from cli.caller import Caller, signed_in
from cli.report.layout import as_written
from cli.stack.errors import StackError
from cli.stack.home import Home
from plimsoll.portfolio.v1.import_pb2 import RowIssue
from plimsoll.portfolio.v1.portfolio_service_pb2 import (
    ListPortfoliosRequest,
    UploadPortfolioRequest,
    UploadPortfolioResponse,
)
from plimsoll.portfolio.v1.portfolio_service_pb2_grpc import PortfolioServiceStub

PAGE = 500


def import_file(home: Home, path: Path, portfolio: str, entry_date: str, email: str) -> bool:
    """Import a file, print what came of it line by line, and say whether anything of it is in the portfolio now.

    Args:
        home: where a stack may run.
        path: the file.
        portfolio: name of the portfolio; one that is not there is made. Empty: the name of the file.
        entry_date: day of entry, YYYY-MM-DD, where the file says none. Empty: such rows are errors.
        email: who signs in. Empty: who the environment names, or who is asked for.

    Raises:
        StackError: the file or the services cannot be read or reached, or the file is refused.
    """
    content = _content(path)
    name = portfolio or path.stem
    answer = asyncio.run(upload(user_access(home, os.environ), email, path.name, content, name, entry_date))
    console = Console(soft_wrap=True)
    for line in told(answer, path.name):
        console.print(as_written(line))
    found = answer.import_status
    return bool(found.positions_saved_count or found.cash_saved_count or found.already_imported_count)


async def upload(
    access: UserAccess, email: str, file_name: str, content: bytes, portfolio: str, entry_date: str
) -> UploadPortfolioResponse:
    """Send a file, to be saved at once, in the name of whoever signs in."""
    async with signed_in(access, email, "portfolio") as (channel, caller):
        stub = PortfolioServiceStub(channel)
        portfolio_id = await _id_of(stub, caller, portfolio)
        request = UploadPortfolioRequest(
            file=HttpBody(content_type="application/octet-stream", data=content),
            portfolio_id=portfolio_id,
            portfolio_name="" if portfolio_id else portfolio,
            file_name=file_name,
            entry_date=entry_date,
            commit=True,
        )
        answer: UploadPortfolioResponse = await stub.UploadPortfolio(request, metadata=await caller.metadata())
    return answer


def told(answer: UploadPortfolioResponse, file_name: str) -> list[str]:
    """Say what became of a file: every row that was refused or deserves a look, and what was saved."""
    found, report = answer.import_status, answer.report
    lines = [*_lines("error", report.errors), *_lines("warning", report.warnings)]
    saved = f"{found.positions_saved_count} positions, {found.cash_saved_count} of cash saved"
    known = f", {found.already_imported_count} were there already" if found.already_imported_count else ""
    where = f" in {answer.portfolio.name!r}" if answer.portfolio.name else ""
    return [*lines, f"{file_name} ({found.format}): {saved}{where}{known}", f"import {found.import_id}"]


def _lines(kind: str, issues: Sequence[RowIssue]) -> list[str]:
    return [
        f"{kind} in line {issue.line}{f', {issue.field}' if issue.field else ''}: {issue.message}"
        + (f" ({issue.value})" if issue.value else "")
        for issue in issues
    ]


async def _id_of(stub: PortfolioServiceStub, caller: Caller, name: str) -> str:
    """Give the id of the caller's portfolio of a name; empty if there is none."""
    token = ""
    while True:
        request = ListPortfoliosRequest(page_size=PAGE, page_token=token)
        page = await stub.ListPortfolios(request, metadata=await caller.metadata())
        for portfolio in page.portfolios:
            if portfolio.name == name:
                return str(portfolio.portfolio_id)
        if not (token := page.next_page_token):
            return ""


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from error
