"""Runs a stack in the foreground of a terminal or a service manager, and never leaves without stopping it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from cli.stack.stack import Stack

_BODY_SECONDS = 5.0

Body = Callable[[Stack], Awaitable[None]]


def run(stack: Stack, body: Body) -> None:
    """Start a stack, run the body once it can be used, and stop the stack when the body ends or we are told to.

    SIGINT, SIGTERM and SIGHUP cancel the body and stop the stack in order; a further SIGINT kills what has not ended.
    A body that wants to stay up awaits `stack.wait()`.

    Raises:
        StackError: a part could not be started, at the beginning or later.
    """
    asyncio.run(_run(stack, body))
    # Nothing is left to interrupt: one more Ctrl-C must not turn an orderly end into a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


async def _run(stack: Stack, body: Body) -> None:
    told = asyncio.Event()
    _on_signals(told, stack.hurry)
    living = asyncio.create_task(_live(stack, body), name="body")
    telling = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({living, telling}, return_when=asyncio.FIRST_COMPLETED)
        telling.cancel()
        living.cancel()
        await asyncio.wait({living}, timeout=_BODY_SECONDS)
    finally:
        await stack.stop()
    if living.done() and not living.cancelled():
        living.result()


async def _live(stack: Stack, body: Body) -> None:
    await stack.start()
    acting = asyncio.ensure_future(body(stack))
    failing = asyncio.ensure_future(stack.wait())
    try:
        await asyncio.wait({acting, failing}, return_when=asyncio.FIRST_COMPLETED)
        (failing if failing.done() else acting).result()
    finally:
        acting.cancel()
        failing.cancel()
        await asyncio.wait({acting, failing})


def _on_signals(told: asyncio.Event, hurry: Callable[[], None]) -> None:
    def tell(number: signal.Signals) -> None:
        if told.is_set() and number == signal.SIGINT:
            hurry()
        told.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Who started us under nohup wants us to outlive the terminal.
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue
        loop.add_signal_handler(number, tell, number)
