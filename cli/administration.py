"""`plimsoll admin`: what only whoever runs the installation may do."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import protovalidate
import typer
from sqlalchemy.exc import DBAPIError

from chassis.errors import Failure
from chassis.settings import Secret, read
from cli.access import portfolio_environment
from cli.stack.errors import StackError
from cli.stack.settings import StackSettings
from plimsoll.identity.v1.identity_service_pb2 import RegisterRequest
from services.portfolio.administration import create_admin, rotate_signing_key
from services.portfolio.settings import Settings as PortfolioSettings

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class AdminSettings:
    """What a new administrator's account needs and no command line may show."""

    admin_password: Secret = Secret("")
    """Password of the account that `plimsoll admin create` makes. Empty: asked for, or read from standard input."""


def create(settings: StackSettings, email: str) -> None:
    """Make an account whose owner may administer the installation.

    Raises:
        StackError: the account exists, or the e-mail address or the password is refused.
    """
    portfolio = _portfolio_settings(settings)
    password = read(AdminSettings, os.environ).admin_password or _ask()
    _check(RegisterRequest(email=email, password=password))
    _run(create_admin(portfolio, email, password))


def rotate_key(settings: StackSettings) -> str:
    """Make the next key that signs access tokens; give its id.

    Raises:
        StackError: the database does not answer.
    """
    return _run(rotate_signing_key(_portfolio_settings(settings)))


def _portfolio_settings(settings: StackSettings) -> PortfolioSettings:
    return read(PortfolioSettings, portfolio_environment(settings, os.environ))


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except Failure as failure:
        raise StackError(failure.message) from failure
    except DBAPIError as error:
        raise StackError(f"the database refuses: {error.orig}") from error


def _check(account: RegisterRequest) -> None:
    """Hold an account to the rules of the contract, which no server checks here.

    Raises:
        StackError: one is broken.
    """
    for broken in protovalidate.collect_violations(account):
        assert broken.proto.field is not None  # every rule of this message stands at a field
        raise StackError(f"{broken.proto.field.elements[0].field_name} {broken.proto.message}")


def _ask() -> Secret:
    """Ask at a terminal, hidden and twice; otherwise read the first line of standard input."""
    if sys.stdin.isatty():
        return Secret(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    password = Secret(sys.stdin.readline().rstrip("\r\n"))
    if not password:
        raise StackError("no password: set PLIMSOLL_ADMIN_PASSWORD, or send it to standard input")
    return password
