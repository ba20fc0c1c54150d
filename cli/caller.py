"""Calling a service in the name of somebody who signed in.

What changes the market of an installation is done by an administrator, who can be named afterwards; the key that
services prove themselves with opens no such door.
"""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import grpc
import typer

from chassis.channels import Channels
from chassis.settings import Secret
from cli.access import UserAccess
from cli.stack.errors import StackError
from plimsoll.identity.v1.identity_service_pb2 import LoginRequest
from plimsoll.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

Part = Literal["marketdata", "portfolio"]
USED_SHARE = 0.8
"""Share of a token's life after which the next one is fetched."""


class Caller:
    """Somebody who signs in, again whenever his token gets old."""

    def __init__(self, identity: IdentityServiceStub, email: str, password: Secret) -> None:
        self._identity = identity
        self._email = email
        self._password = password
        self._token = ""
        self._until = 0.0

    async def metadata(self) -> list[tuple[str, str]]:
        """Give what a call has to carry."""
        if time.monotonic() >= self._until:
            session = await self._identity.Login(LoginRequest(email=self._email, password=self._password))
            self._token, self._until = session.access_token, time.monotonic() + session.expires_in * USED_SHARE
        return [("authorization", f"Bearer {self._token}")]


@asynccontextmanager
async def signed_in(
    access: UserAccess, email: str, part: Part = "marketdata"
) -> AsyncIterator[tuple[grpc.aio.Channel, Caller]]:
    """Give a channel to a service, and somebody to call in the name of.

    Args:
        access: where the services are.
        email: who signs in. Empty: who the environment names, or who is asked for.
        part: the service.

    Raises:
        StackError: a service does not answer, or refuses.
    """
    name = email or access.email or ask_name()
    password = access.password or ask_password()
    channels = Channels("cli", access.service_key)
    try:
        portfolio = channels.channel("portfolio", access.portfolio_address)
        caller = Caller(IdentityServiceStub(portfolio), name, password)
        yield portfolio if part == "portfolio" else channels.channel(part, access.marketdata_address), caller
    except grpc.aio.AioRpcError as error:
        raise StackError(in_words(error)) from error
    finally:
        await channels.close()


def in_words(error: grpc.aio.AioRpcError) -> str:
    """Say what a service answered."""
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "that took longer than such a call may take: try again, or ask for less at once"
    return error.details() or error.code().name


def ask_name() -> str:
    """Ask at a terminal who signs in.

    Raises:
        StackError: there is no terminal.
    """
    if not sys.stdin.isatty():
        raise StackError("nobody is named: give --email, or set PLIMSOLL_EMAIL")
    return str(typer.prompt("E-mail"))


def ask_password() -> Secret:
    """Ask at a terminal, hidden; otherwise read the first line of standard input.

    Raises:
        StackError: there is none.
    """
    if sys.stdin.isatty():
        return Secret(typer.prompt("Password", hide_input=True))
    password = Secret(sys.stdin.readline().rstrip("\r\n"))
    if not password:
        raise StackError("no password: set PLIMSOLL_PASSWORD, or send it to standard input")
    return password
