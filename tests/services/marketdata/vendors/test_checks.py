"""Which rows are fit to be prices: what vendors send that cannot be, as arrays and through the adapters."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.domain import checks
from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.checks import KnownClose, check_bars, unfit_rows
from services.marketdata.domain.corporate_actions import ActionKind, CorporateAction
from services.marketdata.domain.fetched import RowKind
from services.marketdata.domain.instruments import Right
from services.marketdata.domain.observation_checks import (
    action_flaw,
    check_fx,
    check_yields,
    option_flaw,
    quote_flaw,
)
from services.marketdata.domain.observations import FxSeries, ObservedOption, ObservedQuote, YieldSeries
from services.marketdata.domain.occ import OptionTerms
from services.marketdata.domain.prices import PriceBasis
from tests.services.marketdata.vendors import market, massive_stub
from tests.services.marketdata.vendors.market import FIRST, LAST, NOW

NAN, INF = float("nan"), float("inf")
TODAY = date(2023, 1, 10)
START = date(2022, 1, 3)


def days(count: int, start: date = START) -> list[date]:
    return [start + timedelta(days=number) for number in range(count)]


COLUMNS = ("open", "high", "low", "volume")


def series(
    closes: list[float], on: list[date] | None = None, basis: PriceBasis = PriceBasis.RAW, **columns: list[float]
) -> BarSeries:
    unknown = [NAN] * len(closes)
    values = {name: np.array(columns.get(name, unknown), dtype=float) for name in COLUMNS}
    session_dates = np.array(on or days(len(closes)), dtype="datetime64[D]")
    return BarSeries("A", session_dates, np.array(closes, dtype=float), basis, **values)


def reasons(closes: list[float], on: list[date] | None = None, basis: PriceBasis = PriceBasis.RAW, **more) -> list[str]:
    columns = {name: more.pop(name) for name in COLUMNS if name in more}
    return check_bars(series(closes, on, basis, **columns), TODAY, **more).tolist()


EACH_FLAW = [
    ({"closes": [10, NAN, 11]}, "not_a_number"),
    ({"closes": [10, INF, 11]}, "not_a_number"),
    ({"closes": [10, -INF, 11]}, "not_a_number"),
    ({"closes": [10, 11, 11], "high": [NAN, INF, NAN]}, "not_a_number"),
    ({"closes": [10, 11, 11], "volume": [NAN, INF, NAN]}, "not_a_number"),
    ({"closes": [10, 0, 11]}, "not_positive"),
    ({"closes": [10, -1, 11]}, "not_positive"),
    ({"closes": [10, 10, 11], "low": [9, 0, 9]}, "not_positive"),
    ({"closes": [10, 10, 11], "open": [9, -2, 9]}, "not_positive"),
    ({"closes": [10, 10, 11], "volume": [9, -2, 9]}, "negative_volume"),
    ({"closes": [10, 10, 11], "high": [11, 9, 12], "low": [9, 9.5, 9]}, "high_below_low"),
    ({"closes": [10, 1000.0, 11]}, "jump_without_split"),
    ({"closes": [10, 0.1, 11]}, "jump_without_split"),
    ({"closes": [10, 1e-300, 11]}, "implausible_price"),
    ({"closes": [10, 1e300, 11]}, "implausible_price"),
]


@pytest.mark.parametrize(("bars", "reason"), EACH_FLAW)
def test_one_row_that_cannot_be_is_found_and_no_other(bars, reason):
    assert reasons(**bars) == ["", reason, ""]


def test_what_is_not_known_is_not_wrong():
    assert reasons([10.0, 11.0]) == ["", ""]
    assert reasons([10.0, 11.0], volume=[0, 5]) == ["", ""]
    assert reasons([]) == []


def test_a_day_that_has_not_come_has_no_bar():
    assert reasons([10.0, 10.0, 10.0], on=[TODAY - timedelta(1), TODAY, TODAY + timedelta(1)]) == [
        "",
        "",
        "future_date",
    ]


def test_a_day_without_a_session_has_no_bar():
    sessions = np.array(days(3), dtype="datetime64[D]")[[0, 2]]
    assert reasons([10.0, 10.0, 10.0], sessions=sessions) == ["", "not_a_session", ""]


def test_a_bar_that_is_said_twice_counts_once():
    on = [START, START, START + timedelta(1)]
    assert reasons([10.0, 10.0, 11.0], on=on) == ["", "duplicate_date", ""]
    assert reasons([10.0] * 3, on=[START] * 3, volume=[5, 5, 5]) == ["", "duplicate_date", "duplicate_date"]


def test_two_bars_of_one_day_that_differ_are_both_set_aside():
    on = [START, START, START + timedelta(1)]
    assert reasons([10.0, 10.5, 11.0], on=on) == ["contradictory_date", "contradictory_date", ""]
    assert reasons([10.0, 10.0, 11.0], on=on, volume=[5, 6, 5])[:2] == ["contradictory_date"] * 2
    assert reasons([10.0, NAN, 11.0], on=on) == ["", "not_a_number", ""]


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        ([10, 10, 10, 1000, 1000], "...xx"),
        ([1000, 1000, 10, 10, 10], "xx..."),
        ([1000, 10, 10, 1000, 10], "x..x."),
        ([10, 400, 16000, 640000, 2e7], "....."),
        ([10, 1000, 100000, 10, 10], ".xx.."),
        ([10, 0.05, 10, 0.05, 10], ".x.x."),
        ([10, 970, 10], ".x."),
        ([10, 500], ".x"),
        ([10, 499], ".."),
        ([10], "."),
    ],
)
def test_a_huge_move_is_found_and_those_after_it_are_judged_without_it(closes, expected):
    assert reasons(list(map(float, closes))) == ["" if mark == "." else "jump_without_split" for mark in expected]


def test_a_close_that_is_known_decides_which_side_of_a_jump_is_wrong():
    closes = [10.0, 10.0, 10.0, 1000.0]
    assert reasons(closes, known=KnownClose(START - timedelta(3), 1100.0)) == ["jump_without_split"] * 3 + [""]
    assert reasons(closes, known=KnownClose(START + timedelta(9), 1100.0)) == ["jump_without_split"] * 3 + [""]
    assert reasons(closes, known=KnownClose(START, 10.0)) == ["", "", "", "jump_without_split"]
    assert reasons(closes, known=KnownClose(START - timedelta(4000), 1e9)) == ["", "", "", "jump_without_split"]


def test_years_apart_closes_may_differ_by_anything():
    on = [date(2000, 1, 3), date(2000, 1, 4), date(2020, 1, 3), date(2020, 1, 4)]
    assert reasons([1.0, 1.0, 500.0, 500.0], on=on) == [""] * 4


def split(day: date, value: float, kind: ActionKind = ActionKind.SPLIT) -> CorporateAction:
    return CorporateAction("A", day, kind, value)


SPLIT_DAY = START + timedelta(2)


def test_a_split_explains_a_jump():
    closes = [2000.0, 2000.0, 10.0, 10.0]
    assert "jump_without_split" in reasons(closes)
    assert reasons(closes, splits=[split(SPLIT_DAY, 200.0)]) == [""] * 4
    assert reasons(closes, splits=[split(SPLIT_DAY, 200.0, ActionKind.DIVIDEND)]) != [""] * 4
    assert reasons(closes, splits=[split(SPLIT_DAY + timedelta(1), 200.0)]) != [""] * 4
    assert reasons(closes[::-1], splits=[split(SPLIT_DAY, 1 / 200)]) == [""] * 4
    assert reasons(closes, splits=[split(SPLIT_DAY, 20.0), split(SPLIT_DAY, 10.0)]) == [""] * 4


def test_a_split_that_the_prices_do_not_show_is_a_jump():
    assert reasons([10.0] * 4, splits=[split(SPLIT_DAY, 200.0)]) != [""] * 4
    adjusted = {"basis": PriceBasis.TOTAL_RETURN_ADJUSTED, "splits": [split(SPLIT_DAY, 200.0)]}
    assert reasons([10.0] * 4, **adjusted) == [""] * 4


def test_a_split_lies_between_a_close_that_is_known_and_the_bars():
    known = KnownClose(START - timedelta(1), 2000.0)
    assert reasons([10.0, 10.0], known=known) == ["jump_without_split"] * 2
    assert reasons([10.0, 10.0], known=known, splits=[split(START, 200.0)]) == ["", ""]
    assert reasons([10.0, 10.0], known=known, splits=[split(START - timedelta(1), 200.0)]) == ["jump_without_split"] * 2


def test_a_ten_for_one_split_in_the_middle_of_a_history_needs_no_explanation():
    closes = [*np.linspace(100, 110, 5), *np.linspace(11, 12, 5)]
    assert reasons(closes) == [""] * 10
    assert reasons(closes, splits=[split(START + timedelta(5), 10.0)]) == [""] * 10


@given(
    closes=st.lists(st.floats(1.0, 40.0), min_size=1, max_size=30),
    spoilt=st.sets(st.integers(0, 29)),
    factor=st.sampled_from([1e-4, 1e4, 1e9]),
)
def test_rows_far_off_are_found_wherever_they_are_while_they_are_few(closes, spoilt, factor):
    wrong = [place for place in sorted(spoilt) if place < len(closes)]
    values = [close * factor if place in wrong else close for place, close in enumerate(closes)]
    known = KnownClose(START, 6.0)
    found = [place for place, reason in enumerate(reasons(values, known=known)) if reason]
    assert found == wrong


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20), st.data())
def test_whatever_comes_nothing_fit_is_impossible(closes, data):
    dates = sorted(data.draw(st.lists(st.dates(), min_size=len(closes), max_size=len(closes))))
    bars = series(closes, on=dates or None)
    fit = bars.rows(check_bars(bars, TODAY) == "")
    assert np.all(np.isfinite(fit.close))
    assert np.all(fit.close > 0)
    assert np.all(np.diff(fit.session_dates) > np.timedelta64(0, "D"))
    assert np.all(fit.session_dates <= np.datetime64(TODAY))


def test_rows_that_are_unfit_are_kept_as_they_came():
    bars = series([10.0, NAN, 0.0], volume=[1, 2, 3])
    rows = unfit_rows(bars, check_bars(bars, TODAY), "massive", np.array([2, 3, 4]))
    assert [(row.kind, row.symbol, row.source, row.line) for row in rows] == [
        (RowKind.BAR, "A", "massive", 3),
        (RowKind.BAR, "A", "massive", 4),
    ]
    assert [row.row_date for row in rows] == days(3)[1:]
    assert [row.reason for row in rows] == ["not_a_number", "not_positive"]
    assert rows[0].row_json == '{"date": "2022-01-04", "close": "nan", "volume": 2.0}'
    assert unfit_rows(bars, np.array(["", "", "x"]), "fmp")[0].line == 0


SENT = {
    "zero": ({"c": 0}, "not_positive"),
    "negative": ({"c": -132.3}, "not_positive"),
    "100x": ({"c": 13230.0}, "jump_without_split"),
    "1/100": ({"c": 1.3}, "jump_without_split"),
    "high below low": ({"h": 100.0, "l": 140.0}, "high_below_low"),
    "negative volume": ({"v": -1}, "negative_volume"),
    "infinity": ({"c": float("inf")}, "not_a_number"),
    "nan": ({"c": float("nan")}, "not_a_number"),
}


@pytest.mark.parametrize("sent", SENT)
async def test_what_a_vendor_sends_that_cannot_be_never_becomes_a_price(massive, sent: str):
    provider, stub = massive
    changed, reason = SENT[sent]
    row = massive_stub.aggregate(market.DayBar(date(2022, 12, 29), 126.0, 127.0, 125.0, 126.5, 10)) | changed
    stub.extra_bars["AAPL"] = [row]
    answer = await provider.fetch_bars(["AAPL"], FIRST, date(2022, 12, 29))
    bars = answer.found["AAPL"]
    found = check_bars(bars, TODAY)
    set_aside = [*answer.rejected, *unfit_rows(bars, found, "massive")]
    assert [(one.reason, one.row_date) for one in set_aside] == [(reason, date(2022, 12, 29))]
    assert bars.rows(found == "").session_dates.tolist() == market.SESSIONS


async def test_duplicate_and_future_days_of_a_vendor_never_become_prices(massive):
    provider, stub = massive
    again = massive_stub.aggregate(market.BARS["AAPL"][2])
    other = massive_stub.aggregate(market.BARS["AAPL"][3]) | {"c": 133.0}
    future = massive_stub.aggregate(market.DayBar(date(2023, 1, 11), 126.0, 127.0, 125.0, 126.5, 10))
    stub.extra_bars["AAPL"] = [future, other, again]
    bars = (await provider.fetch_bars(["AAPL"], FIRST, LAST)).found["AAPL"]
    found = check_bars(bars, TODAY)
    assert sorted(reason for reason in found.tolist() if reason) == [
        "contradictory_date",
        "contradictory_date",
        "duplicate_date",
        "future_date",
    ]
    fit = bars.rows(found == "").session_dates.tolist()
    assert fit == [day for day in market.SESSIONS if day != market.SESSIONS[3]]


def test_yields_are_checked_for_what_a_treasury_yield_can_be():
    on = np.array([START, START, *days(5, START + timedelta(1)), TODAY + timedelta(1)], dtype="datetime64[D]")
    values = np.array([0.03, 0.03, -0.001, 3.88, -0.5, NAN, INF, 0.03])
    expected = ["", "duplicate_date", "", "implausible_yield", "implausible_yield", "not_a_number", "not_a_number"]
    assert check_yields(YieldSeries("10Y", on, values), TODAY).tolist() == [*expected, "future_date"]
    twice = YieldSeries("10Y", on[:2], np.array([0.03, 0.031]))
    assert check_yields(twice, TODAY).tolist() == ["contradictory_date"] * 2
    assert check_yields(YieldSeries("10Y", on[:0], values[:0]), TODAY).tolist() == []


def test_rates_of_exchange_are_checked_like_closes():
    rates = FxSeries("EUR", "USD", np.array(days(5), dtype="datetime64[D]"), np.array([1.06, 0.0, 106.5, INF, 1.07]))
    assert check_fx(rates, TODAY).tolist() == ["", "not_positive", "jump_without_split", "not_a_number", ""]
    yen = FxSeries("USD", "JPY", np.array(days(2), dtype="datetime64[D]"), np.array([1.30, 1.31]))
    assert check_fx(yen, TODAY).tolist() == ["", ""]
    assert check_fx(yen, TODAY, KnownClose(START, 130.0)).tolist() == ["jump_without_split"] * 2


@pytest.mark.parametrize(
    ("value", "kind", "flaw"),
    [
        (4.0, ActionKind.SPLIT, ""),
        (0.25, ActionKind.DIVIDEND, ""),
        (0.0, ActionKind.SPLIT, "not_positive"),
        (-0.25, ActionKind.DIVIDEND, "not_positive"),
        (NAN, ActionKind.SPLIT, "not_a_number"),
        (INF, ActionKind.DIVIDEND, "not_a_number"),
        (1e6, ActionKind.SPLIT, "implausible_split"),
        (1e-6, ActionKind.SPLIT, "implausible_split"),
    ],
)
def test_corporate_actions_that_cannot_be(value, kind, flaw):
    assert action_flaw(CorporateAction("A", date(2030, 1, 1), kind, value)) == flaw


def quote(last: float = 10.0, previous: float | None = 9.9, time: datetime = NOW) -> ObservedQuote:
    return ObservedQuote("A", last, previous, time)


@pytest.mark.parametrize(
    ("observed", "last_close", "flaw"),
    [
        (quote(), 10.0, ""),
        (quote(), None, ""),
        (quote(previous=None), None, ""),
        (quote(time=NOW + timedelta(minutes=1)), None, ""),
        (quote(time=NOW + timedelta(minutes=9)), None, "future_date"),
        (quote(last=0.0), None, "not_positive"),
        (quote(last=-1.0), None, "not_positive"),
        (quote(previous=0.0), None, "not_positive"),
        (quote(last=NAN), None, "not_a_number"),
        (quote(previous=INF), None, "not_a_number"),
        (quote(last=1e13), None, "implausible_price"),
        (quote(last=1e-13), None, "implausible_price"),
        (quote(last=1000.0), 10.0, "jump_without_split"),
        (quote(last=0.1), 10.0, "jump_without_split"),
        (replace(quote(), bid=9.99, ask=10.01), 10.0, ""),
        (replace(quote(), bid=-9.99, ask=10.01), 10.0, "not_positive"),
        (replace(quote(), ask=INF), 10.0, "not_a_number"),
        (replace(quote(), bid=10.01, ask=9.99), 10.0, "bid_above_ask"),
    ],
)
def test_quotes_that_cannot_be(observed, last_close, flaw):
    assert quote_flaw(observed, NOW, last_close) == flaw


def option(**changed: object) -> ObservedOption:
    known = {"bid": 1.0, "ask": 1.1, "last": 1.05, "implied_volatility": 0.3, "open_interest": 5.0, "quote_time": NOW}
    expiry = changed.pop("expiry", date(2023, 1, 20))
    return ObservedOption(OptionTerms("A", expiry, Right.CALL, 100.0), **(known | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "flaw"),
    [
        ({}, ""),
        (dict.fromkeys(("bid", "ask", "last", "implied_volatility", "open_interest", "quote_time")), ""),
        ({"bid": 0.0, "last": 0.0}, ""),
        ({"bid": 0.5, "ask": 0.0}, ""),
        ({"bid": 1.2}, "bid_above_ask"),
        ({"ask": -1.0}, "not_positive"),
        ({"open_interest": -1.0}, "not_positive"),
        ({"bid": NAN}, "not_a_number"),
        ({"implied_volatility": INF}, "not_a_number"),
        ({"implied_volatility": 0.0}, "implausible_volatility"),
        ({"implied_volatility": 30.0}, "implausible_volatility"),
        ({"expiry": date(2023, 1, 8)}, "expired"),
        ({"expiry": date(2023, 1, 10)}, ""),
        ({"quote_time": NOW + timedelta(hours=1)}, "future_date"),
    ],
)
def test_options_that_cannot_be(changed, flaw):
    assert option_flaw(option(**changed), NOW) == flaw


def test_every_reason_is_in_snake_case():
    told = [getattr(checks, name) for name in dir(checks) if name.isupper() and isinstance(getattr(checks, name), str)]
    assert len(told) > 8
    assert all(reason == reason.lower() and " " not in reason for reason in told)
