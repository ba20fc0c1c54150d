"""Where prices and the calendar come from. The real ones and the fakes of other tests keep the same promises."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from services.marketdata.clients import nyse
from services.marketdata.clients.bundled import BundledProvider
from services.marketdata.clients.nyse import CalendarFailed, NyseCalendar
from services.marketdata.domain.fetched import Reason
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.reference.instruments import read_listings
from tests.services.marketdata.market import FakeCalendar, FakeProvider, days, listing, series

STOCKS = {"AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG"}
STOCKS |= {"RRC", "UNH", "WMT", "XOM"}
ETFS = {"MTUM", "QUAL", "SIZE", "USMV", "VLUE"}
SECTORS = {
    "Consumer Discretionary": {"BBY", "HD"},
    "Consumer Staples": {"KO", "PEP", "PG", "WMT"},
    "Energy": {"CVX", "RRC", "XOM"},
    "Financials": {"BAC", "JPM"},
    "Health Care": {"JNJ", "LLY", "MRK", "PFE", "UNH"},
    "Industrials": {"GE"},
    "Information Technology": {"AAPL", "AMD", "MSFT"},
}
"""As S&P and MSCI classify them (GICS), by the public lists of the index's members."""

fake_provider = FakeProvider([listing("AAPL"), listing("KO")], [series("AAPL", days(19, 20), [1.0, 2.0])])
providers = pytest.mark.parametrize("provider", [BundledProvider(), fake_provider], ids=["bundled", "fake"])
calendars = pytest.mark.parametrize("calendar", [NyseCalendar(), FakeCalendar()], ids=["nyse", "fake"])


@providers
async def test_a_provider_lists_all_it_has(provider):
    everything = await provider.symbols()
    assert {"AAPL", "KO"} <= set(everything)
    assert all(symbol == symbol.upper() for symbol in everything)


@providers
async def test_every_symbol_is_found_or_has_failed_for_a_reason(provider):
    listings = await provider.fetch_listings(["AAPL", "NOPE"])
    assert [(symbol, one.symbol) for symbol, one in listings.found.items()] == [("AAPL", "AAPL")]
    assert (listings.failed, listings.sources) == ({"NOPE": Reason.UNKNOWN_SYMBOL}, {"AAPL": provider.name})
    bars = await provider.fetch_bars(["AAPL", "NOPE"], date(1990, 1, 1), date(2023, 1, 1))
    assert (list(bars.found), list(bars.failed), bars.sources) == (["AAPL"], ["NOPE"], {"AAPL": provider.name})


@providers
async def test_bars_are_of_the_days_asked_for_in_order_and_columns_of_one_length(provider):
    first, last = days(19, 20)
    found = (await provider.fetch_bars(["AAPL", "KO"], first, last)).found
    assert "AAPL" in found
    for one in found.values():
        assert one.session_dates.tolist() == [first, last]
        assert {len(one)} == {len(column) for column in (one.open, one.high, one.low, one.close, one.volume)}
        assert not np.isnan(one.close).any()


@providers
async def test_days_without_bars_are_no_history(provider):
    day = date(1980, 1, 2)
    assert (await provider.fetch_bars(["AAPL"], day, day)).failed == {"AAPL": Reason.NO_HISTORY}


@calendars
async def test_a_calendar_gives_the_sessions_of_a_range_in_order(calendar):
    first, last = date(2022, 12, 19), date(2022, 12, 30)
    sessions = await calendar.sessions(first, last)
    assert [one.session_date.day for one in sessions] == [19, 20, 21, 22, 23, 27, 28, 29, 30]
    assert all(one.close_time.utcoffset() == timedelta(0) for one in sessions)
    assert calendar.version


async def test_the_bundle_holds_what_it_says():
    listings = await BundledProvider().listings([])
    bars = {one.symbol: one for one in await BundledProvider().daily_bars(list(listings))}
    assert set(bars) == set(listings) == STOCKS | ETFS | {"SPX"}
    assert {symbol for symbol, one in listings.items() if one.kind is Kind.STOCK} == STOCKS
    assert {one.price_basis for one in bars.values()} == {PriceBasis.TOTAL_RETURN_ADJUSTED}
    assert {str(one.session_dates[-1]) for one in bars.values()} == {"2022-12-28"}
    assert {symbol for symbol, one in bars.items() if str(one.session_dates[0]) == "2014-01-02"} == ETFS
    assert (bars["AAPL"].close[-1], bars["SPX"].close[-1], bars["SPX"].close[0]) == (125.674, 3783.22, 359.69)


async def test_stocks_have_a_sector_and_nothing_else_does():
    listings = await BundledProvider().listings([])
    assert all(bool(one.sector) == bool(one.industry) == (one.kind is Kind.STOCK) for one in listings.values())
    assert listings["SPX"].kind is Kind.INDEX


def test_our_sectors_agree_with_the_public_list():
    listings = read_listings()
    assert {symbol: listings[symbol].sector for symbol in STOCKS} == {
        symbol: sector for sector, symbols in SECTORS.items() for symbol in symbols
    }


async def test_half_days_close_early():
    before, half = await NyseCalendar().sessions(date(2022, 11, 23), date(2022, 11, 25))
    assert before.close_time == datetime(2022, 11, 23, 21, tzinfo=UTC)
    assert half.close_time == datetime(2022, 11, 25, 18, tzinfo=UTC)


async def test_a_calendar_that_cannot_be_computed_says_why():
    with pytest.raises(CalendarFailed, match="Error"):
        await NyseCalendar().sessions(date(2022, 12, 30), date(2022, 12, 1))


async def test_giving_up_leaves_no_child_behind():
    asking = asyncio.create_task(NyseCalendar().sessions(date(1990, 1, 1), date(2030, 1, 1)))
    while not list(_children()):
        assert not asking.done()
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not list(_children())


def test_serving_needs_no_heavy_library():
    heavy = {"pandas", "exchange_calendars", "skfolio", "scipy", "statsmodels"}
    program = f"import sys, services.marketdata.wiring; print(*{heavy!r} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []


def _children() -> Iterator[int]:
    """Find processes that compute a calendar for this one."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = stat.with_name("cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == _this_process() and nyse.PROGRAM in command:
            yield int(stat.parent.name)


def _this_process() -> int:
    return int(Path("/proc/self").readlink().name)
