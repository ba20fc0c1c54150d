"""`plimsoll report`: what the public API says of a portfolio, as a page for the terminal, as JSON or as HTML."""

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chassis.settings import Secret, read
from cli.asking import ALL, fetch_report
from cli.caller import ask_name, ask_password
from cli.demo.account import Account, log_in
from cli.demo.command import terminal
from cli.demo.importing import portfolios_by_name
from cli.demo.rest import Api, ApiError, Json
from cli.report.answers import PortfolioAnswers, read_answers, read_joined
from cli.report.html import html_page
from cli.report.portfolio import full_page
from cli.report.risk import read_risk
from cli.report.sections import risk_sections
from cli.stack import record
from cli.stack.errors import NotRunning, StackError
from cli.stack.home import Home

ReportFormat = Literal["text", "json", "html"]


@dataclass(frozen=True, kw_only=True)
class RestAccess:
    """What it takes to call the public API."""

    url: str = ""
    """Where the gateway is, such as http://127.0.0.1:8080. Empty: that of the stack that runs here."""
    email: str = ""
    """Address to sign in with. Empty: asked for."""
    password: Secret = Secret("")
    """Its password. Empty: asked for, or read from standard input."""


def report(home: Home, portfolio: str, kind: ReportFormat, output: Path | None, email: str) -> None:
    """Write the report of a portfolio to a file, or to standard output.

    Args:
        home: where a stack may run.
        portfolio: name or id, or `all` for every portfolio of the account as one.
        kind: of what form.
        output: the file. None: standard output.
        email: who signs in. Empty: who the environment names, or who is asked for.

    Raises:
        StackError: there is no such portfolio, the file cannot be written, or the API does not answer or refuses.
    """
    access = read(RestAccess, os.environ)
    account = Account(email or access.email or ask_name(), access.password or ask_password())
    try:
        answers = asyncio.run(_fetch(access.url or gateway_url(home), account, portfolio))
    except ApiError as error:
        raise StackError(str(error)) from error
    if kind == "text" and output is None:
        terminal().print(full_page(_book(answers), read_risk(answers)))
        return
    text = written(answers, kind)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StackError(f"{output} cannot be written: {error.strerror}") from error
    print(f"{output}: {len(text.encode()):,} bytes")


def written(answers: Mapping[str, Json], kind: ReportFormat) -> str:
    """Give a report as the content of a file."""
    if kind == "json":
        return json.dumps(answers, indent=2) + "\n"
    book, risk = _book(answers), read_risk(answers)
    if kind == "html":
        return html_page(book, risk_sections(risk))
    page = terminal()
    with page.capture() as printed:
        page.print(full_page(book, risk))
    return printed.get()


def _book(answers: Mapping[str, Json]) -> PortfolioAnswers:
    if "complete" in answers:
        return read_answers(answers["complete"], answers["overview"])
    return read_joined(answers["portfolios"]["portfolios"], answers["overview"])


def gateway_url(home: Home) -> str:
    """Where the gateway of the stack that runs here is.

    Raises:
        NotRunning: none runs.
    """
    running = record.running(home)
    if running is None:
        raise NotRunning(f"no stack runs in {home.folder}: start it with `plimsoll up`, or set PLIMSOLL_URL")
    return f"http://{running.address('gateway')}"


async def _fetch(url: str, account: Account, portfolio: str) -> dict[str, Json]:
    async with Api(url) as api:
        await log_in(api, account)
        portfolios = await portfolios_by_name(api)
        portfolio_id = _id_of(portfolios, portfolio)
        answers = await fetch_report(api, portfolio_id)
    return answers | ({"portfolios": {"portfolios": list(portfolios.values())}} if portfolio_id == ALL else {})


def _id_of(portfolios: Mapping[str, Json], portfolio: str) -> str:
    """Give the id of the portfolio of a name; without one, what looks like an id is taken for it, and `all` for all."""
    if found := portfolios.get(portfolio):
        return str(found["portfolio_id"])
    if portfolio == ALL:
        return ALL
    try:
        return str(uuid.UUID(portfolio))
    except ValueError:
        raise StackError(f"there is no portfolio {portfolio!r}") from None
