"""Which ports the stack listens on: those that the settings name, or free ones, probed before anything starts."""

import asyncio
import errno
import secrets
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack

from cli.stack.errors import PortTaken

HOST = "127.0.0.1"
# Below the range from which Linux takes ports for outgoing connections: a part that restarts must find its port free.
_FREE = range(20_000, 32_000)
_ATTEMPTS = 200
_CRASH_SECONDS = 5.0
_PAUSE_SECONDS = 0.1


async def settle_after_crash(wanted: Mapping[str, int]) -> dict[str, int]:
    """Settle while the parts of a killed stack may still be giving their ports back; see `settle`."""
    deadline = time.monotonic() + _CRASH_SECONDS
    while True:
        try:
            return settle(wanted)
        except PortTaken:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


def settle(wanted: Mapping[str, int]) -> dict[str, int]:
    """Give a port for each setting, keyed by its variable; 0 means any free one.

    Raises:
        PortTaken: a port is in use, may not be opened, or is named twice; the message says which setting to change.
    """
    with ExitStack() as held:
        fixed = {variable: port for variable, port in wanted.items() if port}
        for variable, port in fixed.items():
            twins = [other for other, its_port in fixed.items() if its_port == port and other != variable]
            if twins:
                raise PortTaken(f"{variable} and {twins[0]} both name port {port}")
            held.enter_context(_listen(variable, port))
        return {variable: port or _pick(held) for variable, port in wanted.items()}


def _listen(variable: str, port: int) -> socket.socket:
    try:
        return _bound(port)
    except OSError as error:
        reason = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be opened: {error}"
        raise PortTaken(f"port {port} ({variable}) {reason}; set {variable} to another port, or to 0 for any") from None


def _pick(held: ExitStack) -> int:
    for _ in range(_ATTEMPTS):
        port = secrets.choice(_FREE)
        try:
            held.enter_context(_bound(port))
        except OSError:
            continue
        return port
    raise PortTaken(f"found no free port between {_FREE.start} and {_FREE.stop} in {_ATTEMPTS} attempts")


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        # Connections of a former stack may still be in TIME_WAIT; they do not stop a server from listening.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener
