"""Exposures by side, delta adjustment, weights and coverage: closed forms, and what must hold for any book."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from riskmath.exposure import coverage, delta_adjusted_exposure, exposure_totals, notional, weights
from riskmath.valuation import market_value

amounts = st.floats(-1e9, 1e9)
books = st.lists(amounts, max_size=30)
books_with_gaps = st.lists(amounts | st.just(math.nan), max_size=30)


def test_totals_by_hand():
    totals = exposure_totals([120.0, -50.0, np.nan, 30.0, -10.0, 0.0])
    assert (totals.long, totals.short, totals.gross, totals.net) == (150.0, -60.0, 210.0, 90.0)
    assert totals.covered.tolist() == [True, True, False, True, True, True]


def test_ten_calls_are_worth_delta_times_their_shares():
    # the example of the methodology: S = 150, delta 0.6; not premium x delta
    assert delta_adjusted_exposure([0.6], notional([10], [150], [100], [1])).tolist() == [90_000.0]


def test_a_put_written_is_long():
    bought, written = delta_adjusted_exposure([-0.4, -0.4], notional([5, -5], [50, 50], [100, 100], [1, 1]))
    assert (bought, written) == (-10_000.0, 10_000.0)


@given(st.lists(st.tuples(amounts, st.floats(0.01, 1e4)), max_size=20))
def test_the_exposure_of_a_share_is_its_market_value(book):
    quantity = [row[0] for row in book]
    price = [row[1] for row in book]
    ones = np.ones(len(book))
    exposure = delta_adjusted_exposure(ones, notional(quantity, price, ones, ones))
    assert np.array_equal(exposure, market_value(quantity, price, ones, ones))


@given(books_with_gaps)
def test_gross_is_at_least_net_and_net_is_long_plus_short(exposure):
    totals = exposure_totals(exposure)
    assert totals.gross >= abs(totals.net)
    assert totals.net == totals.long + totals.short
    assert totals.long >= 0.0 >= totals.short


@given(books_with_gaps, st.randoms())
def test_order_changes_not_one_bit(exposure, random):
    shuffled = exposure_totals(random.sample(exposure, len(exposure)))
    totals = exposure_totals(exposure)
    assert (shuffled.long, shuffled.short, shuffled.gross, shuffled.net) == (
        totals.long,
        totals.short,
        totals.gross,
        totals.net,
    )


@given(books_with_gaps)
def test_the_mirrored_book_has_the_sides_exchanged(exposure):
    totals = exposure_totals(exposure)
    mirrored = exposure_totals([-value for value in exposure])
    assert (mirrored.long, mirrored.short) == (-totals.short, -totals.long)
    assert (mirrored.gross, mirrored.net) == (totals.gross, -totals.net)


@given(st.lists(st.tuples(amounts, st.floats(0.0, 1.0)), max_size=30))
def test_splitting_a_position_in_two_changes_no_aggregate(book):
    whole = exposure_totals([value for value, _ in book])
    halves = [part for value, share in book for part in (value * share, value - value * share)]
    split = exposure_totals(halves)
    assert split.gross == pytest.approx(whole.gross, rel=1e-12, abs=1e-9)
    assert split.net == pytest.approx(whole.net, rel=1e-12, abs=1e-9 + 1e-12 * whole.gross)
    assert split.long == pytest.approx(whole.long, rel=1e-12, abs=1e-9)


@given(books_with_gaps)
def test_a_missing_position_is_no_position(exposure):
    known = [value for value in exposure if not math.isnan(value)]
    assert exposure_totals(exposure).gross == exposure_totals(known).gross


def test_weights_by_hand_with_debt():
    # 150 long and 30 short with 20 owed: a net asset value of 100
    assert weights([150.0, -30.0, np.nan], 100.0)[:2].tolist() == [1.5, -0.3]
    assert np.isnan(weights([np.nan], 100.0)).all()


@given(books, st.floats(1.0, 1e9))
def test_weights_and_what_is_left_in_cash_add_to_one(value, net_asset_value):
    cash = net_asset_value - sum(value)
    scale = (sum(map(abs, value)) + net_asset_value) / net_asset_value
    assert weights([*value, cash], net_asset_value).sum() == pytest.approx(1.0, abs=1e-12 * scale)


@pytest.mark.parametrize("net_asset_value", [0.0, -1.0, math.nan, math.inf])
def test_weights_of_nothing_have_no_meaning(net_asset_value):
    with pytest.raises(ValueError, match=f"net_asset_value is {net_asset_value}: must be finite and above 0"):
        weights([1.0], net_asset_value)


def test_coverage_by_hand():
    # 100 long and 50 short are modelled; an option on 350 of its underlying is not
    result = coverage([100.0, -50.0, np.nan], [100.0, 50.0, 350.0])
    assert (result.modelled, result.gross, result.share) == (150.0, 500.0, 0.3)
    assert result.covered.tolist() == [True, True, False]
    assert result.sized.all()


def test_the_share_is_unknown_where_a_size_is():
    result = coverage([100.0, np.nan], [100.0, np.nan])
    assert (result.modelled, result.gross, result.share) == (100.0, 100.0, None)
    assert result.sized.tolist() == [True, False]


@pytest.mark.parametrize("exposure", [[], [0.0], [np.nan]])
def test_the_share_of_nothing_is_unknown(exposure):
    assert coverage(exposure, np.zeros(len(exposure))).share is None


@given(st.lists(st.tuples(amounts | st.just(math.nan), st.floats(0.0, 1e9)), max_size=30))
def test_the_share_lies_between_nothing_and_everything(book):
    result = coverage([exposure for exposure, _ in book], [size for _, size in book])
    assert result.modelled == pytest.approx(exposure_totals([exposure for exposure, _ in book]).gross, rel=1e-15)
    assert result.share is None or 0.0 <= result.share <= 1.0
    assert (result.share is None) == (result.gross == 0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: notional([1], [np.inf], [1], [1]), r"spot\[0\] is inf"),
        (lambda: notional([1], [1], [-100], [1]), r"multiplier\[0\] is -100.0: must be above 0"),
        (lambda: delta_adjusted_exposure([1, 1], [1]), "notional has 1 rows, delta has 2"),
        (lambda: exposure_totals([0, -np.inf]), r"exposure\[1\] is -inf"),
        (lambda: weights([np.inf], 1.0), r"value\[0\] is inf"),
        (lambda: coverage([np.nan, 1], [5, -3]), r"size\[1\] is -3.0: must be at least 0"),
        (lambda: coverage([1], [1, 2]), "size has 2 rows, exposure has 1"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_result_beyond_float64_is_an_error_and_no_infinity():
    with pytest.raises(OverflowError):
        exposure_totals([1.7e308, -1.7e308])
    with pytest.raises(FloatingPointError):
        delta_adjusted_exposure([1e200], [1e200])
    with pytest.raises(FloatingPointError):
        weights([1e200], 1e-200)
    with pytest.raises(OverflowError):
        coverage([1.7e308, np.nan], [0.0, 1.7e308])
