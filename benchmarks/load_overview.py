"""GET overview through the gateway under load: requests a second, and how long a single one takes.

The load generator runs on the same machine and takes its share of the cores. The answers come from the result cache, as
they do when a screen asks again; the first of them was computed.
"""

import argparse
import asyncio
import os
from functools import partial

from benchmarks.h2load import Load, figures, press, program
from benchmarks.measurement import Case, Measurement
from benchmarks.stack_under_load import BOOK, Target, press_own_stack, press_running_stack
from chassis.settings import Secret

SECONDS = 5
"""How long each load is pressed."""
LOADS = (
    Load("1 connection", connections=1),
    Load("8 connections", connections=8),
    Load("32 connections", connections=32),
    Load("300 requests/s asked", connections=10, requests_per_second=300),
)


def measure(base_url: str, password: Secret) -> Measurement:
    """Measures the stack at an address of this machine; without an address, one of its own.

    Raises:
        CannotMeasure: h2load is missing, or a request was not answered as it should.
    """
    program()
    cases: list[Case] = []
    under_load = partial(_press, cases=cases)
    if base_url:
        asyncio.run(press_running_stack(base_url, password, under_load))
    else:
        press_own_stack(under_load)
    return Measurement("load_overview", f"GET overview of {BOOK.path.name}, HTTP/1.1 through the gateway", cases)


async def _press(target: Target, cases: list[Case]) -> None:
    url = f"{target.base_url}/api/v1/analytics/portfolio/{target.portfolio_id}/overview"
    headers = {"authorization": f"Bearer {target.access_token}"}
    for load in LOADS:
        requests = await press(url, headers, load, SECONDS)
        cases.append(Case(load.name, figures(requests)))


def measure_from_command_line(arguments: list[str]) -> Measurement:
    """Measures what the command line names; see `python -m benchmarks load_overview --help`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks load_overview", description=__doc__)
    parser.add_argument("--url", default="", help="gateway of a running demo; default: start a stack of our own")
    parser.add_argument(
        "--password-variable",
        default="PLIMSOLL_DEMO_PASSWORD",
        help="environment variable with the password that the demo printed (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    return measure(given.url, Secret(os.environ.get(given.password_variable, "")))
