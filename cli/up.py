"""`plimsoll up`: the whole system in this terminal."""

import sys

from cli.stack import embedded
from cli.stack.plan import SUPERVISOR
from cli.stack.screen import Screen
from cli.stack.settings import StackSettings
from cli.stack.stack import Stack


def up(settings: StackSettings) -> None:
    """Run the system until it is told to stop, and show what every part says."""
    screen = Screen(sys.stdout, embedded.SPEAKERS)

    async def body(stack: Stack) -> None:
        for line in (
            f"ready: {stack.gateway_url}, documents at {stack.gateway_url}/docs",
            "load the bundled prices with `plimsoll sync`; stop with Ctrl-C or `plimsoll down`",
        ):
            screen.show(SUPERVISOR, line)
        await stack.wait()

    embedded.run(settings, body, screen)
