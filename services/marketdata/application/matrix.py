"""A block of closes, kept by what it is made of: ids, sessions, basis and a version that never changes."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from chassis.cache import Cache
from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.marketdata.domain.matrix import PriceMatrix, price_matrix
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.sessions import check_pinned
from services.marketdata.storage import matrix, versions

MOST_PRICES = 4_000_000
"""Prices in one matrix at most: 32 MB on the wire."""


@dataclass(frozen=True, slots=True)
class MatrixRequest:
    """Which closes to read."""

    instrument_ids: Sequence[int]
    day: date
    """The last session."""
    sessions: int
    """Sessions to go back, the last one included."""
    version: int
    """To read at. 0: the newest."""
    basis: PriceBasis


Render = Callable[[PriceMatrix, int], bytes]
"""Turns a block, and the newest version among its rows, into what is kept."""


class Matrices:
    """Gives blocks of closes."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    async def fetch(self, viewer: str, asked: MatrixRequest, render: Render) -> bytes:
        """Give a rendered block, from the cache if it was asked for before.

        Args:
            viewer: whose private instruments can be seen. What is kept is kept for one viewer.
            asked: the block.
            render: the same function in every call.

        Raises:
            InvalidFields: there is no such session or version, or it is more than one answer can hold.
        """
        _check_size(asked)
        pinned = asked if asked.version else replace(asked, version=await self._newest_version())

        async def compute() -> bytes:
            block = await self._read(viewer, pinned)
            check_pinned(
                pinned.day, pinned.version, is_session=block.ends_on(pinned.day), newest_version=block.newest_version
            )
            return await asyncio.to_thread(lambda: render(_matrix(block, pinned.basis), block.data_version))

        found, _ = await self._cache.fetch(_key(viewer, pinned), compute)
        return found

    async def _read(self, viewer: str, asked: MatrixRequest) -> matrix.PackedBlock:
        async with self._database.transaction(viewer) as connection:
            return await matrix.block(connection, asked.instrument_ids, asked.day, asked.sessions, asked.version)

    async def _newest_version(self) -> int:
        async with self._database.transaction() as connection:
            return (await versions.standing(connection)).data_version


def _matrix(block: matrix.PackedBlock, basis: PriceBasis) -> PriceMatrix:
    return price_matrix(*block.unpack(), basis)


def _check_size(asked: MatrixRequest) -> None:
    if len(asked.instrument_ids) * asked.sessions > MOST_PRICES:
        rule = f"times {len(asked.instrument_ids)} instruments is more than the {MOST_PRICES} prices of one answer"
        raise InvalidFields([Violation("sessions", str(asked.sessions), rule)])


def _key(viewer: str, asked: MatrixRequest) -> str:
    ids = hashlib.sha256(np.array(asked.instrument_ids, dtype="<i4").tobytes()).hexdigest()
    return f"matrix/{viewer}/{asked.day}/{asked.sessions}/{asked.version}/{asked.basis}/{ids}"
