"""The cache of answers, seen and dropped by the user whose answers they are."""

import grpc

from plimsoll.risk.v1 import cache_service_pb2 as pb
from plimsoll.risk.v1.cache_service_pb2_grpc import CacheServiceStub
from tests.services.risk import servers
from tests.services.risk.conftest import refused

OTHER = "11111111-8f5f-4f34-9d43-2b6a8a1c7e55"


async def test_a_user_sees_and_drops_what_is_kept_for_him(stack):
    kept = CacheServiceStub(stack.channel)

    async def stats(user_id=servers.OWNER):
        return await kept.GetCacheStats(pb.GetCacheStatsRequest(), metadata=servers.metadata(user_id))

    assert not (await stats()).HasField("hit_ratio")
    first = await stack.overview()
    await stack.overview()
    found = await stats()
    assert (found.hits, found.misses, found.entries, found.hit_ratio) == (1, 1, 1, 0.5)
    assert found.bytes > 256
    assert (await stats(OTHER)).entries == 0
    other = await kept.ClearCache(pb.ClearCacheRequest(), metadata=servers.metadata(OTHER))
    assert (other.dropped_count, (await stats()).entries) == (0, 1)
    own = await kept.ClearCache(pb.ClearCacheRequest(), metadata=servers.metadata())
    assert (own.dropped_count, (await stats()).entries) == (1, 0)
    again = await stack.overview()
    assert not again.served.cached or again.metadata == first.metadata  # from the ledger, where it still is
    assert (await stats()).misses == 2


async def test_only_an_admin_cleans_up(stack):
    kept = CacheServiceStub(stack.channel)
    code, reason, _ = await refused(kept.CleanupCache(pb.CleanupCacheRequest(), metadata=servers.metadata()))
    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_INSUFFICIENT")
