"""What is special about FMP: lists that are cut without a word, misleading names, complaints, classifications."""

from datetime import UTC, date, datetime

import pytest

from services.marketdata.clients.vendors import fmp as adapter
from services.marketdata.domain.corporate_actions import ActionKind
from services.marketdata.domain.fetched import Reason, RowKind
from services.marketdata.domain.instruments import Kind
from tests.services.marketdata.vendors import fmp_stub, market
from tests.services.marketdata.vendors.market import FIRST, LAST
from tests.services.marketdata.vendors.stub import Reply


async def test_long_histories_are_asked_for_in_pieces_that_meet(fmp):
    provider, stub = fmp
    answer = await provider.fetch_bars(["AAPL"], date(1990, 1, 1), LAST)
    assert answer.found["AAPL"].session_dates.tolist() == market.SESSIONS
    ranges = sorted((request.query["from"], request.query["to"]) for request in stub.requests)
    assert ranges == [("1990-01-01", "2002-04-27"), ("2002-04-28", "2014-08-22"), ("2014-08-23", "2022-12-28")]
    assert {request.query["symbol"] for request in stub.requests} == {"AAPL"}


async def test_a_list_that_may_have_been_cut_is_not_used(fmp):
    provider, stub = fmp
    row = {"symbol": "KO", "date": str(FIRST), "adjClose": 1.0}
    stub.fail("=KO", Reply([row] * adapter.MOST_ROWS))
    assert (await provider.fetch_bars(["KO"], FIRST, LAST)).failed == {"KO": Reason.MALFORMED}


@pytest.mark.parametrize("kind", ["splits", "dividends"])
async def test_corporate_actions_that_may_have_been_cut_are_not_used(fmp, kind):
    provider, stub = fmp
    stub.fail(kind, Reply([{"symbol": "KO", "date": str(FIRST), "dividend": 1.0}] * adapter.MOST_ACTIONS))
    assert (await provider.fetch_corporate_actions(["KO"], FIRST, LAST)).failed == {"KO": Reason.MALFORMED}


@pytest.mark.parametrize(
    ("said", "code"), [("USD", "USD"), ("eur", "EUR"), ("GBp", "GBX"), ("GBP", "GBP"), ("ZAc", "ZAC"), ("ILA", "ILA")]
)
async def test_a_currency_is_what_the_price_is_in(fmp, said, code):
    provider, stub = fmp
    stub.fail("profile", Reply([{"symbol": "KO", "currency": said}]))
    assert (await provider.fetch_listings(["KO"])).found["KO"].currency == code


@pytest.mark.parametrize("said", [None, "", "Euro", "US", "U$D", 7])
async def test_a_listing_in_no_currency_is_malformed(fmp, said):
    provider, stub = fmp
    stub.fail("profile", Reply([{"symbol": "KO", "currency": said}]))
    assert (await provider.fetch_listings(["KO"])).failed == {"KO": Reason.MALFORMED}


async def test_the_key_is_in_a_header(fmp):
    provider, stub = fmp
    await provider.fetch_quotes(["AAPL"])
    assert stub.requests[0].headers["apikey"] == fmp_stub.KEY
    assert fmp_stub.KEY not in stub.requests[0].target


@pytest.mark.parametrize(
    ("symbol", "asked"), [("BRK.B", "BRK-B"), ("SPX", "^GSPC"), ("BTC-USD", "BTCUSD"), ("AAPL", "AAPL")]
)
async def test_symbols_are_spelt_as_fmp_does(fmp, symbol: str, asked: str):
    provider, stub = fmp
    await provider.fetch_bars([symbol], FIRST, LAST)
    assert stub.requests[0].query["symbol"] == asked


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"date": "2022-12-20", "adjClose": "12"}, "adjClose", "not_a_number"),
        ({"date": "2022-12-20", "adjClose": None}, "adjClose", "missing"),
        ({"date": "2022-12-20", "adjClose": 1.0, "adjLow": float("nan")}, "adjLow", "not_a_number"),
        ({"date": "2022-13-20", "adjClose": 1.0}, "date", "unreadable_date"),
        ({"date": "20221220", "adjClose": 1.0}, "date", "unreadable_date"),
        ({"date": 20221220, "adjClose": 1.0}, "date", "unreadable_date"),
        ({"adjClose": 1.0}, "date", "unreadable_date"),
        ({"date": "2022-12-20", "close": 1.0}, "adjClose", "missing"),
    ],
)
async def test_a_row_that_is_none_is_set_aside(fmp, row, field, reason):
    provider, stub = fmp
    stub.extra_bars["AAPL"] = [row]
    answer = await provider.fetch_bars(["AAPL"], FIRST, LAST)
    assert len(answer.found["AAPL"]) == len(market.SESSIONS)
    assert [(one.kind, one.field, one.reason) for one in answer.rejected] == [(RowKind.BAR, field, reason)]


async def test_a_dividend_is_what_was_paid_and_not_what_later_splits_make_of_it(fmp):
    provider, _ = fmp
    (dividend,) = (await provider.fetch_corporate_actions(["KO"], date(2022, 11, 1), date(2022, 11, 30))).found["KO"]
    assert (dividend.kind, dividend.value) == (ActionKind.DIVIDEND, 0.44)


async def test_a_dividend_said_twice_counts_once(fmp):
    provider, stub = fmp
    row = {"symbol": "KO", "date": str(FIRST), "dividend": 0.5, "paymentDate": "2023-01-02"}
    stub.fail("dividends", Reply([row, row, row | {"paymentDate": "2023-01-03"}]))
    answer = await provider.fetch_corporate_actions(["KO"], FIRST, FIRST)
    assert [action.value for action in answer.found["KO"]] == [1.0]


@pytest.mark.parametrize(
    ("numerator", "denominator", "reason"), [(0, 1, "not_positive"), (4, 0, "not_positive"), (None, 1, "missing")]
)
async def test_a_split_by_nothing_is_set_aside(fmp, numerator, denominator, reason):
    provider, stub = fmp
    row = {"symbol": "KO", "date": str(FIRST), "numerator": numerator, "denominator": denominator}
    stub.fail("splits", Reply([row]))
    answer = await provider.fetch_corporate_actions(["KO"], FIRST, LAST)
    assert [one.reason for one in answer.rejected] == [reason]
    assert list(answer.found["KO"]) == []


async def test_a_quote_has_its_time(fmp):
    provider, _ = fmp
    quote = (await provider.fetch_quotes(["AAPL"])).found["AAPL"]
    assert quote.quote_time == datetime(2022, 12, 28, 21, 0, tzinfo=UTC)
    assert (quote.bid, quote.ask) == (None, None)


@pytest.mark.parametrize("row", [{"price": "1"}, {"price": 1.0}, {"price": 1.0, "timestamp": "now"}, 7, []])
async def test_a_quote_of_wrong_types_is_set_aside(fmp, row):
    provider, stub = fmp
    stub.fail("quote", Reply([row]))
    answer = await provider.fetch_quotes(["AAPL"])
    assert answer.failed == {"AAPL": Reason.NO_HISTORY}
    assert [one.kind for one in answer.rejected] == [RowKind.QUOTE]


@pytest.mark.parametrize(
    ("symbol", "kind", "exchange", "sector", "industry"),
    [
        ("AAPL", Kind.STOCK, "XNAS", "Information Technology", "Consumer Electronics"),
        ("MTUM", Kind.ETF, "BATS", "", ""),
        ("VFIAX", Kind.FUND, "XNAS", "", ""),
        ("SPX", Kind.INDEX, "", "", ""),
        ("BTC-USD", Kind.CRYPTO, "", "", ""),
    ],
)
async def test_profiles_are_read_in_our_words(fmp, symbol, kind, exchange, sector, industry):
    provider, _ = fmp
    listing = (await provider.fetch_listings([symbol])).found[symbol]
    assert (listing.kind, listing.exchange, listing.sector, listing.industry) == (kind, exchange, sector, industry)


@pytest.mark.parametrize("rows", [[7], [{"companyName": "Apple"}], [{"symbol": "AAPL", "companyName": 7}]])
async def test_a_profile_of_wrong_types_is_malformed(fmp, rows):
    provider, stub = fmp
    stub.fail("profile", Reply(rows))
    assert (await provider.fetch_listings(["AAPL"])).failed == {"AAPL": Reason.MALFORMED}
