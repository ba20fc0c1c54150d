"""`plimsoll serve`: one part in the foreground, under whoever supervises us; the environment is passed on as it is."""

import os
import sys
from typing import NoReturn

MODULES = {
    "portfolio": "services.portfolio",
    "marketdata": "services.marketdata",
    "risk": "services.risk",
    "gateway": "gateway",
}
"""The parts that are processes of ours."""


def serve(part: str) -> NoReturn:
    """Become a part. Our process id stays, so signals reach it."""
    sys.stdout.flush()
    command = [sys.executable, "-P", "-m", MODULES[part]]
    os.execv(sys.executable, command)  # noqa: S606  no shell is wanted
