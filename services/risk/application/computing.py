"""Where answers are computed: in threads, and in no more of them than there are cores for.

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

_threads = ThreadPoolExecutor(min(MOST_THREADS, len(os.sched_getaffinity(0))), thread_name_prefix="computing")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in one of the threads; one that nobody waits for any more is not begun."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: function(*args, **kwargs))
