"""The trial service as a process of its own. A call with the name `wait` is answered when standard input ends."""

import asyncio
import sys

from chassis.health import Health
from chassis.server import Service, run
from chassis.service_settings import ServiceSettings
from chassis.tokens import TokenVerifier
from tests.chassis.identity import Identity
from tests.chassis.serving import Context, Trial
from tests.chassis.trial import Cargo, add_TrialServiceServicer_to_server


async def behave(request: Cargo, context: Context) -> Cargo:
    """Echo, at once or when standard input ends."""
    if request.name == "wait":
        await asyncio.to_thread(sys.stdin.read)
    return request


def build(settings: ServiceSettings) -> Service:
    """Put the service together."""
    tokens = TokenVerifier("plimsoll", "plimsoll", Identity().fetch_keys)
    register = [(add_TrialServiceServicer_to_server, Trial(behave))]
    return Service(health=Health("trial"), tokens=tokens, register=register)


if __name__ == "__main__":
    run("trial", ServiceSettings, build)
