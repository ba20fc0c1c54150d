"""Work that a service repeats in the background."""

import asyncio
import itertools
import logging

import pytest

from chassis.repeating import Repeating, backoff


class Work:
    """Counts how often it was done, and fails while it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.begun = 0
        self.failures = failures
        self._changed = asyncio.Condition()

    async def __call__(self) -> None:
        async with self._changed:
            self.begun += 1
            self._changed.notify_all()
        if self.begun <= self.failures:
            raise ConnectionError("the database is away")

    async def begun_times(self, times: int) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.begun >= times)


async def test_it_is_done_again_and_again_and_ends() -> None:
    work = Work()
    repeating = Repeating("working", 0.0, work)
    await repeating.start()
    await work.begun_times(3)
    await repeating.stop()
    done = work.begun
    await asyncio.sleep(0)
    assert work.begun == done


async def test_a_failure_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(failures=3)
    repeating = Repeating("working", 0.0, work)
    with caplog.at_level(logging.WARNING):
        await repeating.start()
        await work.begun_times(5)
        await repeating.stop()
    (record,) = caplog.records
    assert (
        record.getMessage()
        == "working failed and is tried again in 0 s and later: ConnectionError('the database is away')"
    )


async def test_work_under_way_is_cancelled() -> None:
    cancelled, under_way = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        under_way.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    repeating = Repeating("hanging", 0.0, hang)
    await repeating.start()
    await under_way.wait()
    await repeating.stop()
    assert cancelled.is_set()


async def test_what_never_began_can_be_ended() -> None:
    work = Work()
    await Repeating("working", 0.0, work).stop()
    assert work.begun == 0


@pytest.mark.parametrize(
    ("pause", "expected"),
    [(3.0, [3, 6, 12, 24, 48, 60, 60]), (60.0, [60, 60]), (3600.0, [3600, 3600]), (0.0, [0, 0])],
)
def test_pauses_grow_while_it_fails_up_to_a_minute(pause: float, expected: list[float]) -> None:
    assert list(itertools.islice(backoff(pause), len(expected))) == expected


async def test_after_a_success_a_failure_is_news_again(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(failures=1)
    repeating = Repeating("working", 0.0, work)
    with caplog.at_level(logging.WARNING):
        await repeating.start()
        await work.begun_times(2)
        work.failures = work.begun + 2
        await work.begun_times(work.begun + 4)
        await repeating.stop()
    assert len(caplog.records) == 2
