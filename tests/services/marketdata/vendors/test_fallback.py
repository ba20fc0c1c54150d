"""Several sources in their order: who is asked for what, and what the answer says."""

from collections.abc import Collection
from datetime import date
from typing import Any

import pytest

from chassis.settings import Secret
from services.marketdata.clients.vendors.backoff import Backoff
from services.marketdata.clients.vendors.clock import SystemClock, deadline_in
from services.marketdata.clients.vendors.fallback import InOrder, Turns
from services.marketdata.clients.vendors.fmp import FmpProvider
from services.marketdata.clients.vendors.massive import MassiveProvider
from services.marketdata.clients.vendors.vendor_http import Account, Patience, VendorHttp
from services.marketdata.domain.fetched import Fetched, Reason, RejectedRow, RowKind, fetched_from
from tests.services.marketdata.vendors import fmp_stub
from tests.services.marketdata.vendors.clocks import FakeClock
from tests.services.marketdata.vendors.market import FIRST, LAST
from tests.services.marketdata.vendors.stub import Reply

DAYS = (FIRST, LAST)


class Told:
    """A source of everything that says what a test tells it, and keeps what it was asked."""

    def __init__(self, name: str, found: str = "", **failed: Reason) -> None:
        self.name = name
        self._found = found.split()
        self._failed = failed
        self.asked: list[list[str]] = []

    async def _answer(self, keys: Collection[str], *_: date) -> Fetched[Any]:
        self.asked.append(list(keys))
        found = {key: f"{key} of {self.name}" for key in keys if key in self._found}
        failed = {key: self._failed.get(key, Reason.UNKNOWN_SYMBOL) for key in keys if key not in found}
        row = RejectedRow(RowKind.BAR, "", None, "{}", self.name, "not_a_number")
        return fetched_from(self.name, found, failed, [row])

    fetch_listings = fetch_bars = fetch_corporate_actions = fetch_quotes = _answer
    fetch_option_chains = fetch_yields = fetch_fx_rates = _answer


def in_order(*sources: Told) -> InOrder[Any]:
    return InOrder(list(sources), Turns(FakeClock(), 25.0, ()))


async def test_the_next_is_asked_only_for_what_is_missing():
    first, second, third = Told("first", "A"), Told("second", "B"), Told("third", "C D")
    answer = await in_order(first, second, third).fetch_bars(["A", "B", "C"], *DAYS)
    assert (first.asked, second.asked, third.asked) == ([["A", "B", "C"]], [["B", "C"]], [["C"]])
    assert dict(answer.found) == {"A": "A of first", "B": "B of second", "C": "C of third"}
    assert dict(answer.sources) == {"A": "first", "B": "second", "C": "third"}
    assert answer.failed == {}
    assert [row.source for row in answer.rejected] == ["first", "second", "third"]


async def test_nobody_is_asked_when_nothing_is_missing():
    first, second = Told("first", "A B"), Told("second", "A B")
    await in_order(first, second).fetch_bars(["A", "B"], *DAYS)
    assert second.asked == []


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.INVALID_SYMBOL])
async def test_after_every_fault_but_one_the_next_is_asked(reason: Reason):
    second = Told("second", "A")
    answer = await in_order(Told("first", A=reason), second).fetch_bars(["A"], *DAYS)
    assert second.asked == [["A"]]
    assert (dict(answer.found), dict(answer.failed)) == ({"A": "A of second"}, {})


async def test_what_is_no_symbol_is_asked_of_nobody_else():
    second = Told("second", "A")
    answer = await in_order(Told("first", A=Reason.INVALID_SYMBOL), second).fetch_bars(["A"], *DAYS)
    assert second.asked == []
    assert answer.failed == {"A": Reason.INVALID_SYMBOL}


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (Reason.RATE_LIMITED, Reason.UNKNOWN_SYMBOL, Reason.RATE_LIMITED),
        (Reason.UNKNOWN_SYMBOL, Reason.UNAVAILABLE, Reason.UNAVAILABLE),
        (Reason.NO_HISTORY, Reason.UNKNOWN_SYMBOL, Reason.NO_HISTORY),
        (Reason.UNKNOWN_SYMBOL, Reason.NO_HISTORY, Reason.NO_HISTORY),
        (Reason.UNKNOWN_SYMBOL, Reason.UNKNOWN_SYMBOL, Reason.UNKNOWN_SYMBOL),
        (Reason.TIMED_OUT, Reason.MALFORMED, Reason.TIMED_OUT),
    ],
)
async def test_while_a_source_is_down_nobody_says_that_a_symbol_is_unknown(first, second, told):
    answer = await in_order(Told("first", A=first), Told("second", A=second)).fetch_bars(["A"], *DAYS)
    assert answer.failed == {"A": told}


async def test_without_sources_there_is_no_provider():
    answer = await in_order().fetch_bars(["A", "B"], *DAYS)
    assert answer == Fetched({}, {"A": Reason.NO_PROVIDER, "B": Reason.NO_PROVIDER}, {})


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("fetch_listings", ()),
        ("fetch_bars", DAYS),
        ("fetch_corporate_actions", DAYS),
        ("fetch_quotes", ()),
        ("fetch_option_chains", ()),
        ("fetch_yields", DAYS),
        ("fetch_fx_rates", DAYS),
    ],
)
async def test_every_kind_of_data_falls_back(method: str, arguments: tuple[date, ...]):
    sources = in_order(Told("first", "A"), Told("second", "B"))
    answer = await getattr(sources, method)(["A", "B"], *arguments)
    assert dict(answer.sources) == {"A": "first", "B": "second"}
    assert sources.name == "first,second"


async def test_a_vendor_that_is_down_is_replaced_by_the_next(massive, fmp, clock: FakeClock):
    (provider, stub), (other, _) = massive, fmp
    await stub.stop()
    answer = await InOrder([provider, other], Turns(clock, 25.0, ())).fetch_bars(["AAPL", "NOPE"], *DAYS)
    assert dict(answer.sources) == {"AAPL": "fmp"}
    assert answer.failed == {"NOPE": Reason.UNAVAILABLE}


class Slow(Told):
    """Uses up all the time it is given."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        super().__init__(name)
        self.clock = clock
        self.given: list[float] = []

    async def fetch_bars(self, keys: Collection[str], *days: date) -> Fetched[Any]:
        self.given.append(deadline_in(self.clock, 1000.0).remaining)
        await self.clock.sleep(self.given[-1])
        return await self._answer(keys)


async def test_all_together_have_the_time_of_one_fetch_and_the_slow_leave_some_to_the_others(clock: FakeClock):
    slow = [Slow(name, clock) for name in "abc"]
    file = Told("file", "A")
    answer = await InOrder([*slow, file], Turns(clock, 27.0, ["file"])).fetch_bars(["A"], *DAYS)
    assert [source.given for source in slow] == [[pytest.approx(18)], [pytest.approx(6)], [pytest.approx(3)]]
    assert clock.seconds == pytest.approx(1027.0)
    assert dict(answer.sources) == {"A": "file"}  # which takes no time, and is there for that


async def test_time_that_is_allotted_is_allotted_to_nobody_else(clock: FakeClock):
    await InOrder([Slow("a", clock)], Turns(clock, 9.0, ())).fetch_bars(["A"], *DAYS)
    assert deadline_in(clock, 1000.0).remaining == 1000.0


async def test_a_vendor_who_sends_a_byte_a_second_does_not_cost_the_answer_of_the_next(massive, fmp):
    (_, stub), (_, other) = massive, fmp
    stub.fail("/", Reply(b" " * 3600, seconds_a_byte=1.0))
    clock, impatient = SystemClock(), Patience(call_seconds=0.3, backoff=Backoff(attempts=1))
    slow = VendorHttp(Account(stub.url, 1000), impatient, clock)
    quick = VendorHttp(Account(f"{other.url}/stable", 1000, "apikey", key=Secret(fmp_stub.KEY)), Patience(), clock)
    in_turn = InOrder([MassiveProvider(slow), FmpProvider(quick)], Turns(clock, 60.0, ()))
    assert dict((await in_turn.fetch_bars(["AAPL"], *DAYS)).sources) == {"AAPL": "fmp"}
    await slow.close()
    await quick.close()
