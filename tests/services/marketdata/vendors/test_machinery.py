"""What stands between an adapter and its vendor: rate, repetition, circuit, addresses. All on a clock that is moved."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from chassis.settings import Secret
from services.marketdata.clients.vendors.backoff import LONGEST_RETRY_AFTER, Backoff, retry_after
from services.marketdata.clients.vendors.circuit import FAILURES, OPEN_SECONDS, Circuit
from services.marketdata.clients.vendors.clock import SystemClock, deadline_in
from services.marketdata.clients.vendors.failure import CircuitOpen, FetchFailed, OutOfTime
from services.marketdata.clients.vendors.token_bucket import TokenBucket
from services.marketdata.clients.vendors.vendor_http import CALLS_AT_ONCE, Account, Patience, VendorHttp
from services.marketdata.domain.fetched import Reason
from tests.services.marketdata.vendors.clocks import NOW, FakeClock
from tests.services.marketdata.vendors.stub import Reply, Stub

LONG = 10_000.0


async def test_no_minute_sees_more_calls_than_the_plan_allows(clock: FakeClock):
    bucket, taken = TokenBucket(5, clock), []
    for _ in range(23):
        await bucket.take(deadline_in(clock, LONG))
        taken.append(clock.monotonic())
    assert all(later - earlier >= 60.0 for earlier, later in zip(taken, taken[5:], strict=False))
    assert taken[22] - taken[0] == 240.0  # and no time is wasted


async def test_callers_who_wait_are_served_in_turn(clock: FakeClock):
    bucket, served = TokenBucket(1, clock), []

    async def call(name: str) -> None:
        await bucket.take(deadline_in(clock, LONG))
        served.append(name)

    await asyncio.gather(*(call(name) for name in "abc"))
    assert served == ["a", "b", "c"]


async def test_a_token_that_comes_too_late_is_not_waited_for_and_not_taken(clock: FakeClock):
    bucket = TokenBucket(1, clock)
    await bucket.take(deadline_in(clock, 10))
    with pytest.raises(FetchFailed) as caught:
        await bucket.take(deadline_in(clock, 59))
    assert (caught.value.reason, clock.slept) == (Reason.RATE_LIMITED, [])
    await bucket.take(deadline_in(clock, 61))
    assert clock.slept == [60.0]


async def test_a_bucket_that_is_held_gives_nothing_out(clock: FakeClock):
    bucket = TokenBucket(100, clock)
    bucket.hold(30)
    bucket.hold(10)
    with pytest.raises(FetchFailed):
        await bucket.take(deadline_in(clock, 29))
    await bucket.take(deadline_in(clock, 31))
    assert clock.slept == [30.0]


class Holding(FakeClock):
    """A vendor asks for time while somebody waits for his token."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.bucket = TokenBucket(1, self)
        self._asks_for = [seconds]

    async def sleep(self, seconds: float) -> None:
        while self._asks_for:
            self.bucket.hold(self._asks_for.pop())
        await super().sleep(seconds)


async def test_who_waits_already_when_a_bucket_is_held_waits_on():
    clock = Holding(100.0)
    for _ in range(3):
        await clock.bucket.take(deadline_in(clock, LONG))
    assert clock.slept == [60.0, 40.0, 60.0]  # the token that was waited for comes back a minute after it was taken


async def test_who_waits_already_and_cannot_wait_so_long_gives_up():
    clock = Holding(100.0)
    await clock.bucket.take(deadline_in(clock, LONG))
    with pytest.raises(FetchFailed) as caught:
        await clock.bucket.take(deadline_in(clock, 90.0))
    assert (caught.value.reason, clock.slept) == (Reason.RATE_LIMITED, [60.0])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("999999999", LONGEST_RETRY_AFTER),
        ("Tue, 10 Jan 2023 15:00:30 GMT", 30.0),
        ("Tue, 10 Jan 2023 14:00:00 GMT", 0.0),
        ("Tue, 10 Jan 2023 15:00:30 -0000", 30.0),
        ("Tuesday, 10-Jan-23 15:00:45 GMT", 45.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 400, None),
        ("٧", None),
        ("Tue, 99 Jan 2023 15:00:30 GMT", None),
        ("Tue, 10 Jan 99999999999999999999 15:00:30 GMT", None),
        ("Tue, 10 Jan 2023 15:00:30 +99999999999999999999", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_and_capped(header: str, seconds: float | None):
    assert retry_after(header, NOW) == seconds


def test_backoff_doubles_is_spread_and_has_an_end():
    backoff = Backoff(first_seconds=0.5, longest_seconds=3.0, chance=lambda: 1.0)
    assert [backoff.delay(attempt) for attempt in (1, 2, 3, 4, 100)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert Backoff(chance=lambda: 0.0).delay(3) == 0.0
    assert 0.0 <= Backoff().delay(1) <= 0.5


def attempt(circuit: Circuit, reason: Reason | None = None) -> None:
    with circuit.attempt():
        if reason:
            raise FetchFailed(reason, "so it is")


def fail(circuit: Circuit, times: int, reason: Reason = Reason.UNAVAILABLE) -> None:
    for _ in range(times):
        with pytest.raises(FetchFailed):
            attempt(circuit, reason)


@pytest.mark.parametrize("reason", [Reason.UNAVAILABLE, Reason.TIMED_OUT, Reason.MALFORMED])
def test_a_circuit_opens_after_failures_in_a_row(clock: FakeClock, reason: Reason):
    circuit = Circuit(clock)
    fail(circuit, FAILURES - 1, reason)
    attempt(circuit)
    fail(circuit, FAILURES, reason)
    with pytest.raises(CircuitOpen):
        attempt(circuit)


def test_that_our_own_time_is_over_says_nothing_of_the_vendor(clock: FakeClock):
    circuit = Circuit(clock)
    fail(circuit, FAILURES - 1)
    with pytest.raises(OutOfTime), circuit.attempt():
        raise OutOfTime("so it is")
    attempt(circuit)


@pytest.mark.parametrize("reason", [Reason.REFUSED, Reason.UNKNOWN_SYMBOL, Reason.RATE_LIMITED])
def test_a_vendor_that_answers_is_not_left_alone(clock: FakeClock, reason: Reason):
    circuit = Circuit(clock)
    fail(circuit, 3 * FAILURES, reason)
    attempt(circuit)


def test_an_open_circuit_lets_one_call_try_and_closes_if_it_works(clock: FakeClock):
    circuit = Circuit(clock)
    fail(circuit, FAILURES)
    clock.seconds += OPEN_SECONDS
    with circuit.attempt(), pytest.raises(CircuitOpen):
        attempt(circuit)
    fail(circuit, FAILURES - 1)
    attempt(circuit)


def test_an_open_circuit_stays_open_if_the_call_that_tries_fails(clock: FakeClock):
    circuit = Circuit(clock)
    fail(circuit, FAILURES)
    clock.seconds += OPEN_SECONDS
    fail(circuit, 1)
    clock.seconds += OPEN_SECONDS - 1
    with pytest.raises(CircuitOpen):
        attempt(circuit)


@pytest.mark.parametrize("ending", [asyncio.CancelledError, FetchFailed(Reason.RATE_LIMITED, "ours")])
def test_a_try_that_is_given_up_leaves_room_for_another(clock: FakeClock, ending):
    circuit = Circuit(clock)
    fail(circuit, FAILURES)
    clock.seconds += OPEN_SECONDS
    with pytest.raises((asyncio.CancelledError, FetchFailed)), circuit.attempt():
        raise ending
    attempt(circuit)


async def serving(started, *replies: Reply) -> Stub:
    stub = Stub(lambda _: Reply({"ok": True}))
    stub.fail("/", *replies, for_ever=False)
    return await started(stub)


async def test_a_date_in_retry_after_is_waited_for_by_every_call(started, http_of, clock: FakeClock):
    busy = Reply({}, 429, headers={"retry-after": "Tue, 10 Jan 2023 15:00:20 GMT"})
    stub = await serving(started, busy)
    http = http_of(stub.url)
    await http.get(http.url("a"), http.deadline())
    assert clock.slept == [20.0]
    assert len(stub.requests) == 2


async def test_a_vendor_that_is_unavailable_says_for_how_long(started, http_of, clock: FakeClock):
    stub = await serving(started, Reply({}, 503, headers={"retry-after": "9"}))
    http = http_of(stub.url)
    await asyncio.gather(*(http.get(http.url(part), http.deadline()) for part in "ab"))
    assert max(clock.slept) == 9.0
    assert len(stub.requests) == 3


async def test_a_call_that_our_deadline_cuts_short_is_no_fault_of_the_vendor(started, http_of, clock: FakeClock):
    stub = await started(Stub(lambda _: Reply(b" " * 60, seconds_a_byte=1.0)))
    http = http_of(stub.url, Patience(fetch_seconds=0.05, call_seconds=5.0))
    for _ in range(FAILURES):
        with pytest.raises(OutOfTime):
            await http.get(http.url("a"), http.deadline())
    stub.fail("/", Reply({}))
    with pytest.raises(OutOfTime):
        await http.get(http.url("b"), deadline_in(clock, 0.0))
    await http.get(http.url("b"), deadline_in(clock, 5.0))


async def test_a_wait_for_other_calls_is_no_time_of_a_call(started, http_of):
    replies = iter([Reply(b" " * 60, seconds_a_byte=0.01)] * CALLS_AT_ONCE + [Reply({})] * 2)
    stub = await started(Stub(lambda _: next(replies)))
    http = http_of(stub.url, Patience(call_seconds=0.2, backoff=Backoff(attempts=1)))
    calls = [http.get(http.url("a"), http.deadline()) for _ in range(CALLS_AT_ONCE + 1)]
    *first, last = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(one) for one in first} == {FetchFailed}
    # Its time began when theirs was over: it was answered, or the circuit had opened by then.
    assert last == b"{}" or isinstance(last, CircuitOpen)


@pytest.mark.parametrize(("content_type", "expected"), [("application/json", True), ("text/plain", False)])
@pytest.mark.parametrize("says_so", [True, False])
async def test_404_is_an_unknown_symbol_where_the_vendor_says_so(started, http_of, content_type, expected, says_so):
    stub = await serving(started, Reply({}, 404, content_type))
    http = http_of(stub.url, unknown_is_404=says_so)
    with pytest.raises(FetchFailed) as caught:
        await http.get(http.url("a"), http.deadline())
    assert caught.value.reason is (Reason.UNKNOWN_SYMBOL if expected and says_so else Reason.MALFORMED)


async def test_a_vendor_that_asks_for_more_time_than_there_is_is_not_waited_for(started, http_of, clock: FakeClock):
    stub = await serving(started, Reply({}, 429, headers={"retry-after": "61"}))
    http = http_of(stub.url)
    with pytest.raises(FetchFailed) as caught:
        await http.get(http.url("a"), http.deadline())
    assert (caught.value.reason, clock.slept, len(stub.requests)) == (Reason.RATE_LIMITED, [], 1)
    with pytest.raises(FetchFailed):
        await http.get(http.url("b"), http.deadline())
    assert len(stub.requests) == 1  # the next call stays away too


async def test_repetitions_wait_longer_each_time(started, http_of, clock: FakeClock):
    stub = await serving(started, Reply({}, 500), Reply({}, 503))
    http = http_of(stub.url, Patience(backoff=Backoff(chance=lambda: 1.0)))
    assert await http.get(http.url("a"), http.deadline()) == b'{"ok": true}'
    assert clock.slept == [0.5, 1.0]


async def test_what_is_refused_is_not_repeated(started, http_of):
    stub = await serving(started, Reply({}, 403))
    http = http_of(stub.url)
    with pytest.raises(FetchFailed, match="provider_refused: status 403"):
        await http.get(http.url("a"), http.deadline())
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("part", "wire"),
    [
        ("BRK/B", "BRK%2FB"),
        ("A?apikey=1", "A%3Fapikey%3D1"),
        ("A#B", "A%23B"),
        ("@evil.example", "%40evil.example"),
        ("I:SPX", "I%3ASPX"),
        ("A%2F", "A%252F"),
        ("ÄÖ", "%C3%84%C3%96"),
        ("A B", "A%20B"),
        ("A\r\nX: y", "A%0D%0AX%3A%20y"),
        ("http://evil.example/", "http%3A%2F%2Fevil.example%2F"),
    ],
)
async def test_a_symbol_stays_one_part_of_the_path(started, http_of, part: str, wire: str):
    stub = await serving(started)
    http = http_of(f"{stub.url}/base/")
    await http.get(http.url("v2", part, "prev", symbol=part), http.deadline())
    (request,) = stub.requests
    assert request.target.startswith(f"/base/v2/{wire}/prev?")
    assert request.path == ["base", "v2", part, "prev"]
    assert request.query == {"symbol": part}


async def test_a_key_goes_to_its_vendor_and_nowhere_else(started, http_of):
    stub, elsewhere = await serving(started), await serving(started)
    http = http_of(stub.url, header_name="apikey", query_name="api_key", key=Secret("s3cret"))
    await http.get(http.url("a", b="c"), http.deadline())
    (request,) = stub.requests
    assert request.headers["apikey"] == "s3cret"
    assert request.query == {"b": "c", "api_key": "s3cret"}
    for url in (f"{elsewhere.url}/a", stub.url.replace("127.0.0.1", "localhost"), stub.url.replace("//", "//me@")):
        with pytest.raises(FetchFailed) as caught:
            await http.get(url, http.deadline())
        assert caught.value.reason is Reason.MALFORMED
        assert "s3cret" not in str(caught.value)
    assert elsewhere.requests == []
    assert len(stub.requests) == 1


async def test_nothing_is_opened_before_the_first_call():
    http = VendorHttp(Account("http://127.0.0.1:1", 1), Patience(), SystemClock())
    await http.close()
    await http.close()


async def test_the_clock_of_the_machine_is_in_utc_and_goes_on():
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
