"""The order of reading, what is pinned, and what the cache spares."""

import asyncio
import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest

from chassis.cache import Cache
from chassis.errors import NotFound, OutOfRange
from plimsoll.risk.v1.overview_pb2 import Overview
from services.risk.application.analyses import Analyses, Target
from services.risk.domain.analysis import NoParameters
from services.risk.domain.overview import OVERVIEW
from services.risk.handlers.catalogue import KINDS
from tests.services.risk.books import AS_OF, CALL, LONG_SHORT, PORTFOLIO_ID, SESSION, book, closes, mark
from tests.services.risk.fakes import FakeBooks, FakeFits, FakeLedger, FakeMarket, FakeSnapshots

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
NOON = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)


class Overviews:
    """Asks for overviews alone."""

    def __init__(self, analyses):
        self._analyses = analyses

    async def read(self, owner_id, portfolio_id, revision=0, as_of_date=None):
        target = Target(portfolio_id, revision, as_of_date)
        answer, cached = await self._analyses.answer(
            OVERVIEW, KINDS["overview"].render, owner_id, target, NoParameters()
        )
        return Computed(Overview.FromString(answer.payload), answer.calculated_time), cached


@dataclasses.dataclass(frozen=True)
class Computed:
    overview: Overview
    calculated_time: datetime


def overviews(books, market, cache=None, now=NOON, ledger=None):
    ports = cache or Cache("test"), ledger or FakeLedger(), FakeSnapshots(), FakeFits()
    return Overviews(Analyses(books, market, *ports, now=lambda: now))


async def test_the_book_is_read_at_the_resolved_session_and_the_marks_at_its_version_in_one_call():
    books, market = FakeBooks(book(LONG_SHORT)), FakeMarket(*closes())
    computed, cached = await overviews(books, market).read(OWNER, PORTFOLIO_ID, 2)
    assert books.asked == [(PORTFOLIO_ID, 2, AS_OF)]
    assert market.asked == [((1, 2, 3, 4), AS_OF, 7)]
    assert not cached
    assert computed.calculated_time == NOON
    assert computed.overview.metadata.portfolio_revision == 3


async def test_a_session_that_is_new_since_the_last_call_is_the_one_that_is_answered():
    books, market = FakeBooks(book(LONG_SHORT)), FakeMarket(*closes())
    asked = overviews(books, market)
    await asked.read(OWNER, PORTFOLIO_ID)
    next_day = AS_OF + timedelta(days=1)
    market.session = dataclasses.replace(SESSION, as_of_date=next_day, data_version=8)
    computed, cached = await asked.read(OWNER, PORTFOLIO_ID)
    assert not cached
    assert computed.overview.metadata.as_of_date == next_day.isoformat()
    assert books.asked[-1] == (PORTFOLIO_ID, 0, next_day)
    assert market.asked[-1] == ((1, 2, 3, 4), next_day, 8)


async def test_the_mark_of_an_underlying_that_is_not_held_is_read_as_well():
    market = FakeMarket(*closes())
    await overviews(FakeBooks(book((CALL,))), market).read(OWNER, PORTFOLIO_ID)
    assert market.asked[0][0] == (1, 4)


async def test_a_book_without_positions_needs_no_marks():
    market = FakeMarket()
    computed, _ = await overviews(FakeBooks(book(cash=[("USD", 9.0)])), market).read(OWNER, PORTFOLIO_ID)
    assert computed.overview.total_value == 9.0
    assert market.asked == []


async def test_the_second_answer_is_the_first_and_says_when_it_was_computed():
    books, market, cache = FakeBooks(book(LONG_SHORT)), FakeMarket(*closes()), Cache("test")
    first, _ = await overviews(books, market, cache).read(OWNER, PORTFOLIO_ID)
    later = datetime(2024, 3, 1, tzinfo=UTC)
    second, cached = await overviews(books, market, cache, now=later).read(OWNER, PORTFOLIO_ID)
    assert cached
    assert second == first
    assert len(market.asked) == 1
    assert len(books.asked) == 2  # which is what proves that the caller may still see it


@pytest.mark.parametrize(
    ("changed_book", "session"),
    [
        ({"revision": 4}, SESSION),
        ({}, dataclasses.replace(SESSION, data_version=8)),
        ({}, dataclasses.replace(SESSION, as_of_date=date(2022, 12, 27))),
    ],
)
async def test_another_revision_version_or_session_is_computed_anew(changed_book, session):
    cache = Cache("test")
    await overviews(FakeBooks(book(LONG_SHORT)), FakeMarket(*closes()), cache).read(OWNER, PORTFOLIO_ID)
    market = FakeMarket(*closes(), session=session)
    _, cached = await overviews(FakeBooks(book(LONG_SHORT, **changed_book)), market, cache).read(OWNER, PORTFOLIO_ID)
    assert not cached


async def test_another_owner_shares_nothing():
    cache, books = Cache("test"), FakeBooks(book(LONG_SHORT))
    first, _ = await overviews(books, FakeMarket(*closes()), cache).read(OWNER, PORTFOLIO_ID)
    second, cached = await overviews(books, FakeMarket(*closes()), cache).read("another", PORTFOLIO_ID)
    assert not cached
    assert second.overview.metadata.result_id != first.overview.metadata.result_id


async def test_a_corrected_price_changes_id_and_value_and_a_version_without_one_changes_neither():
    cache, books = Cache("test"), FakeBooks(book(LONG_SHORT))
    newer = dataclasses.replace(SESSION, data_version=8)
    first, _ = await overviews(books, FakeMarket(*closes()), cache).read(OWNER, PORTFOLIO_ID)
    same, cached = await overviews(books, FakeMarket(*closes(), session=newer), cache).read(OWNER, PORTFOLIO_ID)
    assert not cached
    assert same.overview == first.overview
    corrected = [mark(1, 127.04, data_version=9), *closes()[1:]]
    newest = FakeMarket(*corrected, session=dataclasses.replace(SESSION, data_version=9))
    other, _ = await overviews(books, newest, cache).read(OWNER, PORTFOLIO_ID)
    assert other.overview.metadata.result_id != first.overview.metadata.result_id
    assert other.overview.total_value == pytest.approx(first.overview.total_value + 100.0)


async def test_many_at_once_read_the_marks_once():
    market = FakeMarket(*closes())
    service = overviews(FakeBooks(book(LONG_SHORT)), market)
    answers = await asyncio.gather(*(service.read(OWNER, PORTFOLIO_ID) for _ in range(20)))
    assert len(market.asked) == 1
    assert sum(not cached for _, cached in answers) == 1
    assert all(computed == answers[0][0] for computed, _ in answers)


async def test_what_the_ports_refuse_is_refused():
    service = overviews(FakeBooks(book(LONG_SHORT)), FakeMarket(*closes()))
    with pytest.raises(NotFound):
        await service.read(OWNER, "11111111-2222-3333-4444-555555555555")
    with pytest.raises(OutOfRange):
        await service.read(OWNER, PORTFOLIO_ID, as_of_date=date(2023, 1, 3))
    with pytest.raises(OutOfRange):
        await service.read(OWNER, PORTFOLIO_ID, revision=9)


async def test_what_the_ledger_has_is_not_computed_again():
    books, ledger = FakeBooks(book(LONG_SHORT)), FakeLedger()
    first, _ = await overviews(books, FakeMarket(*closes()), ledger=ledger).read(OWNER, PORTFOLIO_ID)
    later = datetime(2024, 3, 1, tzinfo=UTC)
    newer = FakeMarket(*closes(), session=dataclasses.replace(SESSION, data_version=8))
    second, cached = await overviews(books, newer, now=later, ledger=ledger).read(OWNER, PORTFOLIO_ID)
    assert second == first, "an id fixes the payload, and it was computed at noon"
    assert not cached
    ((kept,),) = [ledger.results.values()]
    assert (kept.kind, kept.pinned_data_version, set(kept.digests)) == ("overview", 7, {"portfolio", "marks"})
