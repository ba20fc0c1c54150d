"""The fresh process in which a result is computed again.

It is started for one result and ends with it, so that nothing which an earlier computation left behind can be part of
the answer. Numpy and this package are all it imports: half a second.
"""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from services.risk.application.analyses import compute_payload
from services.risk.domain.inputs import Inputs
from services.risk.domain.result_id import Resolved
from services.risk.handlers.catalogue import KINDS


async def recompute_afresh(resolved: Resolved, inputs: Inputs) -> bytes:
    """Give the serialised answer, computed in a process of its own."""
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1)
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, compute, resolved, inputs)
    finally:
        pool.shutdown(wait=False)  # it ends by itself, and the event loop must not wait for that


def compute(resolved: Resolved, inputs: Inputs) -> bytes:
    """Give the serialised answer."""
    kind = KINDS[resolved.kind]
    return compute_payload(kind.analysis, kind.render, resolved, inputs)
