"""A vendor that goes wrong in every way, behind the service as wired: readers go on, and nothing bad is stored."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date

import pytest

from chassis.settings import Secret
from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1 import marketdata_service_pb2 as reads
from services.marketdata.handlers.ingestion import TELLING_SECONDS
from tests.services.marketdata.conftest import Callers, serving
from tests.services.marketdata.vendors import massive_stub
from tests.services.marketdata.vendors.market import BARS, FIRST, LAST, DayBar
from tests.services.marketdata.vendors.massive_stub import MassiveStub, aggregate, new_york_midnight
from tests.services.marketdata.vendors.stub import Reply

Market = tuple[Callers, MassiveStub]
SECONDS = 60.0
"""Within which every sync must have ended; the settings below allow less."""
NEXT = date(2022, 12, 29)


def settings_of(stub: MassiveStub) -> dict[str, object]:
    return {
        "massive_api_key": Secret(massive_stub.KEY),
        "massive_base_url": stub.url,
        "massive_calls_per_minute": 10_000,
        "listing_providers": "massive",
        "bar_providers": "massive",
        "corporate_action_providers": "massive",
        "fetch_seconds": 3.0,
        "call_seconds": 0.5,
        "call_attempts": 2,
    }


@pytest.fixture
async def market(database_url: Callable[[str], str]) -> AsyncIterator[Market]:
    """The service with a Massive of the test that was synced and sealed once."""
    stub = MassiveStub()
    await stub.start()
    async with serving(database_url("marketdata"), **settings_of(stub)) as callers:
        first = await sync(callers)
        assert {one.reason for one in first.outcomes} == {""}
        await callers.service.SealSession(pb.SealSessionRequest(session_date=str(LAST)))
        yield callers, stub
    await stub.stop()


async def sync(callers: Callers, start_date: str = "", symbols: str = "AAPL KO") -> pb.SyncSymbolsResponse:
    request = pb.SyncSymbolsRequest(symbols=symbols.split(), start_date=start_date)
    async with asyncio.timeout(SECONDS):
        answer: pb.SyncSymbolsResponse = await callers.service.SyncSymbols(request)
    return answer


async def check_reading_goes_on(callers: Callers) -> None:
    """The last good value is there for readers, with its source."""
    quotes = (await callers.user.GetQuotes(reads.GetQuotesRequest(symbols=["AAPL", "KO"]))).quotes
    assert [(quote.last, quote.source) for quote in quotes] == [
        (BARS[symbol][-1].close, "massive") for symbol in ("AAPL", "KO")
    ]


async def test_all_that_a_vendor_has_arrives(market: Market):
    callers, _ = market
    await check_reading_goes_on(callers)
    bars = (await callers.user.ListBars(reads.ListBarsRequest(symbol="AAPL"))).bars
    assert [bar.close for bar in bars] == [bar.close for bar in BARS["AAPL"]]
    actions = (await callers.user.ListCorporateActions(reads.ListCorporateActionsRequest(symbol="KO"))).actions
    assert [(one.ex_date, one.value) for one in actions] == [("2022-11-30", 0.44), ("2022-12-22", 10.0)]


FAULTS = {
    "busy": (Reply({"status": "ERROR"}, 429, headers={"retry-after": "3600"}), {"rate_limited"}),
    "broken": (Reply({"error": "boom"}, 500), {"provider_unavailable"}),
    "html": (Reply(b"<html>Sorry</html>", content_type="text/html"), {"provider_malformed"}),
    "truncated": (Reply(b'{"results": [{"c": 1', status=200), {"provider_malformed"}),
    "dies": (Reply(b'{"results": []}', cut_at=5), {"provider_unavailable"}),
    "slow": (Reply(b" " * 3600, seconds_a_byte=1.0), {"provider_timed_out"}),
}


@pytest.mark.parametrize(("reply", "reasons"), FAULTS.values(), ids=FAULTS)
async def test_a_vendor_that_fails_costs_no_price_and_no_reader_an_answer(
    market: Market, reply: Reply, reasons: set[str]
):
    callers, stub = market
    stub.fail("/", reply)
    failed = await sync(callers, start_date="2022-12-19")
    assert failed.data_version == 0
    assert {one.reason for one in failed.outcomes} <= reasons | {"rate_limited"}
    assert all(one.reason for one in failed.outcomes)
    assert failed.last_session_date == str(LAST)
    await check_reading_goes_on(callers)
    newest = (await callers.user.ListIngestions(pb.ListIngestionsRequest(page_size=1))).ingestions[0]
    assert (newest.failed_count, newest.stored_count) == (2, 0)


async def test_pages_in_circles_end(market: Market):
    callers, stub = market
    circle = {"status": "OK", "results": [], "next_url": f"{stub.url}/v2/aggs/ticker/AAPL?cursor=1"}
    stub.fail("/v2/aggs", Reply(circle))
    failed = await sync(callers, start_date="2022-12-19")
    assert {one.reason for one in failed.outcomes} == {"provider_malformed"}
    await check_reading_goes_on(callers)


async def test_rows_that_cannot_be_prices_are_kept_apart(market: Market):
    callers, stub = market
    row = {"h": None, "l": None, "o": None, "v": 1, "vw": 1, "n": 1}
    stub.extra_bars["AAPL"] = [
        {**row, "c": float("nan"), "t": new_york_midnight(date(2022, 12, 29))},
        {**row, "c": 0, "t": new_york_midnight(date(2022, 12, 30))},
        {**row, "c": -1, "t": new_york_midnight(date(2023, 1, 3))},
        {**row, "c": 12_604, "t": new_york_midnight(date(2023, 1, 4))},
        {**row, "c": 126, "t": new_york_midnight(date(2023, 1, 1))},
        {**row, "c": 126, "t": new_york_midnight(date(2090, 1, 3))},
        {**row, "c": 127, "t": new_york_midnight(LAST)},
    ]
    synced = await sync(callers, start_date="2022-12-29")
    assert synced.outcomes[0].stored_count == 0
    rows = (await callers.user.ListQuarantine(pb.ListQuarantineRequest(symbol="AAPL"))).rows
    assert {(one.row_date, one.reason) for one in rows} == {
        ("2022-12-29", "not_a_number"),
        ("2022-12-30", "not_positive"),
        ("2023-01-03", "not_positive"),
        ("2023-01-04", "jump_without_split"),
        ("2023-01-01", "not_a_session"),
        ("2090-01-03", "future_date"),
    }
    assert synced.outcomes[0].quarantined_count == len(rows)
    await check_reading_goes_on(callers)


def next_bar(close: float) -> dict[str, object]:
    return aggregate(DayBar(NEXT, close, close + 1, close - 1, close, 1_000))


@pytest.mark.parametrize(("reply", "reasons"), FAULTS.values(), ids=FAULTS)
async def test_the_failure_of_one_symbol_is_reported_and_the_others_are_stored(
    market: Market, reply: Reply, reasons: set[str]
):
    callers, stub = market
    stub.extra_bars = {"AAPL": [next_bar(129.5)], "KO": [next_bar(64.0)]}
    stub.fail("/KO/", reply)
    aapl, ko = (await sync(callers, start_date=str(NEXT))).outcomes
    assert (aapl.stored_count, aapl.provider, aapl.reason) == (1, "massive", "")
    assert (ko.stored_count, ko.provider) == (0, "")
    assert ko.reason in reasons
    newest = (await callers.user.ListIngestions(pb.ListIngestionsRequest())).ingestions
    bars = next(one for one in newest if one.kind == "bars")
    assert (bars.failed_count, bars.stored_count) == (1, 1)


async def test_what_has_failed_keeps_its_last_good_value_marked_stale_until_it_comes(market: Market):
    callers, stub = market
    stub.extra_bars = {"AAPL": [next_bar(129.5)], "KO": [next_bar(64.0)]}
    stub.fail("/KO/", Reply({"error": "boom"}, 500))
    await sync(callers, start_date=str(NEXT))
    await callers.service.SealSession(pb.SealSessionRequest(session_date=str(NEXT)))
    wanted = reads.GetQuotesRequest(symbols=["AAPL", "KO"])
    assert [(one.last, one.age_sessions) for one in (await callers.user.GetQuotes(wanted)).quotes] == [
        (129.5, 0),
        (BARS["KO"][-1].close, 1),
    ]
    stub.recover()
    await sync(callers, start_date=str(NEXT))
    quotes = (await callers.user.GetQuotes(wanted)).quotes
    assert [(one.last, one.age_sessions) for one in quotes] == [(129.5, 0), (64.0, 0)]


async def test_of_a_history_that_breaks_off_between_two_pages_nothing_is_stored(market: Market):
    callers, stub = market
    corrected = aggregate(replace(BARS["KO"][0], close=BARS["KO"][0].close + 0.25))
    stub.fail("/KO/range", Reply({"status": "OK", "results": [corrected], "next_url": f"{stub.url}/lost"}))
    stub.fail("/lost", Reply(b'{"status": "OK", "results": [', cut_at=9))
    aapl, ko = (await sync(callers, start_date=str(FIRST))).outcomes
    assert (aapl.reason, ko.reason, ko.stored_count) == ("", "provider_unavailable", 0)
    bars = (await callers.user.ListBars(reads.ListBarsRequest(symbol="KO"))).bars
    assert bars[0].close == BARS["KO"][0].close
    stub.recover()
    stub.fail("/KO/range", Reply({"status": "OK", "results": [corrected]}))
    assert (await sync(callers, start_date=str(FIRST))).outcomes[1].stored_count == 1


async def test_of_days_that_come_twice_none_becomes_two_prices(market: Market):
    callers, stub = market
    twice, differing = BARS["AAPL"][2], BARS["AAPL"][4]
    stub.extra_bars["AAPL"] = [aggregate(twice), aggregate(replace(differing, close=differing.close + 0.1))]
    synced = await sync(callers, start_date=str(FIRST))
    assert synced.outcomes[0].stored_count == 0
    rows = (await callers.user.ListQuarantine(pb.ListQuarantineRequest(symbol="AAPL"))).rows
    assert sorted((row.row_date, row.reason) for row in rows) == [
        (str(twice.day), "duplicate_date"),
        (str(differing.day), "contradictory_date"),
        (str(differing.day), "contradictory_date"),
    ]
    assert {(row.kind, row.source) for row in rows} == {("bar", "massive")}
    await check_reading_goes_on(callers)


async def test_an_unknown_symbol_spoils_nothing(market: Market):
    callers, stub = market
    stub.extra_bars["AAPL"] = [next_bar(129.5)]
    synced = await sync(callers, start_date=str(NEXT), symbols="NOPE AAPL ../..")
    assert [(one.symbol, one.stored_count, one.reason) for one in synced.outcomes] == [
        ("NOPE", 0, "unknown_symbol"),
        ("AAPL", 1, ""),
        ("../..", 0, "invalid_symbol"),
    ]


async def test_a_vendor_that_asks_for_a_moment_gets_it(market: Market):
    callers, stub = market
    stub.extra_bars["AAPL"] = [next_bar(129.5)]
    stub.fail("/v2/aggs", Reply({"status": "ERROR"}, 429, headers={"retry-after": "1"}), for_ever=False)
    assert (await sync(callers, start_date=str(NEXT))).outcomes[0].stored_count == 1


async def test_readers_are_answered_while_a_vendor_keeps_a_sync_waiting(market: Market):
    callers, stub = market
    stub.fail("/", Reply(b" " * 3600, seconds_a_byte=1.0))
    before = len(stub.requests)
    async with asyncio.TaskGroup() as tasks:
        syncing = tasks.create_task(sync(callers, start_date=str(FIRST)))
        await stub.asked(before + 1)
        await check_reading_goes_on(callers)
        assert not syncing.done()


LISTINGS = {
    "nul": {"name": "Coca\0Cola"},
    "half a character": {"name": "\ud83d"},
    "endless": {"name": "x" * 1_000_000},
    "no currency": {"currency_name": "?"},
    "number": {"name": 7},
}


@pytest.mark.parametrize("changed", LISTINGS.values(), ids=LISTINGS)
async def test_a_listing_that_no_database_takes_is_the_fault_of_its_symbol_alone(
    market: Market, changed: dict[str, object]
):
    callers, stub = market
    page = massive_stub.overview("AAPL").content
    assert isinstance(page, dict)
    stub.fail("/v3/reference/tickers/BRK.B", Reply(page | {"results": page["results"] | changed}))
    synced = await sync(callers, symbols="BRK.B MTUM")
    assert [one.reason for one in synced.outcomes] == ["provider_malformed", "no_history"]


async def test_no_key_is_in_an_answer_or_a_log(market: Market, caplog: pytest.LogCaptureFixture):
    callers, stub = market
    caplog.set_level(logging.DEBUG)
    answers = []
    for reply, _ in FAULTS.values():
        stub.recover()
        stub.fail("/", reply)
        answers.append(str(await sync(callers, start_date=str(FIRST))))
    answers.append(str(await callers.user.ListIngestions(pb.ListIngestionsRequest())))
    assert massive_stub.KEY not in caplog.text + "".join(answers)


@pytest.mark.parametrize("symbol", ["../../etc/passwd", "a@evil.example", "http://evil.example", "?apiKey=x", "A/../B"])
async def test_a_symbol_is_data_and_reaches_no_other_place(market: Market, symbol: str):
    callers, stub = market
    before = len(stub.requests)
    outcome = await callers.user.EnsureCoverage(pb.EnsureCoverageRequest(symbol=symbol))
    assert outcome.reason in ("invalid_symbol", "unknown_symbol")
    for request in stub.requests[before:]:
        assert request.path == ["v3", "reference", "tickers", symbol.upper()]
        assert symbol.upper() not in request.target


async def test_a_caller_is_told_of_a_slow_vendor_before_his_time_is_up(database_url: Callable[[str], str]):
    stub = MassiveStub()
    await stub.start()
    stub.fail("/", Reply(b" " * 3600, seconds_a_byte=1.0))
    patient = settings_of(stub) | {"fetch_seconds": 60.0, "call_seconds": 60.0}
    async with serving(database_url("marketdata"), **patient) as callers:
        asked = pb.EnsureCoverageRequest(symbol="XOM", sessions=20)
        outcome = await callers.user.EnsureCoverage(asked, timeout=TELLING_SECONDS + 0.5)
    await stub.stop()
    assert (outcome.symbol, outcome.reason) == ("XOM", "provider_timed_out")
