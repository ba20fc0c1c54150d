"""The cache with a real Redis behind it, and with one that is absent, killed or frozen: that costs speed, no answer."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chassis.cache import LIFE_SECONDS, Cache
from chassis.optional_redis import SILENCE_SECONDS
from tests.chassis.clock import Clock
from tests.chassis.redis_server import RedisServer
from tests.chassis.test_cache import Counted


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="plimsoll-redis-") as folder:  # its path must be short, for a socket
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def cache(redis: RedisServer, clock: Clock) -> AsyncIterator[Cache]:
    opened = Cache("test", redis.url, clock=clock)
    yield opened
    await opened.close()


async def test_processes_share_what_they_computed(cache: Cache, redis: RedisServer) -> None:
    other, compute = Cache("test", redis.url), Counted()
    assert await cache.fetch("key", compute) == (b"value", False)
    assert await other.fetch("key", compute) == (b"value", True)
    redis.kill()
    assert await other.fetch("key", compute) == (b"value", True)  # which it now has itself
    await other.close()
    assert compute.made == 1


async def test_namespaces_are_apart(cache: Cache, redis: RedisServer) -> None:
    other = Cache("other", redis.url)
    await cache.fetch("key", Counted(b"ours"))
    assert await other.fetch("key", Counted(b"theirs")) == (b"theirs", False)
    await other.close()


async def test_entries_end_in_redis_too(cache: Cache, redis: RedisServer) -> None:
    await cache.fetch("key", Counted(b"\0\xff"))
    async with Redis.from_url(redis.url) as client:
        assert await client.get("test:key") == b"\0\xff"
        assert 0 < await client.ttl("test:key") <= LIFE_SECONDS


async def test_of_many_who_miss_one_asks_redis_and_computes(cache: Cache, redis: RedisServer) -> None:
    compute = Counted()
    async with Redis.from_url(redis.url) as client:
        before = (await client.info("commandstats")).get("cmdstat_get", {"calls": 0})["calls"]
        await asyncio.gather(*(cache.fetch("key", compute) for _ in range(50)))
        assert (await client.info("commandstats"))["cmdstat_get"]["calls"] == before + 1
    assert compute.made == 1


async def test_something_else_under_our_key_is_not_taken_for_a_value(cache: Cache, redis: RedisServer) -> None:
    async with Redis.from_url(redis.url) as client:
        await client.rpush("test:key", "a list")
    assert await cache.fetch("key", Counted()) == (b"value", False)


async def test_a_failure_is_not_kept_in_redis(cache: Cache, redis: RedisServer) -> None:
    with pytest.raises(ValueError, match="no"):
        await cache.fetch("key", Counted(failure=ValueError("no")))
    async with Redis.from_url(redis.url) as client:
        assert await client.exists("test:key") == 0


@pytest.mark.parametrize("fault", ["absent", "killed", "frozen"])
async def test_without_redis_every_answer_is_there_soon(
    fault: str, redis: RedisServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    if fault == "absent":
        redis.kill()
    cache = Cache("test", redis.url, clock=clock)
    await cache.fetch("before", Counted())
    if fault == "killed":
        redis.kill()
    if fault == "frozen":
        redis.freeze()
    caplog.clear()
    clock.advance(SILENCE_SECONDS)
    async with asyncio.timeout(5):  # a hang would be 4 s for each of them
        found = await asyncio.gather(*(cache.fetch(f"key-{number}", Counted()) for number in range(40)))
        found += [await cache.fetch(f"another-{number}", Counted()) for number in range(40)]
        assert found == [(b"value", False)] * 80
        with pytest.raises(RedisError):
            await cache.probe()
        await cache.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "left alone for 10 s" in caplog.text


async def test_a_redis_that_comes_back_is_used_again(cache: Cache, redis: RedisServer, clock: Clock) -> None:
    redis.freeze()
    await cache.fetch("key", Counted())
    redis.thaw()
    other = Cache("test", redis.url)
    await other.fetch("shared", Counted(b"shared"))
    assert await cache.fetch("shared", Counted(b"own")) == (b"own", False)  # it is still left alone
    clock.advance(SILENCE_SECONDS)
    await other.fetch("later", Counted(b"later"))
    assert await cache.fetch("later", Counted()) == (b"later", True)
    await cache.probe()
    await other.close()


async def test_a_redis_that_fails_between_reading_and_writing_costs_nothing(cache: Cache, redis: RedisServer) -> None:
    async def compute() -> bytes:
        redis.kill()
        return b"value"

    assert await cache.fetch("key", compute) == (b"value", False)
    assert await cache.fetch("key", compute) == (b"value", True)


async def test_what_an_owner_drops_is_gone_in_redis_too_and_no_one_elses(cache: Cache, redis: RedisServer) -> None:
    for owner in ("ann", "bob"):
        await cache.fetch("key", Counted(owner.encode()), owner)
    assert await cache.clear("ann") == 1
    later = Cache("test", redis.url)
    assert await later.fetch("key", Counted(b"anew"), "ann") == (b"anew", False)
    assert await later.fetch("key", Counted(b"anew"), "bob") == (b"bob", True)
    await later.close()


async def test_a_dead_redis_stops_nobody_from_dropping_entries(cache: Cache, redis: RedisServer) -> None:
    await cache.fetch("key", Counted(), "ann")
    redis.kill()
    assert await cache.clear("ann") == 1
    assert cache.stats("ann").entries == 0
