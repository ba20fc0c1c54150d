"""`plimsoll demo`: starts the stack quietly, takes the tour through its public API, and stays up."""

import os
import sys
from io import TextIOWrapper

from rich.console import Console

from chassis.settings import read
from cli.access import ServiceAccess
from cli.demo.account import EMAIL, Account
from cli.demo.books import BOOKS
from cli.demo.market_data import ensure_market_data
from cli.demo.rest import Api, ApiError
from cli.demo.tour import take_tour
from cli.stack import embedded
from cli.stack.credentials import Credentials
from cli.stack.home import Home
from cli.stack.settings import StackSettings
from cli.stack.stack import Stack

PIPE_COLUMNS = 110
"""Width of the report where no terminal says how wide it is."""


def demo(settings: StackSettings, *, stay: bool) -> None:
    """Run the demo until it is told to stop, or only until its report is printed.

    Raises:
        StackError: the stack does not run, or has no prices.
    """
    console = terminal()
    announcer = Announcer(console)

    async def body(stack: Stack) -> None:
        announcer.everything_is_up()
        await show(Home(settings.home), stack, console)
        if stay:
            console.print("Everything stays up until Ctrl-C.", style="bold")
            await stack.wait()

    try:
        embedded.run(settings, body, announce=announcer.announce)
    except ApiError as error:
        sys.exit(f"plimsoll: {error}")
    finally:
        announcer.everything_is_up()


class Announcer:
    """Says what the supervisor does: on one changing line while everything starts, on a line each afterwards."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("starting") if console.is_terminal else None
        if self._status:
            self._status.start()

    def announce(self, text: str) -> None:
        """Says one thing."""
        if self._status:
            self._status.update(text)
        else:
            self._console.print(text, style="dim", highlight=False, markup=False)

    def everything_is_up(self) -> None:
        """Ends the changing line."""
        if self._status:
            self._status.stop()
            self._status = None


async def show(home: Home, stack: Stack, console: Console) -> None:
    """Everything that the demo shows of a running stack."""
    credentials = Credentials(home.secrets)
    await ensure_market_data(access_to(stack, credentials), console)
    account = Account(EMAIL, credentials.read("demo_password"))
    async with Api(stack.gateway_url) as api:
        await take_tour(api, stack.gateway_url, account, BOOKS, console)


def access_to(stack: Stack, credentials: Credentials) -> ServiceAccess:
    """How to call a service of our own stack. Who set a service key meant it for the stack as well."""
    made_here = {"PLIMSOLL_SERVICE_KEY_FILE": str(credentials.path("service_key"))}
    address = stack.record().address("marketdata")
    return read(ServiceAccess, {**made_here, **os.environ, "PLIMSOLL_MARKETDATA_ADDRESS": address})


def terminal() -> Console:
    """Standard output: as wide as the terminal, or wide enough for every table where there is none."""
    if isinstance(sys.stdout, TextIOWrapper):
        # In a locale without Unicode a name must lose a letter rather than end the demo.
        sys.stdout.reconfigure(errors="replace")
    wide_enough = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_COLUMNS
    return Console(file=sys.stdout, width=wide_enough)
