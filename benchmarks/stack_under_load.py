"""The stack that a load script presses: one that it starts itself in a throw-away home, or one that runs already."""

import ipaddress
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from benchmarks.measurement import CannotMeasure
from chassis.settings import Secret
from cli.demo.account import EMAIL, Account, sign_in
from cli.demo.books import BOOKS
from cli.demo.command import access_to
from cli.demo.importing import import_books
from cli.demo.market_data import ensure_market_data
from cli.demo.rest import Api
from cli.stack import embedded
from cli.stack.credentials import Credentials
from cli.stack.settings import StackSettings
from cli.stack.stack import Stack

BOOK = BOOKS[-1]
"""The largest book of the demo."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to ask: a portfolio of a running stack, and the token that opens it."""

    base_url: str
    portfolio_id: str
    access_token: str


Press = Callable[[Target], Awaitable[None]]


def press_own_stack(press: Press) -> None:
    """Starts a stack in a home that is thrown away, imports the book, presses, and stops the stack."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder:
        os.environ["PLIMSOLL_RATE_LIMITS"] = "off"  # the services inherit it
        # PostgreSQL runs as another user when we are root, and must be able to pass through.
        Path(folder).chmod(0o711)
        settings = StackSettings(home=Path(folder) / "home").on_free_ports()

        async def body(stack: Stack) -> None:
            credentials = Credentials(settings.home / "secrets")
            await ensure_market_data(access_to(stack, credentials), Console(stderr=True))
            await press(await _target(stack.gateway_url, Account(EMAIL, credentials.read("demo_password"))))

        embedded.run(settings, body)


async def press_running_stack(base_url: str, password: Secret, press: Press) -> None:
    """Presses the demo's book in a stack that runs on this machine.

    Raises:
        CannotMeasure: the address is not of this machine.
    """
    require_loopback(base_url)
    await press(await _target(base_url, Account(EMAIL, password)))


def require_loopback(base_url: str) -> None:
    """Refuses to press anything but this machine.

    Raises:
        CannotMeasure: the address is not of this machine.
    """
    host = urlsplit(base_url).hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise CannotMeasure(f"{base_url} is not on this machine: load is for loopback addresses only")


async def _target(base_url: str, account: Account) -> Target:
    async with Api(base_url) as api:
        await sign_in(api, account)
        (portfolio_id,) = await import_books(api, [BOOK], Console(stderr=True))
        return Target(base_url, portfolio_id, api.access_token)
