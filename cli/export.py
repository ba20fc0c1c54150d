"""`plimsoll export`: a portfolio of whoever signs in, as a file."""

import asyncio
import os
import sys
import uuid
from pathlib import Path

import grpc

from cli.access import UserAccess, user_access
from cli.caller import Caller, signed_in
from cli.stack.errors import StackError
from cli.stack.home import Home
from plimsoll.portfolio.v1.export_service_pb2 import ExportPortfolioRequest
from plimsoll.portfolio.v1.export_service_pb2_grpc import ExportServiceStub
from plimsoll.portfolio.v1.portfolio_service_pb2 import ListPortfoliosRequest
from plimsoll.portfolio.v1.portfolio_service_pb2_grpc import PortfolioServiceStub

PAGE = 500


def export(home: Home, portfolio: str, kind: str, output: Path | None, sections: str, email: str) -> None:
    """Write a portfolio to a file, or to standard output.

    Args:
        home: where a stack may run.
        portfolio: name or id.
        kind: csv, xlsx, json or yaml.
        output: the file. None: standard output.
        sections: parts of it, with commas between them. Empty: all.
        email: who signs in. Empty: who the environment names, or who is asked for.

    Raises:
        StackError: there is no such portfolio, the file cannot be written, or a service does not answer or refuses.
    """
    if output is None and kind == "xlsx" and sys.stdout.isatty():
        raise StackError("a workbook is nothing for a terminal: name a file with -o")
    content = asyncio.run(fetch(user_access(home, os.environ), portfolio, kind, sections, email))
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise StackError(f"{output} cannot be written: {error.strerror}") from error
    print(f"{output}: {len(content):,} bytes")


async def fetch(access: UserAccess, portfolio: str, kind: str, sections: str, email: str) -> bytes:
    """Ask for the file, in the name of whoever signs in."""
    async with signed_in(access, email, "portfolio") as (channel, caller):
        request = ExportPortfolioRequest(
            portfolio_id=await _id_of(channel, caller, portfolio),
            format=kind,
            sections=[sections] if sections else [],
        )
        answer = await ExportServiceStub(channel).ExportPortfolio(request, metadata=await caller.metadata())
    content: bytes = answer.data
    return content


async def _id_of(channel: grpc.aio.Channel, caller: Caller, portfolio: str) -> str:
    """Give the id of the portfolio of a name; what looks like an id is taken for one, if no portfolio is called so."""
    stub, token = PortfolioServiceStub(channel), ""
    while True:
        request = ListPortfoliosRequest(page_size=PAGE, page_token=token)
        page = await stub.ListPortfolios(request, metadata=await caller.metadata())
        for found in page.portfolios:
            if found.name == portfolio:
                return str(found.portfolio_id)
        if not (token := page.next_page_token):
            break
    try:
        return str(uuid.UUID(portfolio))
    except ValueError:
        raise StackError(f"there is no portfolio {portfolio!r}") from None
