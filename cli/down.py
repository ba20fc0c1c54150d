"""`plimsoll down`: stops the stack of a home, whoever started it."""

import contextlib
import os
import select
import signal
from collections.abc import Iterator

from cli.stack import record
from cli.stack.errors import StackError
from cli.stack.home import Home
from cli.stack.lock import owner
from cli.stack.plan import PARTS
from cli.stack.program import KILL_SECONDS

_DATABASE_SECONDS = 25.0
_AFTER_KILL_SECONDS = 10.0


def patience(drain_seconds: float) -> float:
    """Give how long an orderly stop may take at most: every part uses up its grace, and the database its own."""
    return len(PARTS) * (drain_seconds + KILL_SECONDS) + _DATABASE_SECONDS


def down(home: Home, patience_seconds: float) -> str:
    """Stop the stack of a home and wait until nothing of it runs; say what was done.

    Args:
        home: whose stack.
        patience_seconds: how long to wait for an orderly end before it is killed.

    Raises:
        StackError: the stack is not ours to stop.
    """
    supervisor = owner(home.lock)
    if supervisor is None:
        return f"no stack runs in {home.folder}"
    if supervisor == 0:
        raise StackError(f"the stack in {home.folder} runs in another container: stop it there")
    running = record.running(home)
    with _process(supervisor) as pidfd:
        # Only now is the number bound to a process: make sure that it still is the supervisor.
        if pidfd is None or owner(home.lock) != supervisor:
            return f"the stack in {home.folder} has just ended"
        return _stop(home, pidfd, running, patience_seconds)


def _stop(home: Home, supervisor: int, running: record.StackRecord | None, patience: float) -> str:
    try:
        signal.pidfd_send_signal(supervisor, signal.SIGTERM)
    except PermissionError:
        raise StackError(f"the stack in {home.folder} belongs to another user") from None
    if _ended(supervisor, patience):
        return f"stopped the stack in {home.folder}"
    with contextlib.ExitStack() as held:
        parts = [held.enter_context(_process(part.pid)) for part in (running.parts if running else ()) if part.pid]
        signal.pidfd_send_signal(supervisor, signal.SIGKILL)
        for pidfd in [supervisor, *parts]:
            if pidfd is not None and not _ended(pidfd, _AFTER_KILL_SECONDS):
                raise StackError(f"the stack in {home.folder} was killed, and yet a part of it still runs")
    return f"killed the stack in {home.folder}, which did not stop within {patience:g} s"


def _ended(pidfd: int, patience: float) -> bool:
    return bool(select.select([pidfd], [], [], patience)[0])


@contextlib.contextmanager
def _process(pid: int) -> Iterator[int | None]:
    """Hold on to a process, so that its number cannot come to mean another; None when it has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield pidfd
    finally:
        os.close(pidfd)
