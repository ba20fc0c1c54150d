"""The sources without a server: Yahoo's profiles, made-up prices, the bundle; and how rows are written down."""

import asyncio
import json
import math
import threading
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.clients import bundled
from services.marketdata.clients.bundled import BundledProvider
from services.marketdata.clients.vendors import yahoo
from services.marketdata.clients.vendors.synthetic import SyntheticProvider
from services.marketdata.clients.vendors.vendor_http import Patience
from services.marketdata.clients.vendors.yahoo import YahooProvider
from services.marketdata.domain.checks import check_bars
from services.marketdata.domain.fetched import Reason
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.row_json import LONGEST, row_json, shown
from tests.services.marketdata.vendors import market
from tests.services.marketdata.vendors.clocks import FakeClock
from tests.services.marketdata.vendors.market import FIRST, LAST
from tests.services.marketdata.vendors.profiles import profile_of

YEAR = (date(2021, 1, 1), date(2021, 12, 31))


@pytest.mark.parametrize(
    ("symbol", "kind", "name", "exchange", "sector"),
    [
        ("AAPL", Kind.STOCK, "Apple Inc.", "XNAS", "Information Technology"),
        ("KO", Kind.STOCK, "Coca-Cola", "XNYS", "Consumer Staples"),
        ("MTUM", Kind.ETF, "iShares Momentum", "BATS", ""),
        ("SPX", Kind.INDEX, "S&P 500", "", ""),
        ("BRK.B", Kind.STOCK, "Apple Inc.", "XNYS", "Financials"),
    ],
)
async def test_profiles_of_yahoo_are_read_in_our_words(clock: FakeClock, symbol, kind, name, exchange, sector):
    listing = (await YahooProvider(100, Patience(), clock, profile_of).fetch_listings([symbol])).found[symbol]
    assert (listing.symbol, listing.kind, listing.name) == (symbol, kind, name)
    assert (listing.exchange, listing.sector, listing.currency) == (exchange, sector, "USD")


async def test_a_profile_that_has_changed_its_shape_is_malformed(clock: FakeClock):
    answer = await YahooProvider(100, Patience(), clock, profile_of).fetch_listings(["ODD", "AAPL"])
    assert set(answer.found) == {"AAPL"}
    assert answer.failed == {"ODD": Reason.MALFORMED}


async def test_whatever_the_package_raises_is_unavailable(clock: FakeClock):
    def broken(symbol: str) -> dict[str, object]:
        raise KeyError(symbol)

    answer = await YahooProvider(100, Patience(), clock, broken).fetch_listings(["AAPL"])
    assert answer.failed == {"AAPL": Reason.UNAVAILABLE}


async def test_yahoo_is_burdened_with_no_more_calls_than_allowed(clock: FakeClock):
    asked: list[str] = []

    def profile(symbol: str) -> dict[str, object]:
        asked.append(symbol)
        return profile_of("AAPL")

    answer = await YahooProvider(2, Patience(fetch_seconds=59.0), clock, profile).fetch_listings(["A", "B", "C"])
    assert len(asked) == 2
    assert answer.failed == {"C": Reason.RATE_LIMITED}


async def test_a_profile_that_is_none_is_malformed(clock: FakeClock):
    answer = await YahooProvider(100, Patience(), clock, lambda _: None).fetch_listings(["AAPL"])  # type: ignore[arg-type]
    assert answer.failed == {"AAPL": Reason.MALFORMED}


async def test_yahoo_is_left_alone_after_some_failures(clock: FakeClock):
    asked: list[str] = []

    def broken(symbol: str) -> dict[str, object]:
        asked.append(symbol)
        raise KeyError(symbol)

    answer = await YahooProvider(1000, Patience(), clock, broken).fetch_listings([f"A{n}" for n in range(50)])
    assert set(answer.failed.values()) == {Reason.UNAVAILABLE}
    assert len(asked) < 12


async def test_a_call_that_hangs_is_given_up_and_holds_nobody_else_s_thread(clock: FakeClock):
    released, hung = threading.Event(), threading.Semaphore(0)

    def hanging(symbol: str) -> dict[str, object]:
        hung.release()
        released.wait()
        return profile_of(symbol)

    provider = YahooProvider(100, Patience(call_seconds=0.1), clock, hanging)
    try:
        answer = await provider.fetch_listings(["A", "B", "C", "D"])
        assert set(answer.failed.values()) == {Reason.TIMED_OUT}
        for _ in range(4):
            hung.acquire()
        # All the threads that everybody shares are free.
        assert await asyncio.gather(*(asyncio.to_thread(int, 1) for _ in range(8))) == [1] * 8
    finally:
        released.set()
        await provider.close()


@pytest.mark.parametrize("name", ["skfolio/nowhere.csv.gz", "skfolio/__init__.py"])
async def test_a_wheel_that_is_not_whole_is_unavailable(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setattr(bundled, "FILES", (name,))
    assert (await BundledProvider().fetch_bars(["AAPL"], FIRST, LAST)).failed == {"AAPL": Reason.UNAVAILABLE}


@pytest.mark.skipif(yahoo.is_installed(), reason="the extra yfinance is installed here")
async def test_without_the_package_nothing_is_found(clock: FakeClock):
    answer = await YahooProvider(100, Patience(), clock).fetch_listings(["AAPL"])
    assert answer.failed == {"AAPL": Reason.UNAVAILABLE}


def synthetic(seed: int = 7) -> SyntheticProvider:
    return SyntheticProvider(seed, market.Weekdays())


async def test_made_up_prices_are_the_same_for_the_same_seed():
    closes = [(await synthetic(seed).fetch_bars(["SYN1"], *YEAR)).found["SYN1"].close for seed in (7, 7, 8)]
    np.testing.assert_array_equal(closes[0], closes[1])
    assert not np.any(closes[0] == closes[2])
    # Written down, with numpy 2.4, so that another machine or library that draws otherwise is seen.
    assert closes[0][0] == pytest.approx(78.04712022662127, rel=1e-12)


async def test_made_up_stocks_differ_from_each_other_and_are_fit():
    answer = await synthetic().fetch_bars(["SYN1", "SYN2"], *YEAR)
    one, other = answer.found["SYN1"], answer.found["SYN2"]
    assert not np.any(one.close == other.close)
    assert set(check_bars(one, YEAR[1]).tolist()) == {""}
    assert np.all((one.low <= one.close) & (one.close <= one.high) & (one.low <= one.open) & (one.open <= one.high))
    assert 0.1 < np.std(np.diff(np.log(one.close))) * math.sqrt(252) < 0.4


@pytest.mark.parametrize("symbol", ["AAPL", "SYN", "SYN1234567", "XSYN1", "SYN1X", "SPX"])
async def test_what_trades_is_never_made_up(symbol: str):
    provider = synthetic()
    for answer in (
        await provider.fetch_bars([symbol], FIRST, LAST),
        await provider.fetch_listings([symbol]),
        await provider.fetch_corporate_actions([symbol], FIRST, LAST),
    ):
        assert answer.failed == {symbol: Reason.UNKNOWN_SYMBOL}


async def test_without_the_wheel_the_bundle_is_unavailable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundled, "WHEEL", "a-wheel-that-is-not-there")
    answer = await BundledProvider().fetch_bars(["AAPL"], FIRST, LAST)
    assert answer.failed == {"AAPL": Reason.UNAVAILABLE}


async def test_the_bundle_ends_where_it_says():
    answer = await BundledProvider().fetch_bars(["AAPL"], LAST, LAST + timedelta(days=30))
    assert answer.found["AAPL"].session_dates.tolist() == [LAST]
    assert (await BundledProvider().fetch_bars(["AAPL"], LAST + timedelta(1), LAST + timedelta(30))).failed == {
        "AAPL": Reason.NO_HISTORY
    }


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON_VALUES)
def test_every_row_is_kept_as_json_that_a_database_takes(value):
    text = row_json(value)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert "\0" not in text
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()
    assert len(shown(value)) <= 100


@pytest.mark.parametrize("value", ["\ud800", "a\0b", {"\0": "\udfff"}, ["\\u0000"], "x" * 10_000, [[[]]] * 5000])
def test_rows_that_no_database_would_take_are_cleaned_or_cut(value):
    text = row_json(value)
    json.loads(text)
    text.encode()
    assert "\0" not in text
    assert len(text) <= 2 * LONGEST


def test_a_row_nested_without_end_is_kept_as_a_word():
    row: list[object] = []
    for _ in range(100_000):
        row = [row]
    assert json.loads(row_json(row)) == "nested too deeply to be shown"
