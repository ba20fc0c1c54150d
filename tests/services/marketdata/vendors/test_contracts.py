"""The promises of each port, kept by every provider of its kind: vendors before their stubs, files, bundle, made up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.marketdata.clients.bundled import BundledProvider
from services.marketdata.clients.vendors.csv_folder import CsvFolder
from services.marketdata.clients.vendors.fallback import InOrder, Turns
from services.marketdata.clients.vendors.synthetic import SyntheticProvider
from services.marketdata.clients.vendors.vendor_http import Patience
from services.marketdata.clients.vendors.yahoo import YahooProvider
from services.marketdata.domain.corporate_actions import ActionKind
from services.marketdata.domain.fetched import Fetched, Reason
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.prices import PriceBasis
from tests.services.marketdata.vendors import files, market
from tests.services.marketdata.vendors.market import FIRST, LAST, LONG_AGO
from tests.services.marketdata.vendors.profiles import profile_of

NEVER_HEARD_OF = {Reason.UNKNOWN_SYMBOL, Reason.NO_HISTORY}
NO_SYMBOLS = ["../v1/keys", "A?B=C", "A#B", "@evil.example", "ÄPFEL", "A B", "", "A" * 40, "..", "A\r\nHost: evil"]


@dataclass(frozen=True)
class Candidate:
    """A provider, and two keys that it knows."""

    provider: Any
    known: Sequence[str] = ("AAPL", "KO")
    unknown: str = "NOPE"


@pytest.fixture
async def candidate(request: pytest.FixtureRequest, tmp_path: Path, clock, massive, fmp, fred, fred_graph) -> Candidate:
    """The provider that a test is run for, by name."""
    vendors = {"massive": massive[0], "fmp": fmp[0], "fred": fred[0], "fred_graph": fred_graph[0]}
    match request.param:
        case "csv":
            return Candidate(CsvFolder(files.write(tmp_path), PriceBasis.RAW))
        case "bundled":
            return Candidate(BundledProvider())
        case "synthetic":
            return Candidate(SyntheticProvider(7, market.Weekdays()), ("SYN00001", "SYN00002"), "AAPL")
        case "yfinance":
            return Candidate(YahooProvider(1000, Patience(), clock, profile_of))
        case "in order":
            return Candidate(InOrder([vendors["massive"], vendors["fmp"]], Turns(clock, 25.0, ())))
        case name:
            return Candidate(vendors[name])


def offered_by(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("candidate", names, indirect=True)


def check_whole(answer: Fetched[Any], asked: Sequence[str], provider: Any) -> None:
    """Every key asked for is found or has failed, never both; everything found has its source."""
    assert set(answer.found) | set(answer.failed) == set(asked)
    assert not set(answer.found) & set(answer.failed)
    assert set(answer.sources) == set(answer.found)
    assert set(answer.sources.values()) <= set(provider.name.split(","))
    assert all(isinstance(reason, Reason) for reason in answer.failed.values())
    assert all(row.source in provider.name.split(",") and row.reason for row in answer.rejected)


BARS = offered_by("massive", "fmp", "csv", "bundled", "synthetic", "in order")


@BARS
async def test_bars_are_in_order_typed_and_of_the_days_asked_for(candidate: Candidate):
    answer = await candidate.provider.fetch_bars(candidate.known, FIRST, LAST)
    check_whole(answer, candidate.known, candidate.provider)
    assert set(answer.found) == set(candidate.known)
    for symbol, series in answer.found.items():
        assert series.symbol == symbol
        assert series.session_dates.dtype == "datetime64[D]"
        assert series.session_dates.tolist() == market.SESSIONS
        assert {len(column) for column in (series.open, series.high, series.low, series.volume)} == {len(series)}
        assert series.price_basis in (PriceBasis.RAW, PriceBasis.TOTAL_RETURN_ADJUSTED)
        assert np.all(series.close > 0)


@BARS
async def test_part_of_a_history_is_that_part_of_the_whole(candidate: Candidate):
    symbol = candidate.known[0]
    whole = (await candidate.provider.fetch_bars([symbol], FIRST, LAST)).found[symbol]
    part = (await candidate.provider.fetch_bars([symbol], market.SESSIONS[2], market.SESSIONS[4])).found[symbol]
    assert part.session_dates.tolist() == market.SESSIONS[2:5]
    np.testing.assert_array_equal(part.close, whole.close[2:5])


@BARS
async def test_one_unknown_symbol_spoils_nothing(candidate: Candidate):
    asked = [*candidate.known, candidate.unknown]
    answer = await candidate.provider.fetch_bars(asked, FIRST, LAST)
    check_whole(answer, asked, candidate.provider)
    assert set(answer.found) == set(candidate.known)
    assert answer.failed[candidate.unknown] in NEVER_HEARD_OF


@BARS
async def test_days_of_which_nothing_is_known_are_no_history(candidate: Candidate):
    answer = await candidate.provider.fetch_bars(candidate.known[:1], *LONG_AGO)
    assert answer.failed == {candidate.known[0]: Reason.NO_HISTORY}


@BARS
async def test_what_can_be_no_symbol_is_refused_and_the_rest_is_answered(candidate: Candidate):
    asked = [*NO_SYMBOLS, candidate.known[0]]
    answer = await candidate.provider.fetch_bars(asked, FIRST, LAST)
    check_whole(answer, asked, candidate.provider)
    assert set(answer.found) == {candidate.known[0]}
    assert set(answer.failed.values()) <= {Reason.INVALID_SYMBOL, Reason.UNKNOWN_SYMBOL}


@BARS
async def test_nothing_asked_is_nothing_answered(candidate: Candidate):
    answer = await candidate.provider.fetch_bars([], FIRST, LAST)
    assert (answer.found, answer.failed, list(answer.rejected)) == ({}, {}, [])


@offered_by("massive", "fmp", "csv")
async def test_raw_bars_are_those_of_the_source(candidate: Candidate):
    answer = await candidate.provider.fetch_bars(["BRK.B"], FIRST, LAST)
    series = answer.found["BRK.B"]
    assert series.price_basis is PriceBasis.RAW
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(series, name).tolist() == [getattr(bar, name) for bar in market.BARS["BRK.B"]]


@offered_by("massive", "fmp", "csv", "synthetic", "in order")
async def test_corporate_actions_are_of_the_days_asked_for_oldest_first(candidate: Candidate):
    answer = await candidate.provider.fetch_corporate_actions(candidate.known, date(2020, 1, 1), LAST)
    check_whole(answer, candidate.known, candidate.provider)
    assert set(answer.found) == set(candidate.known)
    for symbol, actions in answer.found.items():
        assert [action.ex_date for action in actions] == sorted(action.ex_date for action in actions)
        assert all(action.symbol == symbol and action.value > 0 for action in actions)


@offered_by("massive", "fmp", "csv", "in order")
async def test_splits_count_new_shares_and_dividends_the_money_of_the_day(candidate: Candidate):
    answer = await candidate.provider.fetch_corporate_actions(["AAPL", "KO"], date(2020, 1, 1), LAST)
    said = {
        symbol: [(action.ex_date, action.kind, action.value) for action in actions]
        for symbol, actions in answer.found.items()
    }
    assert said["AAPL"] == [
        (date(2020, 8, 31), ActionKind.SPLIT, 4.0),
        (date(2022, 11, 4), ActionKind.DIVIDEND, 0.23),
        (date(2022, 12, 21), ActionKind.DIVIDEND, 0.25),
    ]
    assert said["KO"] == [(date(2022, 11, 30), ActionKind.DIVIDEND, 0.44), (market.SPLIT_DAY, ActionKind.SPLIT, 10.0)]


@offered_by("massive", "fmp", "csv")
async def test_a_symbol_without_corporate_actions_has_none(candidate: Candidate):
    answer = await candidate.provider.fetch_corporate_actions(["BRK.B"], FIRST, LAST)
    assert list(answer.found["BRK.B"]) == []


LISTINGS = offered_by("massive", "fmp", "csv", "bundled", "synthetic", "yfinance", "in order")


@LISTINGS
async def test_listings_say_what_symbols_stand_for(candidate: Candidate):
    asked = [*candidate.known, candidate.unknown]
    answer = await candidate.provider.fetch_listings(asked)
    check_whole(answer, asked, candidate.provider)
    assert answer.failed == {candidate.unknown: Reason.UNKNOWN_SYMBOL}
    for symbol, listing in answer.found.items():
        assert listing.symbol == symbol
        assert listing.kind is Kind.STOCK
        assert listing.currency == "USD"
        assert listing.multiplier == 1.0
        assert listing.name
        assert listing.exchange == "" or len(listing.exchange) == 4


@offered_by("massive", "fmp", "in order")
async def test_quotes_have_a_price_and_its_time(candidate: Candidate):
    asked = ["AAPL", "KO", "NOPE"]
    answer = await candidate.provider.fetch_quotes(asked)
    check_whole(answer, asked, candidate.provider)
    assert answer.failed == {"NOPE": Reason.UNKNOWN_SYMBOL}
    for symbol, quote in answer.found.items():
        bars = market.BARS[symbol]
        assert (quote.symbol, quote.last, quote.previous_close) == (symbol, bars[-1].close, bars[-2].close)
        assert quote.quote_time.utcoffset() == timedelta(0)
        assert quote.quote_time.date() == LAST


@offered_by("massive")
async def test_option_chains_have_terms_prices_and_volatilities(candidate: Candidate):
    asked = ["AAPL", "NOPE"]
    answer = await candidate.provider.fetch_option_chains(asked)
    check_whole(answer, asked, candidate.provider)
    assert answer.failed["NOPE"] in NEVER_HEARD_OF
    (option,) = answer.found["AAPL"].options
    assert option.terms.symbol == "AAPL230120C00150000"
    assert (option.bid, option.ask, option.last, option.open_interest) == (28.9, 29.25, 29.0, 8133.0)
    assert option.implied_volatility == 0.3570277203465058


@offered_by("fred", "fred_graph", "csv")
async def test_yields_are_decimals_and_days_without_one_are_not_there(candidate: Candidate):
    asked = ["3M", "2Y", "10Y", "30Y", "50Y"]
    answer = await candidate.provider.fetch_yields(asked, date(2022, 12, 26), LAST)
    check_whole(answer, asked, candidate.provider)
    assert answer.failed == {"50Y": Reason.UNKNOWN_SYMBOL}
    ten = answer.found["10Y"]
    assert ten.tenor == "10Y"
    assert ten.days.tolist() == [date(2022, 12, 27), date(2022, 12, 28)]
    assert ten.yields.tolist() == [0.0384, 0.0388]
    assert answer.found["3M"].yields.tolist() == [0.0446, 0.0446]
    assert (await candidate.provider.fetch_yields(["2Y"], *LONG_AGO)).failed == {"2Y": Reason.NO_HISTORY}


@offered_by("massive", "fmp", "fred", "fred_graph")
async def test_exchange_rates_are_quote_currency_for_one_of_base(candidate: Candidate):
    answer = await candidate.provider.fetch_fx_rates(["EURUSD", "XXXYYY"], FIRST, LAST)
    check_whole(answer, ["EURUSD", "XXXYYY"], candidate.provider)
    assert answer.failed["XXXYYY"] in NEVER_HEARD_OF
    series = answer.found["EURUSD"]
    assert (series.base_currency, series.quote_currency) == ("EUR", "USD")
    assert dict(zip(series.days.tolist(), series.rates.tolist(), strict=True)) == market.EURUSD


@offered_by("csv", "bundled")
async def test_a_catalogue_names_what_there_are_bars_of(candidate: Candidate):
    symbols = await candidate.provider.symbols()
    assert set(candidate.known) <= set(symbols)
    assert set((await candidate.provider.fetch_bars(symbols, date(1990, 1, 1), LAST)).found) == set(symbols)
