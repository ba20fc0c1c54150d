"""One symbol now: once for all who ask, within the time they have."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from chassis.database import Database
from chassis.flights import Flights
from services.marketdata.application.ensure import Coverage
from services.marketdata.application.upload_targets import private_listing
from services.marketdata.domain.fetched import Reason
from services.marketdata.storage import private_instruments
from tests.services.marketdata.market import Bringing, FakeVendor, days, row_count, vendor_of

NOW = datetime(2022, 12, 28, 22, tzinfo=UTC)
CLOSES = {19: 1.0, 20: 1.0, 21: 1.0, 22: 1.0, 23: 1.0, 27: 1.0, 28: 1.0}
USER = "9f4b0c3e-0000-4000-8000-000000000001"


class SlowVendor(FakeVendor):
    """Answers for bars when it is let."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.asked_now = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def fetch_bars(self, symbols, first, last):
        self.asked_now.set()
        await self.may_answer.wait()
        return await super().fetch_bars(symbols, first, last)


@pytest.fixture
def vendor() -> SlowVendor:
    other = vendor_of(A=CLOSES, B=CLOSES)
    slow = SlowVendor(list(other.listed.values()), other.bars, "vendor")
    slow.may_answer.set()
    return slow


@pytest.fixture
async def coverage(database: Database, vendor: SlowVendor) -> AsyncIterator[Coverage]:
    coverage = Coverage(database, Bringing(database, vendor, now=NOW).syncs, lambda: NOW)
    yield coverage
    await coverage.close()


async def test_what_is_missing_is_fetched_and_then_is_there(database: Database, vendor: SlowVendor, coverage: Coverage):
    outcome = await coverage.ensure(USER, "a", 5, None)
    assert (outcome.symbol, outcome.stored_count, outcome.provider, outcome.reason) == ("A", 5, "vendor", "")
    assert [asked[1:] for asked in vendor.asked] == [tuple(days(21, 28))]
    again = await coverage.ensure(USER, "A", 5, None)
    assert (again.stored_count, again.reason, len(vendor.asked)) == (0, "", 1)
    assert await row_count(database, "ingestions") == 1


async def test_more_sessions_are_more_to_fetch(vendor: SlowVendor, coverage: Coverage):
    await coverage.ensure(USER, "A", 2, None)
    assert (await coverage.ensure(USER, "A", 7, None)).stored_count == 5
    assert [asked[1:] for asked in vendor.asked] == [tuple(days(27, 28)), tuple(days(19, 23))]


async def test_all_who_ask_at_once_share_one_fetch(vendor: SlowVendor, coverage: Coverage):
    vendor.may_answer.clear()
    asking = [asyncio.create_task(coverage.ensure(USER, "A", 5, None)) for _ in range(20)]
    await vendor.asked_now.wait()
    asking[0].cancel()
    vendor.may_answer.set()
    outcomes = await asyncio.gather(*asking[1:])
    assert {outcome.stored_count for outcome in outcomes} == {5}
    assert len(vendor.asked) == 1


async def test_who_cannot_wait_is_told_so_and_the_work_goes_on(vendor: SlowVendor, coverage: Coverage):
    vendor.may_answer.clear()
    outcome = await coverage.ensure(USER, "A", 5, 0.0)
    assert (outcome.stored_count, outcome.reason) == (0, "provider_timed_out")
    await vendor.asked_now.wait()
    waiting = asyncio.create_task(coverage.ensure(USER, "A", 5, None))
    vendor.may_answer.set()
    assert (await waiting).stored_count in (0, 5)  # it joined the fetch, or came when all was there
    assert len(vendor.asked) == 1


async def test_a_symbol_that_nobody_knows_is_not_asked_for_again_at_once(vendor: SlowVendor, coverage: Coverage):
    for _ in range(3):
        assert (await coverage.ensure(USER, "NOPE", 5, None)).reason == "unknown_symbol"
    assert vendor.asked_listings == ["NOPE"]


async def test_a_vendor_that_is_down_is_a_reason(vendor: SlowVendor, coverage: Coverage):
    await coverage.ensure(USER, "A", 2, None)
    vendor.down = Reason.UNAVAILABLE
    assert (await coverage.ensure(USER, "A", 5, None)).reason == "provider_unavailable"


async def test_no_vendor_is_told_the_symbol_of_a_private_instrument(
    database: Database, vendor: SlowVendor, coverage: Coverage
):
    async with database.transaction(USER) as connection:
        await private_instruments.create(connection, USER, [private_listing("MINE")])
    assert (await coverage.ensure(USER, "mine", 5, None)).reason == "private_instrument"
    assert vendor.asked_listings == []


async def test_work_that_fails_fails_for_all_who_wait_and_is_not_kept():
    flights: Flights[int] = Flights()
    attempts = []

    async def fail() -> int:
        attempts.append(1)
        raise ValueError("no")

    found = await asyncio.gather(*(flights.join("a", fail) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [ValueError] * 3
    assert len(attempts) == 1
    with pytest.raises(ValueError, match="no"):
        await flights.join("a", fail)
    assert len(attempts) == 2


async def test_closing_stops_what_is_under_way():
    flights: Flights[None] = Flights()
    begun = asyncio.Event()

    async def wait_for_ever() -> None:
        begun.set()
        await asyncio.Event().wait()

    waiting = asyncio.create_task(flights.join("a", wait_for_ever))
    await begun.wait()
    await flights.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
