"""CacheService: what is kept for a user, and how to be rid of it."""

from typing import Any

import grpc

from chassis.cache import Cache
from chassis.call import current_call
from plimsoll.risk.v1 import cache_service_pb2 as pb
from plimsoll.risk.v1.cache_service_pb2_grpc import CacheServiceServicer

Context = grpc.aio.ServicerContext[Any, Any]


class CacheHandler(CacheServiceServicer):
    """Serves the cache of answers."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def GetCacheStats(self, request: pb.GetCacheStatsRequest, context: Context) -> pb.CacheStats:
        """Answer how much is kept for the caller."""
        found = self._cache.stats(current_call().user_id)
        asked = found.hits + found.misses
        return pb.CacheStats(
            hits=found.hits,
            misses=found.misses,
            entries=found.entries,
            bytes=found.bytes,
            hit_ratio=found.hits / asked if asked else None,
        )

    async def ClearCache(self, request: pb.ClearCacheRequest, context: Context) -> pb.ClearCacheResponse:
        """Drop what is kept for the caller."""
        return pb.ClearCacheResponse(dropped_count=await self._cache.clear(current_call().user_id))

    async def CleanupCache(self, request: pb.CleanupCacheRequest, context: Context) -> pb.CleanupCacheResponse:
        """Drop what is too old."""
        return pb.CleanupCacheResponse(dropped_count=self._cache.cleanup())
