"""The overview of a portfolio, from one revision, one session and one version, all resolved first.

The three fix the answer, so they are its cache key: a second call reads the book (which proves that the caller may)
and spares the marks and the arithmetic. Its `result_id` is narrower, a digest of the marks that were used.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import msgspec
import numpy as np

from chassis.cache import Cache
from services.risk.domain.book import Book
from services.risk.domain.market import MarketSlice, Session
from services.risk.domain.overview import KIND, sum_up
from services.risk.domain.result_id import MODEL_VERSION
from services.risk.domain.results import Overview
from services.risk.ports import Books, Market

ON_THE_LOOP = 200
"""Options of a book that is summed up without leaving the event loop: some five milliseconds."""


@dataclass(frozen=True, slots=True)
class Computed:
    """An overview, and when it was computed: the second is no part of the first."""

    overview: Overview
    calculated_time: datetime


def _now() -> datetime:
    return datetime.now(UTC)


class Overviews:
    """Answers what a portfolio amounts to."""

    def __init__(self, books: Books, market: Market, cache: Cache, now: Callable[[], datetime] = _now) -> None:
        self._books = books
        self._market = market
        self._cache = cache
        self._now = now

    async def read(
        self, owner_id: str, portfolio_id: str, revision: int = 0, as_of_date: date | None = None
    ) -> tuple[Computed, bool]:
        """Give the overview and whether it came from the cache.

        Raises:
            What the ports raise.
        """
        session = await self._market.resolve(as_of_date)
        book = await self._books.read(portfolio_id, revision, session.as_of_date)

        async def compute() -> bytes:
            instrument_ids = book.instrument_ids()
            marks = await self._market.marks(instrument_ids, session) if instrument_ids else {}
            slice_ = MarketSlice(session, marks)
            if np.count_nonzero(book.held.is_option) > ON_THE_LOOP:
                overview = await asyncio.to_thread(sum_up, owner_id, book, slice_)
            else:
                overview = sum_up(owner_id, book, slice_)
            return msgspec.msgpack.encode(Computed(overview, self._now()))

        stored, cached = await self._cache.fetch(_key(owner_id, book, session), compute)
        return msgspec.msgpack.decode(stored, type=Computed), cached


def _key(owner_id: str, book: Book, session: Session) -> str:
    parts = [KIND, MODEL_VERSION, owner_id, book.portfolio_id, book.revision, session.as_of_date, session.data_version]
    return "/".join(map(str, parts))
