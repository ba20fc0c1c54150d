"""Everything that vendors do wrong: the fetch ends, says why, spoils nothing else, and never raises."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chassis.settings import Secret
from services.marketdata.clients.vendors import pages
from services.marketdata.clients.vendors.backoff import Backoff
from services.marketdata.clients.vendors.fmp import FmpProvider
from services.marketdata.clients.vendors.fred import KEY_PARAMETER, FredProvider
from services.marketdata.clients.vendors.massive import MassiveProvider, bearer
from services.marketdata.clients.vendors.vendor_http import Patience
from services.marketdata.domain.fetched import Fetched, Reason
from tests.services.marketdata.vendors import fmp_stub, fred_stub, market, massive_stub
from tests.services.marketdata.vendors.clocks import FakeClock
from tests.services.marketdata.vendors.market import FIRST, LAST
from tests.services.marketdata.vendors.stub import Reply, Stub

KEYS = (massive_stub.KEY, fmp_stub.KEY, fred_stub.KEY)
HTML = Reply(b"<!DOCTYPE html><html><title>We'll be right back</title></html>", content_type="text/html; charset=utf-8")
HTML_ERROR = replace(HTML, status=503)
HTML_AS_JSON = replace(HTML, content_type="application/json")
CALL_SECONDS = 0.3
"""Real ones: what stops a vendor who does not, which no clock of ours could."""
MOST_BYTES = 200_000


SENSELESS = [
    b'{"results": [{"c": 1',
    b'[{"symbol": "KO", "da',
    b"",
    b"nul",
    b'"text"',
    b"7",
    b"null",
    b"[" * 100_000,
    b'{"results": 5, "observations": 5}',
    b"\xff\xfe\x00",
    b'{"results": "' + b"9" * 5000 + b'"}',
    b"1" * 5000,
]


@dataclass(frozen=True)
class Case:
    """A fetch of two keys, and the text by which the requests for the second can be told."""

    stub: Stub
    fetch: Callable[[], Awaitable[Fetched[Any]]]
    good: str
    bad: str
    where: str
    content_type: str = "application/json"


@pytest.fixture
async def case(request: pytest.FixtureRequest, started, http_of, clock: FakeClock) -> Case:
    """A kind of data of a vendor, by name."""
    patience = Patience(call_seconds=CALL_SECONDS, max_bytes=MOST_BYTES, backoff=Backoff(chance=lambda: 0.5))
    vendor, _, kind = request.param.partition(" ")
    if vendor == "massive":
        stub = await started(massive_stub.MassiveStub())
        key = bearer(Secret(massive_stub.KEY))
        massive = MassiveProvider(
            http_of(stub.url, patience, header_name="authorization", key=key, unknown_is_404=True)
        )
        return {
            "bars": Case(stub, lambda: massive.fetch_bars(["AAPL", "KO"], FIRST, LAST), "AAPL", "KO", "/KO/"),
            "fx": Case(
                stub, lambda: massive.fetch_fx_rates(["EURUSD", "GBPUSD"], FIRST, LAST), "EURUSD", "GBPUSD", "GBP"
            ),
            "listings": Case(stub, lambda: massive.fetch_listings(["AAPL", "KO"]), "AAPL", "KO", "/KO"),
            "options": Case(stub, lambda: massive.fetch_option_chains(["AAPL", "KO"]), "AAPL", "KO", "/KO"),
        }[kind]
    if vendor == "fmp":
        stub = await started(fmp_stub.FmpStub())
        fmp = FmpProvider(http_of(f"{stub.url}/stable", patience, header_name="apikey", key=Secret(fmp_stub.KEY)))
        both = ("AAPL", "KO")
        return {
            "bars": Case(stub, lambda: fmp.fetch_bars(both, FIRST, LAST), *both, "=KO"),
            "actions": Case(stub, lambda: fmp.fetch_corporate_actions(both, FIRST, LAST), *both, "=KO"),
            "quotes": Case(stub, lambda: fmp.fetch_quotes(both), *both, "=KO"),
            "listings": Case(stub, lambda: fmp.fetch_listings(both), *both, "=KO"),
        }[kind]
    stub = await started(fred_stub.FredStub())
    account = {"query_name": KEY_PARAMETER, "key": Secret(fred_stub.KEY)} if kind == "api" else {}
    fred = FredProvider(http_of(stub.url, patience, **account), has_key=kind == "api")
    content_type = "application/json" if kind == "api" else "application/csv"
    return Case(stub, lambda: fred.fetch_yields(["2Y", "10Y"], FIRST, LAST), "2Y", "10Y", "DGS10", content_type)


HTTP = ["massive bars", "massive fx", "massive listings", "massive options", "fmp bars", "fmp actions", "fmp quotes",
        "fmp listings", "fred api", "fred graph"]  # fmt: skip
everywhere = pytest.mark.parametrize("case", HTTP, indirect=True)


async def check_only_bad_failed(case: Case, reason: Reason) -> None:
    """The second key fails for a reason, the first is answered; within any bound that matters to a caller."""
    async with asyncio.timeout(30):
        answer = await case.fetch()
    assert set(answer.found) == {case.good}
    assert answer.failed == {case.bad: reason}


@everywhere
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (HTML, Reason.MALFORMED),
        (HTML_AS_JSON, Reason.MALFORMED),
        (HTML_ERROR, Reason.UNAVAILABLE),
        (Reply({"error": "boom"}, 500), Reason.UNAVAILABLE),
        (Reply({"error": "gateway"}, 502), Reason.UNAVAILABLE),
        (Reply({"error": "who are you"}, 401), Reason.REFUSED),
        (Reply({"error": "pay"}, 402), Reason.REFUSED),
        (Reply({"error": "not you"}, 403), Reason.REFUSED),
        (Reply({"error": "slow down"}, 429), Reason.RATE_LIMITED),
        (Reply(b"gone", 302, headers={"location": "http://127.0.0.1:1/"}), Reason.MALFORMED),
        (Reply(b"404 page not found\n", 404, "text/plain; charset=utf-8"), Reason.MALFORMED),
        (Reply(b"x" * 1000, headers={"content-encoding": "gzip"}), Reason.MALFORMED),
    ],
    ids=["html", "html called json", "html 503", "500", "502", "401", "402", "403", "429", "302", "404", "no gzip"],
)
async def test_a_wrong_answer_is_the_fault_of_its_key_alone(case: Case, reply: Reply, reason: Reason):
    if case.content_type == "application/csv" and reply.content_type.startswith("application/json"):
        reply = replace(reply, content_type=case.content_type)
    case.stub.fail(case.where, reply)
    await check_only_bad_failed(case, reason)


@everywhere
@pytest.mark.parametrize("body", SENSELESS)
async def test_a_body_that_makes_no_sense_is_malformed(case: Case, body: bytes):
    case.stub.fail(case.where, Reply(body, content_type=case.content_type))
    await check_only_bad_failed(case, Reason.MALFORMED)


@pytest.mark.parametrize("case", ["massive bars", "massive listings"], indirect=True)
@pytest.mark.parametrize("content", [{}, {"status": "ERROR", "error": "boom"}, {"message": "try later"}])
async def test_an_object_that_is_no_answer_is_no_empty_history(case: Case, content: dict[str, str]):
    case.stub.fail(case.where, Reply(content))
    await check_only_bad_failed(case, Reason.MALFORMED)


@everywhere
async def test_content_is_what_it_is_called(case: Case):
    honest = case.stub.answer
    case.stub.answer = lambda request: (
        replace(honest(request), content_type="text/html") if case.where in request.target else honest(request)
    )
    await check_only_bad_failed(case, Reason.MALFORMED)


@everywhere
async def test_a_redirect_is_not_followed(case: Case, started):
    elsewhere = await started(Stub(lambda _: Reply([])))
    for target in (f"{elsewhere.url}/", "/redirected"):
        case.stub.recover()
        case.stub.fail(case.where, Reply({}, 301, headers={"location": target}))
        await check_only_bad_failed(case, Reason.MALFORMED)
    assert elsewhere.requests == []
    assert not any("redirected" in request.target for request in case.stub.requests)


@everywhere
async def test_a_connection_that_dies_in_the_middle_is_tried_again_and_given_up(case: Case):
    case.stub.fail(case.where, Reply(b" " * 500 + b"[]", content_type=case.content_type, cut_at=100))
    await check_only_bad_failed(case, Reason.UNAVAILABLE)
    assert sum(case.where in request.target for request in case.stub.requests) == Backoff().attempts


@everywhere
async def test_one_byte_a_second_is_given_up(case: Case):
    case.stub.fail(case.where, Reply(b"[" + b" " * 3600 + b"]", content_type=case.content_type, seconds_a_byte=1.0))
    await check_only_bad_failed(case, Reason.TIMED_OUT)


@everywhere
async def test_a_body_without_end_is_given_up(case: Case):
    case.stub.fail(case.where, Reply(b"[" + b" " * (MOST_BYTES * 5) + b"]", content_type=case.content_type))
    await check_only_bad_failed(case, Reason.MALFORMED)


@everywhere
async def test_a_fault_that_passes_is_overcome(case: Case, clock: FakeClock):
    busy = Reply({"error": "slow down"}, 429, headers={"retry-after": "7"})
    case.stub.fail(case.where, busy, Reply({"error": "boom"}, 500), for_ever=False)
    answer = await case.fetch()
    assert answer.failed.get(case.bad) in (None, Reason.NO_HISTORY)  # of some there is nothing, as the stub says
    assert 7.0 in clock.slept
    assert sum(case.where in request.target for request in case.stub.requests) >= 3


@everywhere
async def test_nobody_there_is_unavailable(case: Case):
    await case.stub.stop()
    answer = await case.fetch()
    assert answer.found == {}
    assert answer.failed == {case.good: Reason.UNAVAILABLE, case.bad: Reason.UNAVAILABLE}


@everywhere
@pytest.mark.parametrize(
    "reply",
    [HTML, Reply({"error": "boom"}, 500), Reply({"error": "slow down"}, 429), Reply(b"", cut_at=0), Reply(b"{")],
    ids=["html", "500", "429", "cut", "truncated"],
)
async def test_keys_are_in_no_log_and_no_url(case: Case, reply: Reply, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    case.stub.fail("/", reply)
    await case.fetch()
    assert caplog.records
    written = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert not any(key in written for key in KEYS)
    if "api_key" not in case.stub.requests[0].target:  # FRED takes its key in no other way
        assert not any(key in request.target for request in case.stub.requests for key in KEYS)


paged = pytest.mark.parametrize("case", ["massive bars", "massive options"], indirect=True)


def page(next_url: object) -> Reply:
    return Reply({"status": "OK", "results": [{}], "next_url": next_url})


@paged
@pytest.mark.parametrize(
    "next_url",
    [
        "https://evil.example/v2/aggs",
        "http://127.0.0.1@evil.example/v2/aggs",
        "http://user:pass@{host}/v2/aggs",
        "https://{host}/v2/aggs",
        "http://{host}1/v2/aggs",
        "//evil.example/v2/aggs",
        "/v2/aggs",
        "file:///etc/passwd",
        "gopher://{host}/",
        "http://",
        "http://[",
        "http://{host}:99999/",
        "http://{host}/\r\nX: y",
        "javascript:alert(1)",
        7,
        ["http://{host}/"],
        "http://{host}/\ud800",
        "http://\ud800/",
        "http://xn--/",
        "http://xn--a/",
        "http://\u2100/",
        "http://{host}/" + "a" * 70_000,
    ],
)
async def test_a_next_page_elsewhere_is_not_followed(case: Case, next_url: object, started):
    elsewhere = await started(Stub(lambda _: Reply({"status": "OK", "results": []})))
    host = case.stub.url.removeprefix("http://")
    told = next_url.replace("{host}", host) if isinstance(next_url, str) else next_url
    case.stub.fail(case.where, page(told))
    await check_only_bad_failed(case, Reason.MALFORMED)
    case.stub.recover()
    case.stub.fail(case.where, page(f"{elsewhere.url}/v2/aggs"))
    await check_only_bad_failed(case, Reason.MALFORMED)
    assert elsewhere.requests == []


@paged
async def test_pages_that_go_in_circles_are_left(case: Case):
    case.stub.fail("cursor=2", page(f"{case.stub.url}/KO/?cursor=1"))
    case.stub.fail("cursor=1", page(f"{case.stub.url}/KO/?cursor=2"))
    case.stub.fail(case.where, page(f"{case.stub.url}/KO/?cursor=1"))
    await check_only_bad_failed(case, Reason.MALFORMED)
    assert sum("/KO/?cursor" in request.target for request in case.stub.requests) == 2


@paged
async def test_pages_without_end_are_left(case: Case):
    answer, count = case.stub.answer, iter(range(10**6))

    def endless(request):
        return page(f"{case.stub.url}/KO/{next(count)}") if case.where in request.target else answer(request)

    case.stub.answer = endless
    await check_only_bad_failed(case, Reason.MALFORMED)
    assert next(count) == pages.MOST_PAGES


@paged
async def test_pages_that_are_too_much_together_are_left(case: Case, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pages, "MOST_BYTES", 500_000)
    answer, count = case.stub.answer, iter(range(10**6))

    def heavy(request):
        if case.where not in request.target:
            return answer(request)
        return Reply({"status": "OK", "results": ["x" * 150_000], "next_url": f"{case.stub.url}/KO/{next(count)}"})

    case.stub.answer = heavy
    await check_only_bad_failed(case, Reason.MALFORMED)
    assert next(count) == 4


@paged
async def test_nothing_of_a_history_is_used_whose_last_page_is_lost(case: Case):
    good = {"bars": massive_stub.aggregate(market.BARS["KO"][0]), "options": {}}
    case.stub.fail("cursor=lost", Reply(b'{"results": [', cut_at=5))
    first = {"status": "OK", "results": list(good.values())[:1], "next_url": f"{case.stub.url}/KO/?cursor=lost"}
    case.stub.fail(case.where, Reply(json.dumps(first).encode()))
    await check_only_bad_failed(case, Reason.UNAVAILABLE)


@pytest.mark.parametrize("case", ["fmp bars", "fmp quotes"], indirect=True)
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (fmp_stub.LIMIT_REACHED, Reason.RATE_LIMITED),
        (fmp_stub.RESTRICTED, Reason.REFUSED),
        (Reply({"Error Message": 5}), Reason.MALFORMED),
        (Reply({}), Reason.MALFORMED),
    ],
)
async def test_a_complaint_with_status_200_is_none_the_less_one(case: Case, reply: Reply, reason: Reason):
    case.stub.fail(case.where, reply)
    await check_only_bad_failed(case, reason)


async def test_a_vendor_that_is_down_is_left_alone_after_some_calls(massive):
    provider, stub = massive
    stub.fail("/", Reply({"error": "boom"}, 500))
    symbols = [f"A{number}" for number in range(100)]
    answer = await provider.fetch_bars(symbols, FIRST, LAST)
    assert set(answer.failed.values()) == {Reason.UNAVAILABLE}
    assert len(stub.requests) < 20


async def test_a_fetch_ends_at_its_deadline_with_what_it_has(massive, http_of, clock: FakeClock):
    _, stub = massive
    key = bearer(Secret(massive_stub.KEY))
    http = http_of(stub.url, Patience(fetch_seconds=130.0), 2, header_name="authorization", key=key)
    stub.page_size = 100
    symbols = ["AAPL", "KO", "BRK.B", *(f"A{number}" for number in range(20))]
    answer = await MassiveProvider(http).fetch_bars(symbols, FIRST, LAST)
    assert set(answer.found) == {"AAPL", "KO", "BRK.B"}
    reasons = list(answer.failed.values())
    assert (reasons.count(Reason.NO_HISTORY), reasons.count(Reason.RATE_LIMITED)) == (3, 17)  # two calls in each minute
    assert clock.seconds - 1000.0 <= 130.0


async def test_who_gives_up_a_fetch_stops_its_calls(massive):
    provider, stub = massive
    stub.fail("/", Reply(b" " * 3600, seconds_a_byte=1.0))
    task = asyncio.create_task(provider.fetch_bars(["AAPL", "KO"], FIRST, LAST))
    await stub.asked(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stub.recover()
    assert set((await provider.fetch_bars(["AAPL"], FIRST, LAST)).found) == {"AAPL"}
