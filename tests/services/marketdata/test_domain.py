"""Rules on bars, prices and sessions."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import FailedPrecondition, InvalidFields, OutOfRange
from services.marketdata.domain.bars import closes_only, defect
from services.marketdata.domain.matrix import Columns, align
from services.marketdata.domain.prices import PriceBasis, Quote
from services.marketdata.domain.sessions import Session, Standing, check_pinned, pin
from tests.services.marketdata.market import days, series

RAW, ADJUSTED = PriceBasis.RAW, PriceBasis.TOTAL_RETURN_ADJUSTED
SESSIONS = np.array(days(19, 20, 21, 22, 23, 27, 28), dtype="datetime64[D]")


def session(day: date) -> Session:
    return Session(day, datetime(day.year, day.month, day.day, 21, tzinfo=UTC))


def test_a_day_without_a_close_is_no_bar():
    bars = closes_only("A", SESSIONS[:3], np.array([1.0, np.nan, 3.0]), ADJUSTED)
    assert bars.session_dates.tolist() == days(19, 21)
    assert bars.close.tolist() == [1.0, 3.0]
    assert np.isnan(bars.open).all()
    assert len(bars.volume) == len(bars) == 2


@pytest.mark.parametrize(
    ("on", "closes", "reason"),
    [
        (days(19, 20), [1.0, 2.0], ""),
        ([], [], ""),
        (days(20, 19), [1.0, 2.0], "days_not_in_order"),
        (days(20, 20), [1.0, 2.0], "days_not_in_order"),
        (days(23, 24), [1.0, 2.0], "day_not_a_session"),
        (days(19, 20), [1.0, 0.0], "impossible_price"),
        (days(19, 20), [1.0, -2.0], "impossible_price"),
        (days(19, 20), [1.0, float("inf")], "impossible_price"),
    ],
)
def test_what_makes_a_series_unfit(on, closes, reason):
    assert defect(series("A", on, closes), SESSIONS) == reason


def test_the_change_is_on_the_previous_close():
    quote = Quote("A", last=110.0, previous_close=100.0)
    assert (quote.change, quote.change_percent) == (10.0, 10.0)
    assert Quote("A", last=110.0).change is None
    assert Quote("A", last=110.0).change_percent is None
    assert Quote("A", previous_close=100.0).change is None


@given(st.lists(st.lists(st.floats(1, 1e6) | st.none(), min_size=7, max_size=7), min_size=1, max_size=5))
def test_columns_are_aligned_on_sessions(table):
    bars = [[(day, close) for day, close in zip(SESSIONS, column, strict=True) if close][::-1] for column in table]
    columns = Columns(
        lengths=np.array([len(column) for column in bars]),
        days=np.array([day for column in bars for day, _ in column], dtype="datetime64[D]"),
        closes=np.array([close for column in bars for _, close in column]),
        bases=np.full(sum(map(len, bars)), ADJUSTED, dtype=np.int16),
    )
    matrix = align(SESSIONS, columns, ADJUSTED)
    expected = np.array([[np.nan if close is None else close for close in column] for column in table]).T
    np.testing.assert_array_equal(matrix.closes, expected)
    assert matrix.price_bases.tolist() == [ADJUSTED if column else PriceBasis.UNSPECIFIED for column in bars]


def test_a_column_never_mixes_bases():
    columns = Columns(
        lengths=np.array([3, 0, 1]),
        days=SESSIONS[[2, 1, 0, 1]],
        closes=np.array([3.0, 2.0, 1.0, 9.0]),
        bases=np.array([RAW, ADJUSTED, RAW, ADJUSTED], dtype=np.int16),
    )
    matrix = align(SESSIONS[:3], columns, ADJUSTED)
    np.testing.assert_array_equal(matrix.closes, [[1, np.nan, np.nan], [np.nan, np.nan, 9], [3, np.nan, np.nan]])
    assert matrix.price_bases.tolist() == [RAW, PriceBasis.UNSPECIFIED, ADJUSTED]
    raw = align(SESSIONS[:3], columns, RAW)
    np.testing.assert_array_equal(raw.closes, [[1, np.nan, np.nan], [np.nan] * 3, [3, np.nan, np.nan]])
    assert raw.price_bases.tolist() == [RAW, PriceBasis.UNSPECIFIED, PriceBasis.UNSPECIFIED]


def test_of_a_day_that_was_corrected_the_first_bar_is_in_force():
    columns = Columns(
        lengths=np.array([0, 4, 1, 3]),
        days=SESSIONS[[2, 2, 1, 1, 1, 1, 1, 0]],
        closes=np.array([3.0, 30.0, 2.0, 20.0, 9.0, 7.0, 70.0, 6.0]),
        bases=np.array([ADJUSTED, RAW, ADJUSTED, ADJUSTED, RAW, ADJUSTED, RAW, RAW], dtype=np.int16),
    )
    nan = np.nan
    adjusted = align(SESSIONS[:3], columns, ADJUSTED)
    np.testing.assert_array_equal(adjusted.closes, [[nan] * 4, [nan, 2, 9, 7], [nan, 3, nan, nan]])
    assert adjusted.price_bases.tolist() == [PriceBasis.UNSPECIFIED, ADJUSTED, RAW, ADJUSTED]
    raw = align(SESSIONS[:3], columns, RAW)
    np.testing.assert_array_equal(raw.closes, [[nan, nan, nan, 6], [nan, nan, 9, nan], [nan] * 4])
    assert raw.price_bases.tolist() == [PriceBasis.UNSPECIFIED, PriceBasis.UNSPECIFIED, RAW, RAW]


def test_a_bar_of_a_day_that_is_no_session_moves_nothing():
    columns = Columns(
        lengths=np.array([4]),
        days=np.array(days(31, 22, 20, 18), dtype="datetime64[D]"),
        closes=np.array([4.0, 3.0, 2.0, 1.0]),
        bases=np.full(4, ADJUSTED, dtype=np.int16),
    )
    matrix = align(np.array(days(19, 20, 21, 23), dtype="datetime64[D]"), columns, ADJUSTED)
    np.testing.assert_array_equal(matrix.closes[:, 0], [np.nan, 2.0, np.nan, np.nan])
    none = np.array([], dtype="datetime64[D]")
    nothing = Columns(np.array([0, 0]), none, np.array([]), np.array([], dtype=np.int16))
    assert align(none, nothing, ADJUSTED).closes.shape == (0, 2)


STANDING = Standing(newest_sealed=days(27)[0], first_session=days(20)[0], data_version=4)


@pytest.mark.parametrize("day", days(20, 23, 27))
def test_a_sealed_session_is_pinned_to_the_newest_version(day):
    pinned = pin(day, STANDING, session(day), None)
    assert (pinned.session.session_date, pinned.newest_sealed, pinned.data_version) == (day, days(27)[0], 4)


@pytest.mark.parametrize(("asked", "found"), [(28, 28), (31, 28), (19, 19), (1, None)])
def test_what_is_not_sealed_or_before_the_first_price_is_out_of_range(asked, found):
    with pytest.raises(OutOfRange, match=f"2022-12-{asked:02}") as caught:
        pin(date(2022, 12, asked), STANDING, session(days(found)[0]) if found else None, None)
    assert caught.value.reason == "DATE_OUT_OF_RANGE"
    assert caught.value.metadata == {"first": "2022-12-20", "newest": "2022-12-27"}


@pytest.mark.parametrize("standing", [Standing(None, None, 0), Standing(None, days(20)[0], 3)])
def test_without_a_seal_nothing_can_be_pinned(standing):
    with pytest.raises(FailedPrecondition) as caught:
        pin(None, standing, None, None)
    assert caught.value.reason == "MARKET_DATA_EMPTY"


def test_a_pin_that_cannot_be_is_refused_by_field():
    check_pinned(days(28)[0], 3, is_session=True, newest_version=3)
    with pytest.raises(InvalidFields) as caught:
        check_pinned(days(25)[0], 4, is_session=False, newest_version=3)
    assert [(one.field, one.value) for one in caught.value.violations] == [
        ("as_of_date", "2022-12-25"),
        ("data_version", "4"),
    ]
