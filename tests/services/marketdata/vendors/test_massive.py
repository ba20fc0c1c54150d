"""What is special about Massive: its calls, its zeros in the night, its chains, its symbols."""

from datetime import UTC, date, datetime

import pytest

from services.marketdata.domain.corporate_actions import ActionKind
from services.marketdata.domain.fetched import Reason, RowKind
from services.marketdata.domain.instruments import Kind
from tests.services.marketdata.vendors import market, massive_stub
from tests.services.marketdata.vendors.market import FIRST, LAST
from tests.services.marketdata.vendors.stub import Reply


async def test_bars_are_asked_for_as_traded_and_by_pages(massive):
    provider, stub = massive
    await provider.fetch_bars(["AAPL"], FIRST, LAST)
    first, *others = stub.requests
    assert first.path == ["v2", "aggs", "ticker", "AAPL", "range", "1", "day", str(FIRST), str(LAST)]
    assert first.query == {"adjusted": "false", "sort": "asc", "limit": "50000"}
    assert [request.query for request in others] == [{"cursor": "3"}, {"cursor": "6"}]
    assert all(request.headers["authorization"] == f"Bearer {massive_stub.KEY}" for request in stub.requests)


async def test_the_day_of_a_bar_is_that_of_new_york_in_summer_and_winter(massive):
    provider, stub = massive
    stub.extra_bars["SUMMER"] = [{"c": 1.0, "t": 1657512000000}]  # 2022-07-11 04:00 UTC
    stub.extra_bars["WINTER"] = [{"c": 1.0, "t": 1577941200000}]  # 2020-01-02 05:00 UTC, the sample of the documents
    answer = await provider.fetch_bars(["SUMMER", "WINTER"], FIRST, LAST)
    assert answer.found["SUMMER"].session_dates.tolist() == [date(2022, 7, 11)]
    assert answer.found["WINTER"].session_dates.tolist() == [date(2020, 1, 2)]


@pytest.mark.parametrize(
    ("row", "field", "reason", "day"),
    [
        ({"c": "1.5", "t": 1577941200000}, "c", "not_a_number", date(2020, 1, 2)),
        ({"c": float("nan"), "t": 1577941200000}, "c", "not_a_number", date(2020, 1, 2)),
        ({"c": float("inf"), "t": 1577941200000}, "c", "not_a_number", date(2020, 1, 2)),
        ({"c": 10**400, "t": 1577941200000}, "c", "not_a_number", date(2020, 1, 2)),
        ({"c": True, "t": 1577941200000}, "c", "not_a_number", date(2020, 1, 2)),
        ({"c": None, "t": 1577941200000}, "c", "missing", date(2020, 1, 2)),
        ({"c": 1.0, "h": "high", "t": 1577941200000}, "h", "not_a_number", date(2020, 1, 2)),
        ({"c": 1.0, "v": {}, "t": 1577941200000}, "v", "not_a_number", date(2020, 1, 2)),
        ({"c": 1.0}, "t", "missing", None),
        ({"c": 1.0, "t": "yesterday"}, "t", "not_a_number", None),
        ({"c": 1.0, "t": 10**30}, "t", "unreadable_date", None),
        ({"c": 1.0, "t": -(10**30)}, "t", "unreadable_date", None),
        ([1, 2, 3], "", "not_an_object", None),
        ("row", "", "not_an_object", None),
        (None, "", "not_an_object", None),
    ],
)
async def test_a_row_that_is_none_is_set_aside_and_the_others_are_used(massive, row, field, reason, day):
    provider, stub = massive
    stub.extra_bars["AAPL"] = [row]
    answer = await provider.fetch_bars(["AAPL"], FIRST, LAST)
    assert len(answer.found["AAPL"]) == len(market.SESSIONS)
    (rejected,) = answer.rejected
    assert (rejected.kind, rejected.symbol, rejected.source) == (RowKind.BAR, "AAPL", "massive")
    assert (rejected.field, rejected.reason, rejected.row_date) == (field, reason, day)


async def test_a_history_of_nothing_but_wrong_rows_is_none_and_they_are_kept(massive):
    provider, stub = massive
    stub.extra_bars["BAD"] = [{"c": "x", "t": 1577941200000}]
    answer = await provider.fetch_bars(["BAD"], FIRST, LAST)
    assert answer.failed == {"BAD": Reason.NO_HISTORY}
    assert [row.value for row in answer.rejected] == ["x"]


@pytest.mark.parametrize(
    ("symbol", "ticker"),
    [("SPX", "I:SPX"), ("AAPL230120C00150000", "O:AAPL230120C00150000"), ("BTC-USD", "X:BTCUSD"), ("BRK.B", "BRK.B"),
     ("BF-B", "BF-B"), ("AAPL231332C00150000", "AAPL231332C00150000")],
)  # fmt: skip
async def test_symbols_are_spelt_as_massive_does(massive, symbol: str, ticker: str):
    provider, stub = massive
    await provider.fetch_bars([symbol], FIRST, LAST)
    assert stub.requests[0].path[3] == ticker


async def test_corporate_actions_of_many_symbols_take_two_calls(massive):
    provider, stub = massive
    symbols = [f"S{number}" for number in range(48)]
    await provider.fetch_corporate_actions(["AAPL", "KO", *symbols], FIRST, LAST)
    assert sorted(request.path[2] for request in stub.requests) == ["dividends", "splits"]
    await provider.fetch_corporate_actions(["AAPL", "KO", *symbols, "X"], FIRST, LAST)
    assert len(stub.requests) == 2 + 4


async def test_dividends_of_one_day_add_up_and_a_row_said_twice_counts_once(massive):
    provider, stub = massive
    rows = [
        massive_stub.dividend("KO", FIRST, 0.44),
        massive_stub.dividend("KO", FIRST, 0.44),
        massive_stub.dividend("KO", FIRST, 0.44, id="special", distribution_type="special"),
        massive_stub.dividend("KO", LAST, 0.1, currency="CAD"),
        massive_stub.dividend("KO", LAST, 0.2, ex_dividend_date="28.12.2022"),
        massive_stub.dividend("NOT-ASKED", FIRST, 9.0),
    ]
    stub.fail("dividends", Reply({"status": "OK", "results": rows}))
    answer = await provider.fetch_corporate_actions(["KO"], FIRST, LAST)
    dividends = [action for action in answer.found["KO"] if action.kind is ActionKind.DIVIDEND]
    assert [(action.ex_date, action.value) for action in dividends] == [(FIRST, 0.88)]
    assert [(row.field, row.reason) for row in answer.rejected] == [
        ("currency", "other_currency"),
        ("ex_dividend_date", "unreadable_date"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"), [(0, 4, "not_positive"), (1, -4, "not_positive"), ("1", 4, "not_a_number")]
)
async def test_a_split_by_nothing_is_set_aside(massive, old, new, reason):
    provider, stub = massive
    row = {"ticker": "KO", "execution_date": str(FIRST), "split_from": old, "split_to": new}
    stub.fail("splits", Reply({"status": "OK", "results": [row]}))
    answer = await provider.fetch_corporate_actions(["KO"], FIRST, LAST)
    assert answer.found == {"KO": []}
    assert [row.reason for row in answer.rejected] == [reason]


@pytest.mark.parametrize("rows", [[7], [{"cash_amount": 1.0}], [{"ticker": 7}]])
async def test_events_without_a_ticker_are_malformed(massive, rows):
    provider, stub = massive
    stub.fail("dividends", Reply({"status": "OK", "results": rows}))
    answer = await provider.fetch_corporate_actions(["AAPL", "KO"], FIRST, LAST)
    assert answer.failed == {"AAPL": Reason.MALFORMED, "KO": Reason.MALFORMED}


async def test_quotes_have_bid_and_ask(massive):
    provider, _ = massive
    quote = (await provider.fetch_quotes(["AAPL"])).found["AAPL"]
    assert (quote.bid, quote.ask) == (126.03, 126.05)


async def test_without_snapshots_in_the_plan_the_last_close_is_the_quote(massive):
    provider, stub = massive
    stub.snapshots_allowed = False
    answer = await provider.fetch_quotes(["AAPL", "NOPE"])
    quote = answer.found["AAPL"]
    assert (quote.last, quote.previous_close) == (126.04, None)
    assert quote.quote_time == datetime(2022, 12, 28, 21, 0, tzinfo=UTC)
    assert answer.failed == {"NOPE": Reason.REFUSED}  # it says more than "no bar": that there may be one


EMPTY = {"c": 0, "h": 0, "l": 0, "o": 0, "v": 0, "vw": 0}


@pytest.mark.parametrize(
    ("changed", "last"),
    [
        ({"lastTrade": None}, 126.04),
        ({"lastTrade": None, "min": {**EMPTY, "t": 0}}, 126.04),
        ({"lastTrade": {"p": 0, "t": 0}, "min": {**EMPTY, "t": 0}, "day": {**EMPTY, "c": 7.5}}, 7.5),
        ({"lastTrade": {"p": 0, "t": 0}, "min": {**EMPTY, "t": 0}, "day": EMPTY, "updated": 0}, None),
    ],
)
async def test_a_snapshot_of_zeros_is_no_price(massive, changed, last):
    provider, stub = massive
    stub.fail("snapshot", Reply({"status": "OK", "tickers": [massive_stub.snapshot("AAPL") | changed]}))
    answer = await provider.fetch_quotes(["AAPL"])
    if last is None:
        assert answer.failed == {"AAPL": Reason.NO_HISTORY}
    else:
        assert answer.found["AAPL"].last == last


@pytest.mark.parametrize("changed", [{"lastTrade": 7}, {"lastTrade": {"p": "126", "t": 1}}, {"lastQuote": []}])
async def test_a_snapshot_of_wrong_types_is_set_aside(massive, changed):
    provider, stub = massive
    stub.fail("snapshot", Reply({"status": "OK", "tickers": [massive_stub.snapshot("AAPL") | changed]}))
    answer = await provider.fetch_quotes(["AAPL"])
    assert answer.failed == {"AAPL": Reason.NO_HISTORY}
    assert [row.kind for row in answer.rejected] == [RowKind.QUOTE]


def with_details(**changed: object) -> dict[str, object]:
    row = massive_stub.option("O:AAPL230120C00150000", "call", "2023-01-20", 150, 0.3)
    return row | {"details": {**row["details"], **changed}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (with_details(strike_price=151), "contradictory_terms"),
        (with_details(expiration_date="2023-01-27"), "contradictory_terms"),
        (with_details(contract_type="put"), "contradictory_terms"),
        (with_details(contract_type="other"), "contradictory_terms"),
        (with_details(shares_per_contract=10), "nonstandard_contract"),
        (with_details(ticker="AAPL"), "no_option_symbol"),
        (with_details(ticker="O:AAPL231332C00150000"), "impossible_expiry"),
        (with_details(ticker=5), "not_a_text"),
        ({}, "no_option_symbol"),
        ({**with_details(), "implied_volatility": "high"}, "not_a_number"),
        ({**with_details(), "last_quote": []}, "not_an_object"),
    ],
)
async def test_a_contract_that_contradicts_itself_is_set_aside(massive, row, reason):
    provider, stub = massive
    stub.options.append(row)
    answer = await provider.fetch_option_chains(["AAPL"])
    assert len(answer.found["AAPL"].options) == 1
    assert [(one.kind, one.reason) for one in answer.rejected] == [(RowKind.OPTION_QUOTE, reason)]


async def test_a_contract_without_quotes_and_volatility_is_known_all_the_same(massive):
    provider, stub = massive
    row = massive_stub.option("O:AAPL230120P00100500", "put", "2023-01-20", 100.5, None)
    stub.options = [{name: row[name] for name in ("details", "open_interest")}]
    (option,) = (await provider.fetch_option_chains(["AAPL"])).found["AAPL"].options
    assert (option.terms.strike, option.terms.right) == (100.5, "P")
    assert (option.bid, option.ask, option.last, option.implied_volatility, option.quote_time) == (None,) * 5


@pytest.mark.parametrize(
    ("symbol", "kind", "exchange", "industry"),
    [
        ("AAPL", Kind.STOCK, "XNAS", "Electronic computers"),
        ("MTUM", Kind.ETF, "ARCX", ""),
        ("SPX", Kind.INDEX, "XNAS", ""),
    ],
)
async def test_listings_have_a_kind_an_exchange_and_an_industry(massive, symbol, kind, exchange, industry):
    provider, _ = massive
    listing = (await provider.fetch_listings([symbol])).found[symbol]
    assert (listing.kind, listing.exchange, listing.industry, listing.sector) == (kind, exchange, industry, "")


async def test_the_currency_of_a_coin_is_a_code_and_no_name(massive):
    provider, stub = massive
    coin = {"ticker": "X:BTCUSD", "market": "crypto", "currency_symbol": "USD", "currency_name": "United States Dollar"}
    stub.fail("/v3/reference", Reply({"status": "OK", "results": coin}))
    listing = (await provider.fetch_listings(["BTC-USD"])).found["BTC-USD"]
    assert (listing.kind, listing.currency) == (Kind.CRYPTO, "USD")


@pytest.mark.parametrize(
    "reply", [massive_stub.NO_KEY, massive_stub.NOT_ENTITLED, massive_stub.TOO_MANY, massive_stub.NOT_FOUND]
)
async def test_what_massive_says_instead_of_answering_is_understood(massive, reply: Reply):
    provider, stub = massive
    stub.fail("/", reply)
    reasons = {401: Reason.REFUSED, 403: Reason.REFUSED, 429: Reason.RATE_LIMITED, 404: Reason.UNKNOWN_SYMBOL}
    assert (await provider.fetch_bars(["AAPL"], FIRST, LAST)).failed == {"AAPL": reasons[reply.status]}
