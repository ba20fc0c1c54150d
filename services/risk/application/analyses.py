"""Answers about a book: resolved and pinned first, then from the cache, from the ledger, or computed.

Three things fix an answer before anything else is read: the revision, the session and the version known now. They and
the resolved request are its cache key. What it is called by, its `result_id`, is narrower: a digest of the slices that
it reads. Under that name the ledger keeps it, so that an answer whose slices did not change is not computed again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import numpy as np
from cachetools import LRUCache

from chassis.cache import Cache
from services.risk.application.computing import in_thread
from services.risk.application.gathering import Gathering
from services.risk.application.known_fits import KnownFits
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.assessed import assess
from services.risk.domain.book import Book
from services.risk.domain.inputs import Inputs
from services.risk.domain.joined_book import PARTS
from services.risk.domain.ledger import StoredResult
from services.risk.domain.market import Session
from services.risk.domain.result_id import MODEL_VERSION, Resolved, result_id, this_platform
from services.risk.ports import Books, Fits, Ledger, Market, Snapshots

DAYS_KEPT = 1000
"""Days of which the session of the last time is remembered."""
Render = Callable[[Resolved, str, Inputs, Found], bytes]
"""Serialises what was found as the answer of the contract, given its request, its id and its inputs."""


@dataclass(frozen=True, slots=True)
class Target:
    """The book that is asked about."""

    portfolio_id: str
    """Of one portfolio, or `all`. Empty: the answer is about no portfolio."""
    revision: int = 0
    """0: the newest."""
    as_of_date: date | None = None
    """None: the newest sealed session."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as serialised, and when it was computed: the second is no part of the first."""

    payload: bytes
    calculated_time: datetime


def _now() -> datetime:
    return datetime.now(UTC)


class Analyses:
    """Answers every kind of analysis."""

    def __init__(
        self,
        books: Books,
        market: Market,
        cache: Cache,
        ledger: Ledger,
        snapshots: Snapshots,
        fits: Fits,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._market = market
        self._snapshots = snapshots
        self._gathering = Gathering(books, market, snapshots)
        self._cache = cache
        self._ledger = ledger
        self._fits = KnownFits(fits)
        self._now = now
        self._sessions: LRUCache[date | None, Session] = LRUCache(DAYS_KEPT)

    async def answer(
        self, analysis: Analysis[Any], render: Render, owner_id: str, target: Target, parameters: Any
    ) -> tuple[Answer, bool]:
        """Give the answer, and whether it was there already.

        Raises:
            InvalidFields: a revision of all portfolios is asked for.
            What the ports raise.
        """
        session, book = await self._pin(target)
        resolved = resolve(analysis, owner_id, book, session, parameters)

        async def compute() -> bytes:
            return msgspec.msgpack.encode(await self._find_or_compute(analysis, render, resolved, book, session))

        key = _key(resolved, book, session)
        if analysis.needs(parameters).snapshots and book.parts is None:  # which change without any of the other three
            key += "/" + await self._snapshots.digest(owner_id, target.portfolio_id)
        stored, cached = await self._cache.fetch(key, compute, owner_id)
        return msgspec.msgpack.decode(stored, type=Answer), cached

    async def _pin(self, target: Target) -> tuple[Session, Book]:
        """Resolve the session and read the book: both at once, as long as the session is that of the last time."""
        day = target.as_of_date
        if (expected := self._sessions.get(day)) is None:
            session = await self._market.resolve(day)
            book = await self._gathering.book(target.portfolio_id, target.revision, session)
        else:
            session, book = await asyncio.gather(
                self._market.resolve(day), self._gathering.book(target.portfolio_id, target.revision, expected)
            )
            if session != expected:
                book = await self._gathering.book(target.portfolio_id, target.revision, session)
        self._sessions[day] = session
        return session, book

    async def _find_or_compute(
        self, analysis: Analysis[Any], render: Render, resolved: Resolved, book: Book, session: Session
    ) -> Answer:
        needs = analysis.needs(msgspec.convert(resolved.parameters, analysis.parameters))
        inputs = await self._gathering.inputs(resolved.owner_id, book, session, needs)
        digests = inputs.digests()
        name = result_id(resolved, digests)
        if stored := await self._ledger.find(resolved.owner_id, name):
            return Answer(stored.payload, stored.calculated_time)
        inputs = await self._fits.beside(inputs, needs)
        payload = await in_thread(compute_payload, analysis, render, resolved, inputs, name)
        result = StoredResult(
            result_id=name,
            owner_id=resolved.owner_id,
            kind=resolved.kind,
            portfolio_id=resolved.portfolio_id,
            portfolio_revision=resolved.portfolio_revision,
            as_of_date=session.as_of_date,
            pinned_data_version=session.data_version,
            model_version=MODEL_VERSION,
            platform=this_platform(),
            parameters=resolved.parameters,
            digests=digests,
            payload=payload,
            calculated_time=self._now(),
        )
        await self._ledger.add(result)
        return Answer(payload, result.calculated_time)


def resolve(analysis: Analysis[Any], owner_id: str, book: Book, session: Session, parameters: Any) -> Resolved:
    """Fill in everything that a request left to us: of all portfolios as one, also which they are."""
    joined = {} if book.parts is None else {PARTS: dict(book.parts)}
    return Resolved(
        kind=analysis.kind,
        owner_id=owner_id,
        portfolio_id=book.portfolio_id,
        portfolio_revision=book.revision,
        as_of_date=session.as_of_date.isoformat(),
        parameters=msgspec.to_builtins(parameters) | joined,
    )


def compute_payload(
    analysis: Analysis[Any], render: Render, resolved: Resolved, inputs: Inputs, name: str = ""
) -> bytes:
    """Give the serialised answer. Pure: a replay calls it with the same arguments, and gets the same bytes.

    Args:
        analysis: the kind of answer.
        render: serialises it.
        resolved: the request.
        inputs: all that it reads.
        name: its result id, where that is known already.
    """
    parameters = msgspec.convert(resolved.parameters, analysis.parameters)
    named = name or result_id(resolved, inputs.digests())
    return render(resolved, named, inputs, find(analysis, inputs, parameters))


def find(analysis: Analysis[Any], inputs: Inputs, parameters: Any) -> Found:
    """Run an analysis. Where its arithmetic leaves float64, by prices that are sound one by one, there is no answer.

    Of a user without any portfolio there is none either.
    """
    if inputs.book.parts == {}:
        return assess(inputs).unavailable("no_portfolio")
    try:
        with np.errstate(over="raise"):
            return analysis.compute(inputs, parameters)
    except (FloatingPointError, OverflowError):
        return assess(inputs).unavailable("number_out_of_range")


def _key(resolved: Resolved, book: Book, session: Session) -> str:
    parameters = msgspec.json.encode(resolved.parameters, order="sorted").decode()
    parts = [resolved.kind, MODEL_VERSION, resolved.owner_id, resolved.portfolio_id, resolved.portfolio_revision]
    return "/".join(map(str, [*parts, book.digest, session.as_of_date, session.data_version, parameters]))
