"""The cache in one process: what is there is not computed again, and one computes while others wait."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from chassis.cache import ENTRY_BYTES, LIFE_SECONDS, Cache, CacheStats
from chassis.errors import CannotStart
from tests.chassis.clock import Clock

Compute = Callable[[], Awaitable[bytes]]


class Counted:
    """A computation that counts how often it is made, and waits to be told to end."""

    def __init__(self, value: bytes = b"value", failure: Exception | None = None) -> None:
        self.made = 0
        self.ended = 0
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._value = value
        self._failure = failure

    async def __call__(self) -> bytes:
        self.made += 1
        self.begun.set()
        await self.may_end.wait()
        if self._failure:
            raise self._failure
        self.ended += 1
        return self._value


async def test_a_value_is_computed_once() -> None:
    cache, compute = Cache("test"), Counted()
    assert await cache.fetch("key", compute) == (b"value", False)
    assert await cache.fetch("key", compute) == (b"value", True)
    assert compute.made == 1


async def test_an_empty_value_is_a_value() -> None:
    cache, compute = Cache("test"), Counted(b"")
    assert await cache.fetch("key", compute) == (b"", False)
    assert await cache.fetch("key", compute) == (b"", True)


async def test_keys_are_apart() -> None:
    cache = Cache("test")
    for key in ("", "a", "A", "a ", "a\0", "é"):
        assert await cache.fetch(key, Counted(key.encode())) == (key.encode(), False)


async def test_of_many_who_miss_one_computes() -> None:
    cache, compute = Cache("test"), Counted()
    compute.may_end.clear()
    waiting = [asyncio.create_task(cache.fetch("key", compute)) for _ in range(100)]
    await compute.begun.wait()
    compute.may_end.set()
    assert sorted(await asyncio.gather(*waiting)) == [(b"value", False)] + [(b"value", True)] * 99
    assert compute.made == 1


async def test_who_came_first_may_go_away() -> None:
    cache, compute = Cache("test"), Counted()
    compute.may_end.clear()
    first = asyncio.create_task(cache.fetch("key", compute))
    await compute.begun.wait()
    others = [asyncio.create_task(cache.fetch("key", compute)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    compute.may_end.set()
    assert [value for value, _ in await asyncio.gather(*others)] == [b"value"] * 3
    assert (compute.made, compute.ended) == (1, 1)


async def test_when_all_have_gone_away_the_value_is_kept_nevertheless() -> None:
    cache, compute = Cache("test"), Counted()
    compute.may_end.clear()
    only = asyncio.create_task(cache.fetch("key", compute))
    await compute.begun.wait()
    only.cancel()
    await asyncio.wait([only])
    compute.may_end.set()
    assert await cache.fetch("key", compute) == (b"value", True)  # of the computation that was under way
    assert await cache.fetch("key", compute) == (b"value", True)
    assert compute.made == 1


async def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    cache, compute = Cache("test"), Counted(failure=ValueError("no"))
    compute.may_end.clear()
    waiting = [asyncio.create_task(cache.fetch("key", compute)) for _ in range(5)]
    await compute.begun.wait()
    compute.may_end.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(failure) for failure in found] == ["no"] * 5
    assert compute.made == 1
    assert await cache.fetch("key", Counted()) == (b"value", False)


async def test_a_failure_that_nobody_waits_for_disturbs_nobody() -> None:
    disturbances: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: disturbances.append(context))
    cache, compute = Cache("test"), Counted(failure=ValueError("no"))
    compute.may_end.clear()
    only = asyncio.create_task(cache.fetch("key", compute))
    await compute.begun.wait()
    only.cancel()
    await asyncio.wait([only])
    compute.may_end.set()
    with pytest.raises(ValueError, match="no"):
        await cache.fetch("key", compute)
    del only
    gc.collect()
    assert disturbances == []


async def test_an_entry_ends_with_its_life() -> None:
    clock = Clock()
    cache, compute = Cache("test", clock=clock), Counted()
    await cache.fetch("key", compute)
    clock.advance(LIFE_SECONDS - 1)
    assert await cache.fetch("key", compute) == (b"value", True)
    clock.advance(1)
    assert await cache.fetch("key", compute) == (b"value", False)


async def test_memory_is_bounded_by_bytes() -> None:
    cache = Cache("test", max_bytes=10 * (1000 + ENTRY_BYTES))
    for number in range(100):
        await cache.fetch(str(number), Counted(b"x" * 1000))
    assert len(cache._local) == 10
    assert await cache.fetch("99", Counted()) == (b"x" * 1000, True)
    assert await cache.fetch("0", Counted(b"again")) == (b"again", False)


async def test_values_without_bytes_are_bounded_as_well() -> None:
    cache = Cache("test", max_bytes=10 * ENTRY_BYTES)
    for number in range(100):
        await cache.fetch(str(number), Counted(b""))
    assert len(cache._local) == 10


async def test_a_value_that_has_no_room_is_answered_and_not_kept() -> None:
    cache = Cache("test", max_bytes=1000)
    await cache.fetch("small", Counted(b"s"))
    for _ in range(2):
        assert await cache.fetch("large", Counted(b"x" * 1001)) == (b"x" * 1001, False)
    assert await cache.fetch("small", Counted()) == (b"s", True)
    assert "large" not in cache._flights


async def test_without_redis_there_is_nothing_to_probe_or_close() -> None:
    cache = Cache("test")
    await cache.probe()
    await cache.close()


@pytest.mark.parametrize(
    "url",
    ["http://:hunter2@host", "redis://:hunter2@host:port", "hunter2", "redis://u:hunter2/x@h:1", "redis://[hunter2"],
)
def test_a_url_that_is_none_of_redis_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(CannotStart) as caught:
        Cache("test", url)
    assert str(caught.value) == "REDIS_URL is not a URL like redis://host:6379/0"
    assert caught.value.__suppress_context__


async def fill(cache: Cache, owner: str, *keys: str, size: int = 0) -> None:
    for key in keys:
        await cache.fetch(key, Counted(b"x" * size), owner)


async def test_each_owner_has_entries_and_counts_of_its_own() -> None:
    cache = Cache("test")
    await fill(cache, "ann", "a", "b", "a", "a")
    await fill(cache, "bob", "a")
    assert cache.stats("ann") == CacheStats(hits=2, misses=2, entries=2, bytes=2 * ENTRY_BYTES)
    assert cache.stats("bob") == CacheStats(hits=0, misses=1, entries=1, bytes=ENTRY_BYTES)
    assert cache.stats("eve") == CacheStats(0, 0, 0, 0)


async def test_an_owner_drops_what_is_its_own() -> None:
    cache = Cache("test")
    await fill(cache, "ann", "a", "b")
    await fill(cache, "bob", "a")
    assert await cache.clear("ann") == 2
    assert await cache.clear("ann") == 0
    assert (cache.stats("ann").entries, cache.stats("bob").entries) == (0, 1)
    assert await cache.fetch("a", Counted(), "bob") == (b"", True)
    assert await cache.fetch("a", Counted(b"anew"), "ann") == (b"anew", False)


async def test_no_owner_takes_more_than_its_share() -> None:
    cache = Cache("test", max_owner_bytes=3 * (ENTRY_BYTES + 100))
    await fill(cache, "bob", "kept", size=100)
    await fill(cache, "ann", *"abcd", size=100)
    assert cache.stats("ann").entries == 3
    assert await cache.fetch("a", Counted(b"anew"), "ann") == (b"anew", False)  # the oldest gave way
    assert (await cache.fetch("kept", Counted(), "bob"))[1]
    await fill(cache, "ann", "larger than all", size=5000)
    assert await cache.fetch("larger than all", Counted(), "ann") == (b"value", False)


async def test_what_is_too_old_is_cleaned_up() -> None:
    clock = Clock()
    cache = Cache("test", clock=clock)
    await fill(cache, "ann", "a", "b")
    clock.now += LIFE_SECONDS / 2
    await fill(cache, "ann", "c")
    clock.now += LIFE_SECONDS / 2 + 1
    assert cache.stats("ann").entries == 1
    await fill(cache, "ann", "d")
    assert cache.stats("ann").entries == 2
    clock.now += LIFE_SECONDS + 1
    assert cache.cleanup() == 2
    assert cache.cleanup() == 0
