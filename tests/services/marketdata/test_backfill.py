"""Which days are asked for, what of the answer is news, and what of it is fit: arrays alone."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.domain.action_news import KnownAction, action_news
from services.marketdata.domain.backfill import ASKED_AGAIN, DayRange, Held, missing
from services.marketdata.domain.bars import BarSeries, closes_only
from services.marketdata.domain.checks import KnownClose
from services.marketdata.domain.corporate_actions import ActionKind, CorporateAction
from services.marketdata.domain.fetched import RejectedRow, RowKind, fetched_from
from services.marketdata.domain.fitness import BEFORE_CALENDAR, Circumstances, Told, judge
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.known_bars import KnownBars, news, nothing_known
from services.marketdata.domain.prices import PriceBasis

RAW, ADJUSTED = PriceBasis.RAW, PriceBasis.TOTAL_RETURN_ADJUSTED
MONDAY = date(2022, 12, 5)
SESSIONS = np.array([MONDAY + timedelta(days=n) for n in range(40) if n % 7 < 5], dtype="datetime64[D]")
EVERY = DayRange(SESSIONS[0].item(), SESSIONS[-1].item())
NOTHING = np.empty(0, "datetime64[D]")


def days_of(places: set[int]) -> np.ndarray:
    return SESSIONS[sorted(places)]


# --- what is missing ---


def test_a_history_that_is_whole_lacks_nothing():
    assert missing(SESSIONS, SESSIONS, None) is None


def test_a_history_that_is_not_there_lacks_everything():
    assert missing(SESSIONS, NOTHING, None) == EVERY


@given(st.sets(st.integers(0, len(SESSIONS) - 1)))
def test_the_range_begins_and_ends_with_a_session_that_is_missing(present: set[int]):
    lacking = sorted(set(range(len(SESSIONS))) - present)
    found = missing(SESSIONS, days_of(present), None)
    if not lacking:
        assert found is None
    else:
        assert found == DayRange(SESSIONS[lacking[0]].item(), SESSIONS[lacking[-1]].item())


def test_what_sources_did_not_have_is_asked_again_for_the_newest_sessions_alone():
    asked_before = missing(SESSIONS, NOTHING, EVERY)
    assert asked_before == DayRange(SESSIONS[-ASKED_AGAIN].item(), EVERY.last)
    assert missing(SESSIONS, SESSIONS[-ASKED_AGAIN:], EVERY) is None


def test_what_sources_were_not_asked_for_is_asked_for():
    checked = DayRange(SESSIONS[5].item(), EVERY.last)
    assert missing(SESSIONS, SESSIONS[-ASKED_AGAIN:], checked) == DayRange(EVERY.first, SESSIONS[4].item())


def test_bars_on_another_basis_do_not_fill_gaps():
    held = Held(SESSIONS, np.array([ADJUSTED] * 20 + [RAW] * (len(SESSIONS) - 20), dtype=np.int16))
    assert held.basis is RAW
    assert missing(SESSIONS, held.on(held.basis), None) == DayRange(EVERY.first, SESSIONS[19].item())


# --- what is news ---


def full(days: np.ndarray, closes: list[float], volume: float = 5.0) -> BarSeries:
    prices = np.array(closes)
    volumes = np.full(len(prices), volume)
    return BarSeries("A", days, prices, RAW, open=prices, high=prices, low=prices, volume=volumes)


def known_as(series: BarSeries) -> KnownBars:
    values = np.column_stack([series.open, series.high, series.low, series.close, series.volume])
    return KnownBars(series.session_dates, values, np.full(len(series), series.price_basis, dtype=np.int16))


def test_what_is_known_is_no_news():
    series = full(SESSIONS[:3], [1.0, 2.0, 3.0])
    assert len(news(series, known_as(series))) == 0
    assert len(news(series, nothing_known())) == 3


def test_a_close_that_a_source_does_not_know_equals_itself():
    closes = closes_only("A", SESSIONS[:3], np.array([1.0, 2.0, 3.0]), RAW)
    assert len(news(closes, known_as(closes))) == 0
    assert len(news(closes, known_as(full(SESSIONS[:3], [1.0, 2.0, 3.0])))) == 3


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_a_change_in_any_column_is_news(column: str):
    series = full(SESSIONS[:3], [1.0, 2.0, 3.0])
    changed = {name: getattr(series, name).copy() for name in ("open", "high", "low", "close", "volume")}
    changed[column][1] = 9.0
    closes = changed.pop("close")
    told = BarSeries("A", SESSIONS[:3], closes, RAW, **changed)
    assert news(told, known_as(series)).session_dates.tolist() == [SESSIONS[1].item()]


def test_another_basis_is_news():
    series = closes_only("A", SESSIONS[:2], np.array([1.0, 2.0]), RAW)
    known = known_as(series)
    assert len(news(series, KnownBars(known.days, known.values, np.full(2, ADJUSTED, dtype=np.int16)))) == 2


def test_days_around_the_known_ones_are_news():
    known = known_as(full(SESSIONS[5:8], [1.0, 2.0, 3.0]))
    told = full(SESSIONS[4:9], [0.5, 1.0, 2.0, 3.0, 4.0])
    assert news(told, known).session_dates.tolist() == [SESSIONS[4].item(), SESSIONS[8].item()]


def test_a_series_is_compared_with_the_close_before_it():
    known = known_as(full(SESSIONS[[2, 4, 9]], [1.0, 2.0, 3.0]))
    at = {place: known.close_near(full(SESSIONS[[place]], [1.0])) for place in (1, 3, 5, 20)}
    assert at == {
        1: KnownClose(SESSIONS[2].item(), 1.0),
        3: KnownClose(SESSIONS[2].item(), 1.0),
        5: KnownClose(SESSIONS[4].item(), 2.0),
        20: KnownClose(SESSIONS[9].item(), 3.0),
    }
    assert known.close_near(closes_only("A", SESSIONS[5:6], np.array([1.0]), ADJUSTED)) is None


# --- what is fit ---


def judged(series: BarSeries, kind: Kind = Kind.STOCK, splits=(), known=None):
    by = Circumstances(SESSIONS, SESSIONS[-1].item(), splits, known or nothing_known())
    fit, unfit = judge(Told(series, kind, "fake"), by)
    return fit.session_dates.tolist(), [(row.row_date, row.reason) for row in unfit]


def test_days_without_a_session_are_set_aside():
    saturday, ancient = date(2022, 12, 10), date(1970, 1, 5)
    days = np.array([ancient, MONDAY, saturday], dtype="datetime64[D]")
    fit, unfit = judged(full(days, [1.0, 1.0, 1.0]))
    assert fit == [MONDAY]
    assert unfit == [(ancient, BEFORE_CALENDAR), (saturday, "not_a_session")]


def test_a_crypto_currency_may_trade_at_weekends_which_have_no_place():
    days = np.array([MONDAY, date(2022, 12, 10)], dtype="datetime64[D]")
    assert judged(full(days, [1.0, 1.0]), Kind.CRYPTO) == ([MONDAY], [])


def test_a_split_explains_a_jump_and_nothing_else_does():
    series = full(SESSIONS[:6], [500.0, 500.0, 500.0, 500.0, 2.0, 2.0])
    split = CorporateAction("A", SESSIONS[4].item(), ActionKind.SPLIT, 250.0)
    assert judged(series, splits=[split]) == (SESSIONS[:6].tolist(), [])
    _, unfit = judged(series)
    assert {reason for _, reason in unfit} == {"jump_without_split"}


def test_a_jump_away_from_what_is_stored_is_found_in_a_single_bar():
    known = known_as(full(SESSIONS[:3], [1.0, 1.0, 1.0]))
    assert judged(full(SESSIONS[3:4], [1.1]), known=known)[1] == []
    assert judged(full(SESSIONS[3:4], [500.0]), known=known)[1] == [(SESSIONS[3].item(), "jump_without_split")]


# --- corporate actions ---


def split(day: int, ratio: float, symbol: str = "A") -> CorporateAction:
    return CorporateAction(symbol, date(2022, 12, day), ActionKind.SPLIT, ratio)


def told(*actions: CorporateAction, rejected=()):
    return fetched_from("fake", {"A": list(actions)}, {}, rejected)


def test_only_actions_that_are_new_or_say_something_else_are_news():
    known = {"A": [KnownAction(split(6, 2.0), "fake"), KnownAction(split(7, 3.0), "other")]}
    found = action_news(told(split(6, 2.0), split(7, 4.0), split(8, 5.0)), EVERY, known)
    assert [one.action for one in found.told] == [split(7, 4.0), split(8, 5.0)]
    assert (found.withdrawn, found.rejected) == ([], [])
    assert found.in_force == {"A": [split(6, 2.0), split(7, 4.0), split(8, 5.0)]}


def test_an_action_that_its_source_tells_no_more_is_withdrawn():
    known = {"A": [KnownAction(split(6, 2.0), "fake"), KnownAction(split(7, 3.0), "other")]}
    found = action_news(told(), EVERY, known)
    assert [one.action for one in found.withdrawn] == [split(6, 2.0)]
    assert found.in_force == {"A": [split(7, 3.0)]}


def test_an_action_is_not_withdrawn_while_nobody_knows_what_was_told():
    known = {"A": [KnownAction(split(6, 2.0), "fake")]}
    garbled = RejectedRow(RowKind.CORPORATE_ACTION, "A", None, "{}", "fake", "unreadable_date")
    assert action_news(told(rejected=[garbled]), EVERY, known).withdrawn == []
    assert action_news(told(), DayRange(date(2022, 12, 7), EVERY.last), known).withdrawn == []
    assert action_news(fetched_from("fake", {}, {}), EVERY, known).withdrawn == []
    assert action_news(told(), None, known).withdrawn == []


def test_an_action_that_cannot_be_is_set_aside_and_takes_nothing_back():
    known = {"A": [KnownAction(split(6, 2.0), "fake")]}
    found = action_news(told(split(6, -2.0)), EVERY, known)
    assert (found.told, found.withdrawn) == ([], [])
    assert [(row.symbol, row.row_date, row.reason) for row in found.rejected] == [
        ("A", date(2022, 12, 6), "not_positive")
    ]
    assert found.in_force == {"A": [split(6, 2.0)]}
