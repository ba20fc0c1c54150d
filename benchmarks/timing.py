"""How long calculations take on one core, and how that grows with their size.

Processor time, not the clock on the wall: what else runs on the machine does not count. (It still takes its share of
caches and of the clock rate, so that figures of a busy machine are too low.)
"""

import math
import time
from collections.abc import Callable, Sequence
from statistics import linear_regression, median


def median_seconds(call: Callable[[], object], repeats: int, times: int = 1) -> float:
    """Median processor time of one call, over `repeats` samples of `times` calls each, the first thrown away."""
    samples = []
    for _ in range(repeats + 1):
        start = time.process_time()
        for _ in range(times):
            call()
        samples.append((time.process_time() - start) / times)
    return median(samples[1:])


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The power of the size that the time grows with, fitted: 1 is linear."""
    return linear_regression([math.log(size) for size in sizes], [math.log(second) for second in seconds]).slope
