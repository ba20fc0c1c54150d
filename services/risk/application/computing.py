"""Where answers are computed: in threads, no more of them than there are cores for, that give way to the event loop.

Each one that computes wants the interpreter's lock as often as the event loop does. With as many as calls, the loop
would wait its turn behind all of them, and so would everyone who only wants an answer that is there already.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
MOST_THREADS: Final = 4
"""More share one lock to no purpose."""
NICENESS: Final = 10
"""A tenth of the weight: where cores are short, whoever answers goes before whoever computes."""


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in one of the threads; one that nobody waits for any more is not begun."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: function(*args, **kwargs))


def _give_way() -> None:
    os.nice(NICENESS)  # of this thread alone, on Linux


_threads = ThreadPoolExecutor(min(MOST_THREADS, len(os.sched_getaffinity(0))), "computing", _give_way)
