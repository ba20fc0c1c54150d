"""`plimsoll admin`: what only whoever runs the installation may do."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import protovalidate
import typer
from sqlalchemy.exc import DBAPIError

from chassis.errors import Failure
from chassis.settings import Secret, read
from cli.access import portfolio_environment
from cli.stack.errors import StackError
from cli.stack.settings import StackSettings
from plimsoll.identity.v1.identity_service_pb2 import RegisterRequest
from services.portfolio.administration import (
    create_admin,
    reset_password,
    rotate_signing_key,
    set_open,
    set_tier,
    verify_audit_log,
)
from services.portfolio.settings import Settings as PortfolioSettings

T = TypeVar("T")
HASH_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class AdminSettings:
    """What `plimsoll admin` needs and no command line may show."""

    admin_password: Secret = Secret("")
    """Password that `plimsoll admin create` and `reset-password` set. Empty: asked for, or read from standard input."""


def create(settings: StackSettings, email: str) -> None:
    """Make an account whose owner may administer the installation.

    Raises:
        StackError: the account exists, or the e-mail address or the password is refused.
    """
    portfolio = _portfolio_settings(settings)
    password = _new_password(email)
    _run(create_admin(portfolio, email, password))


def reset(settings: StackSettings, email: str) -> None:
    """Set another password for an account, and end its sessions.

    Raises:
        StackError: there is no such account, or the password is refused.
    """
    portfolio = _portfolio_settings(settings)
    password = _new_password(email)
    _run(reset_password(portfolio, email, password))


def close(settings: StackSettings, email: str) -> None:
    """Close an account to its owner, and end its sessions.

    Raises:
        StackError: there is no such account.
    """
    _run(set_open(_portfolio_settings(settings), email, is_open=False))


def reopen(settings: StackSettings, email: str) -> None:
    """Open a closed account to its owner again.

    Raises:
        StackError: there is no such account.
    """
    _run(set_open(_portfolio_settings(settings), email, is_open=True))


def put_in_tier(settings: StackSettings, email: str, tier: Literal["public", "registered", "paid"]) -> None:
    """Put an account into a tier.

    Raises:
        StackError: there is no such account.
    """
    _run(set_tier(_portfolio_settings(settings), email, tier))


def check_audit_log(settings: StackSettings, noted: str) -> tuple[bool, list[str]]:
    """Check the audit log's chain, and that it goes through a hash that was noted earlier, if one was.

    Returns:
        Whether it is sound, and lines that say what was found.

    Raises:
        StackError: what was noted is no hash, or the database does not answer.
    """
    try:
        head = bytes.fromhex(noted)
    except ValueError:
        head = b"none"
    if noted and len(head) != HASH_BYTES:
        raise StackError(f"--noted: {noted!r} is no hash of {2 * HASH_BYTES} hexadecimal digits")
    found = _run(verify_audit_log(_portfolio_settings(settings), head or None))
    told = [f"{found.seals} seals, {found.events} lines; {found.waiting} wait to be sealed", *found.problems]
    if not found.found_noted:
        told.append(f"no seal has the hash that was noted, {noted}: what it sealed was changed or dropped")
    return found.sound, [*told, f"head {found.head.hex()}"]


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


def _new_password(email: str) -> Secret:
    password = read(AdminSettings, os.environ).admin_password or _ask()
    _check(RegisterRequest(email=email, password=password))
    return password


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
