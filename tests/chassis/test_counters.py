"""Counting by name: in fixed windows, in one process, and together through a real Redis."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.counters import NAMES_KEPT, Count, Counters
from tests.chassis.clock import Clock
from tests.chassis.redis_server import RedisServer

MINUTE = 60


@pytest.fixture
def clock() -> Clock:
    at_the_turn = Clock()
    at_the_turn.now = 600.0
    return at_the_turn


@pytest.fixture
def counters(clock: Clock) -> Counters:
    return Counters("test", clock=clock)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="plimsoll-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.kill()


def test_names_and_periods_are_counted_apart(counters: Counters) -> None:
    assert [counters.add("a", MINUTE).times for _ in range(3)] == [1, 2, 3]
    assert counters.add("b", MINUTE).times == 1
    assert counters.add("a", 1).times == 1
    assert [counters.seen(name, MINUTE).times for name in "abc"] == [3, 1, 0]


def test_a_window_ends_with_the_minute_of_the_clock(counters: Counters, clock: Clock) -> None:
    assert counters.add("a", MINUTE) == Count(1, 60)
    clock.advance(20.0)
    assert counters.add("a", MINUTE) == Count(2, 40)
    clock.advance(39.9)
    assert counters.add("a", MINUTE) == Count(3, 1)
    clock.advance(0.1)
    assert counters.seen("a", MINUTE).times == 0
    assert counters.add("a", MINUTE) == Count(1, 60)


def test_memory_is_bounded(counters: Counters) -> None:
    for number in range(NAMES_KEPT + 10):
        counters.add(str(number), MINUTE)
    assert counters.seen("0", MINUTE).times == 0
    assert counters.seen(str(NAMES_KEPT), MINUTE).times == 1


async def test_without_redis_what_is_shared_is_counted_here(counters: Counters) -> None:
    assert [(await counters.add_shared("a", MINUTE)).times for _ in range(3)] == [1, 2, 3]


async def test_processes_count_together(redis: RedisServer, clock: Clock) -> None:
    one, other = Counters("test", redis.url, clock), Counters("test", redis.url, clock)
    elsewhere = Counters("another service", redis.url, clock)
    added: list[Count] = []
    for _ in range(10):  # a few at a time: forty new connections at once take a busy machine longer than Redis is given
        added += await asyncio.gather(*(each.add_shared("a", MINUTE) for each in (one, other, one, other)))
    assert sorted(count.times for count in added) == list(range(1, 41))
    assert (await elsewhere.add_shared("a", MINUTE)).times == 1
    clock.advance(MINUTE)
    assert (await one.add_shared("a", MINUTE)).times == 1
    for each in (one, other, elsewhere):
        await each.close()


async def test_what_is_over_leaves_redis(redis: RedisServer, clock: Clock) -> None:
    from redis.asyncio import Redis

    counters = Counters("test", redis.url, clock)
    await counters.add_shared("a", MINUTE)
    async with Redis.from_url(redis.url) as client:
        (key,) = await client.keys("*")
        assert 0 < await client.ttl(key) <= MINUTE + 1
    await counters.close()


@pytest.mark.parametrize("trouble", ["absent", "killed", "frozen"])
async def test_without_redis_every_process_goes_on_counting(trouble: str, redis: RedisServer, clock: Clock) -> None:
    if trouble == "absent":
        redis.kill()
    counters = Counters("test", redis.url, clock)
    await counters.add_shared("a", MINUTE)
    if trouble == "killed":
        redis.kill()
    if trouble == "frozen":
        redis.freeze()
    async with asyncio.timeout(10):
        assert [(await counters.add_shared("a", MINUTE)).times for _ in range(50)] == list(range(2, 52))
    redis.thaw() if trouble == "frozen" else None
    await counters.close()
