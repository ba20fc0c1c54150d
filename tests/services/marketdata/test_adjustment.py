"""Adjustment of histories: closed form, identities, and an independent step-by-step calculation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketdata.domain.adjustment import Actions, cash_paid, factors
from services.marketdata.domain.corporate_actions import ActionKind

FIRST = np.datetime64("2022-12-19")


def actions(*rows: tuple[int, int, ActionKind, float]) -> Actions:
    """Actions as (history, days after the first, kind, value)."""
    histories, offsets, kinds, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Actions(
        np.array(histories, dtype=np.int64),
        FIRST + np.array(offsets, dtype="timedelta64[D]"),
        np.array(kinds, dtype=np.int16),
        np.array(values, dtype=float),
    )


def days(count: int) -> np.ndarray:
    return FIRST + np.arange(count)


def column(*closes: float) -> np.ndarray:
    return np.array(closes, dtype=float)[:, None]


def test_nothing_happened_and_nothing_changes():
    made = factors(days(3), column(1.0, 2.0, np.nan), actions())
    assert made.splits.tolist() == made.total.tolist() == [[1.0], [1.0], [1.0]]


def test_a_split_divides_what_was_before_its_ex_date():
    closes = column(1000.0, 1020.0, 102.0, 103.0)
    made = factors(days(4), closes, actions((0, 2, ActionKind.SPLIT, 10.0)))
    assert (closes * made.splits)[:, 0] == pytest.approx([100.0, 102.0, 102.0, 103.0])
    assert made.total == pytest.approx(made.splits)


def test_a_dividend_makes_the_return_of_its_ex_date_what_the_holder_earned():
    closes = column(50.0, 49.0, 49.5)
    made = factors(days(3), closes, actions((0, 1, ActionKind.DIVIDEND, 1.0)))
    adjusted = (closes * made.total)[:, 0]
    assert adjusted[1:] == pytest.approx([49.0, 49.5])
    assert adjusted[1] / adjusted[0] - 1 == pytest.approx((49.0 + 1.0) / 50.0 - 1)
    assert made.splits.tolist() == [[1.0]] * 3


def test_a_dividend_on_a_day_without_a_close_is_bought_back_at_the_next():
    closes = column(50.0, np.nan, 49.5)
    adjusted = closes * factors(days(3), closes, actions((0, 1, ActionKind.DIVIDEND, 1.0))).total
    assert adjusted[2, 0] / adjusted[0, 0] == pytest.approx(50.5 / 50.0)


def test_a_split_between_an_ex_date_and_the_next_close_does_not_matter():
    closes = column(100.0, np.nan, np.nan, 11.0)
    happened = actions((0, 1, ActionKind.DIVIDEND, 5.0), (0, 2, ActionKind.SPLIT, 10.0))
    adjusted = closes * factors(days(4), closes, happened).total
    assert adjusted[3, 0] / adjusted[0, 0] == pytest.approx((10 * 11.0 + 5.0) / 100.0)


def test_a_dividend_on_the_day_of_a_split_is_per_new_share():
    closes = column(100.0, 10.0)
    happened = actions((0, 1, ActionKind.SPLIT, 10.0), (0, 1, ActionKind.DIVIDEND, 0.5))
    adjusted = closes * factors(days(2), closes, happened).total
    assert adjusted[1, 0] / adjusted[0, 0] == pytest.approx(10 * 10.5 / 100.0)


def test_what_comes_after_the_last_day_changes_nothing():
    happened = actions((0, 5, ActionKind.SPLIT, 10.0), (0, 3, ActionKind.DIVIDEND, 1.0))
    assert factors(days(3), column(1.0, 2.0, 3.0), happened).total.tolist() == [[1.0]] * 3


def test_histories_do_not_touch_each_other():
    closes = np.column_stack([column(100.0, 10.0), column(50.0, 49.0)])
    happened = actions((0, 1, ActionKind.SPLIT, 10.0), (1, 1, ActionKind.DIVIDEND, 1.0))
    together = factors(days(2), closes, happened)
    assert together.splits.tolist() == [[0.1, 1.0], [1.0, 1.0]]
    assert (
        together.total[:, 1].tolist()
        == factors(days(2), closes[:, 1:], actions((0, 1, ActionKind.DIVIDEND, 1.0))).total[:, 0].tolist()
    )


prices = st.floats(min_value=1.0, max_value=1000.0)


@given(st.lists(st.tuples(prices, st.floats(0.0, 5.0), st.sampled_from([1.0, 1.0, 2.0, 0.1, 10.0])), min_size=2))
def test_returns_are_those_of_a_holder_who_reinvests(history):
    """Independently: follow the shares of a holder from day to day."""
    closes = np.array([close for close, _, _ in history])
    rows = [(0, day, ActionKind.DIVIDEND, cash) for day, (_, cash, _) in enumerate(history) if cash > 0]
    rows += [(0, day, ActionKind.SPLIT, ratio) for day, (_, _, ratio) in enumerate(history) if ratio != 1.0]
    adjusted = closes * factors(days(len(history)), closes[:, None], actions(*rows)).total[:, 0]
    shares, worth = 1.0, [closes[0]]
    for close, cash, ratio in history[1:]:
        shares *= ratio
        shares += shares * cash / close
        worth.append(shares * close)
    assert adjusted / adjusted[0] == pytest.approx(np.array(worth) / worth[0], rel=1e-9)


def test_cash_paid_is_per_share_of_today():
    happened = actions(
        (0, 0, ActionKind.DIVIDEND, 9.0),
        (0, 1, ActionKind.DIVIDEND, 5.0),
        (0, 2, ActionKind.SPLIT, 10.0),
        (0, 3, ActionKind.DIVIDEND, 0.6),
        (0, 9, ActionKind.DIVIDEND, 7.0),
        (2, 3, ActionKind.DIVIDEND, 0.25),
    )
    paid = cash_paid(happened, 3, FIRST, FIRST + 5)
    assert paid.tolist() == pytest.approx([5.0 / 10 + 0.6, 0.0, 0.25])
