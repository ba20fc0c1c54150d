"""The whole system on one machine, run by this process: what `plimsoll up` and `plimsoll demo` are made of."""

import os
from datetime import UTC, datetime

from cli.stack import foreground
from cli.stack.home import Home
from cli.stack.plan import PARTS, SUPERVISOR, full_stack
from cli.stack.screen import Screen
from cli.stack.settings import StackSettings
from cli.stack.stack import Announce, Stack
from cli.stack.transcript import Transcript

SPEAKERS = (SUPERVISOR, *PARTS)
"""Everybody who has a log file, and a name on the screen."""


def run(
    settings: StackSettings,
    body: foreground.Body,
    screen: Screen | None = None,
    announce: Announce | None = None,
) -> None:
    """Start the system, run the body once it can be used, and stop it when the body ends or we are told to.

    Args:
        settings: where it lives and listens.
        body: see `foreground.run`; the stack that it is given says where the parts are.
        screen: shows all that is said. Without one it goes to the log files alone.
        announce: told what the supervisor does, in words for people.

    Raises:
        StackError: something keeps it from running.
    """
    home = Home(settings.home)
    home.prepare()
    transcript = Transcript(home.logs, SPEAKERS, screen)

    def tell(text: str) -> None:
        transcript.say(SUPERVISOR, f"{datetime.now(UTC):%H:%M:%S} {text}")
        if announce:
            announce(text)

    try:
        foreground.run(Stack(home, full_stack(settings, home, transcript, os.environ), tell), body)
    finally:
        transcript.close()
