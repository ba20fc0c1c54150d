"""Implied volatility: there and back over extreme options, an independent implementation, and where there is none."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given
from lets_be_rational import implied_volatility_from_a_transformed_rational_guess as lets_be_rational

from riskmath.black_scholes import european
from riskmath.implied_volatility import BLOCK, implied_volatility
from riskmath.options import CALL, PUT
from tests.riskmath.option_books import TERMS, alone, random_book, select

GIVEN = ("price", *(name for name in TERMS if name != "volatility"))


def quotes(book):
    """The prices of a book in place of its volatilities."""
    priced = {name: book[name] for name in GIVEN if name != "price"}
    return {"price": european(**book).price, **priced}


def legs(book):
    """Spot and strike, discounted; the second less the first is what a forward is worth."""
    asset = book["spot"] * np.exp(-book["dividend_yield"] * book["years_to_expiry"])
    return asset, book["strike"] * np.exp(-book["rate"] * book["years_to_expiry"])


def tolerance(book):
    """1e-10, and what rounding the price and the two legs does to the volatility."""
    asset, cash = legs(book)
    rounding = 8.0 * np.finfo(np.float64).eps * (asset + cash)
    with np.errstate(divide="ignore", over="ignore"):
        return 1e-10 + rounding / (100.0 * european(**book).vega)


# --- there and back ---


@pytest.mark.parametrize("seed", range(4))
def test_there_and_back(seed):
    book = random_book(5_000, seed, days=(1, 3650), volatility=(0.02, 4.0))
    book = select(book, tolerance(book) < 1e-6)  # where the price says anything about the volatility
    assert book["spot"].size > 2_000
    error = np.abs(implied_volatility(**quotes(book)) - book["volatility"])
    assert (error <= tolerance(book)).all()


moneyness = st.floats(-12.0, 12.0)
deviations = st.floats(-9.0, 3.0).map(math.exp)


@given(moneyness, deviations, st.floats(1e-4, 30.0), st.floats(1e-3, 1e6), st.floats(-0.05, 0.2), st.floats(0.0, 0.2))
def test_there_and_back_over_extreme_moneyness_and_time(log_moneyness, deviation, years, strike, rate, dividend_yield):
    spot = strike * math.exp(log_moneyness - (rate - dividend_yield) * years)
    right = PUT if log_moneyness > 0.0 else CALL  # out of the money, where the price is all time value
    book = {
        "spot": np.array([spot]),
        "strike": np.array([strike]),
        "years_to_expiry": np.array([years]),
        "volatility": np.array([deviation / math.sqrt(years)]),
        "rate": np.array([rate]),
        "dividend_yield": np.array([dividend_yield]),
        "right": np.array([right]),
    }
    allowed = tolerance(book)[0] * (1.0 + book["volatility"][0])
    assume(allowed < 1e-3 * book["volatility"][0])
    assert implied_volatility(**quotes(book))[0] == pytest.approx(book["volatility"][0], abs=allowed)


@given(st.floats(12.0, 100.0), st.floats(0.3, 1.2))
def test_there_and_back_beyond_any_strike_that_is_quoted(log_moneyness, part_of_bend):
    deviation = part_of_bend * math.sqrt(2.0 * log_moneyness)
    option = {"spot": 1.0, "strike": math.exp(log_moneyness), "years_to_expiry": 1.0, "volatility": deviation}
    book = {name: np.array([value]) for name, value in {**option, "rate": 0.0, "dividend_yield": 0.0}.items()}
    book["right"] = np.array([CALL])
    assert implied_volatility(**quotes(book))[0] == pytest.approx(deviation, rel=1e-6)


# --- an independent implementation ---


def test_equals_lets_be_rational():
    book = random_book(3_000, 10)
    book = select(book, tolerance(book) < 1e-8)
    found = quotes(book)
    growth = np.exp(book["rate"] * book["years_to_expiry"])
    columns = (
        found["price"] * growth,
        legs(book)[0] * growth,
        *(book[name] for name in ("strike", "years_to_expiry", "right")),
    )
    theirs = np.array([lets_be_rational(*row) for row in zip(*(column.tolist() for column in columns), strict=True)])
    assert theirs.size > 1_500
    assert (np.abs(implied_volatility(**found) - theirs) <= tolerance(book)).all()


# --- what must hold ---


@given(st.floats(0.3, 3.0), st.floats(0.01, 0.98), st.floats(1e-3, 0.01))
def test_a_higher_price_is_a_higher_volatility(spot, share, step):
    # prices between the intrinsic value and spot
    intrinsic = max(spot - 1.0, 0.0)
    lower, higher = (intrinsic + part * (spot - intrinsic) for part in (share, share + step))
    book = {name: [value] * 2 for name, value in {"spot": spot, "strike": 1.0, "years_to_expiry": 1.0}.items()}
    low, high = implied_volatility(
        price=[lower, higher], **book, rate=[0.0] * 2, dividend_yield=[0.0] * 2, right=[CALL] * 2
    )
    assert 0.0 < low < high


@given(st.floats(60.0, 160.0), st.floats(0.05, 1.0), st.floats(0.1, 3.0))
def test_call_and_put_imply_the_same(spot, volatility, years):
    option = {"spot": spot, "strike": 100.0, "years_to_expiry": years, "volatility": volatility}
    book = {name: np.full(2, value) for name, value in {**option, "rate": 0.03, "dividend_yield": 0.01}.items()}
    book["right"] = np.array([CALL, PUT])
    call, put = implied_volatility(**quotes(book))
    allowed = tolerance(book).max()
    assume(allowed < 1e-6)
    assert call == pytest.approx(put, abs=2.0 * allowed)


def test_at_the_money_by_hand():
    # b(0, s) = 1 - 2 N(-s/2): a volatility of 0.2 for a year costs 2 N(0.1) - 1 = 0.0796556745540577 of spot
    quote = {"price": [7.96556745540577], "spot": [100.0], "strike": [100.0], "years_to_expiry": [1.0], "right": [CALL]}
    assert implied_volatility(**quote, rate=[0.0], dividend_yield=[0.0])[0] == pytest.approx(0.2, abs=1e-14)


@pytest.mark.parametrize("price", [1e-300, 1e-100, 1e-18, 1e-12, 1e-6])
def test_at_the_money_however_little_it_costs(price):
    quote = {"price": [price], "spot": [1.0], "strike": [1.0], "years_to_expiry": [1.0], "right": [PUT]}
    found = implied_volatility(**quote, rate=[0.0], dividend_yield=[0.0])[0]
    assert found > 0.0
    assert found == pytest.approx(price * math.sqrt(2.0 * math.pi), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("size", [3, BLOCK, 2 * BLOCK + 5])
def test_an_option_has_the_same_bits_whatever_is_solved_beside_it(size):
    found = quotes(random_book(size, 11))
    whole = implied_volatility(**found)
    chosen = np.unique(np.linspace(0, size - 1, 4, dtype=int))
    assert np.array_equal(whole[chosen], implied_volatility(**select(found, chosen)), equal_nan=True)


# --- where there is none ---


@pytest.mark.parametrize("right", [CALL, PUT])
@pytest.mark.parametrize("spot", [60.0, 100.0, 150.0])
def test_no_volatility_at_or_below_the_intrinsic_value_nor_from_the_upper_bound_on(right, spot):
    intrinsic, bound = max(right * (spot - 100.0), 0.0), spot if right == CALL else 100.0
    inside = intrinsic + np.array([1e-3, 0.999]) * (bound - intrinsic)
    prices = np.array([intrinsic - 1.0, intrinsic, *inside, bound, bound + 1.0])
    terms = {"spot": spot, "strike": 100.0, "years_to_expiry": 1.0, "rate": 0.0, "dividend_yield": 0.0, "right": right}
    found = implied_volatility(price=prices, **{name: np.full(6, value) for name, value in terms.items()})
    assert np.isnan(found).tolist() == [True, True, False, False, True, True]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0.0) for name in GIVEN[:4]),
        *((name, -1.0) for name in GIVEN[:4]),
        *((name, math.nan) for name in GIVEN),
    ],
)
def test_what_cannot_be_solved_is_missing_and_disturbs_no_other(name, value):
    found = quotes(random_book(20, 12))
    expected = implied_volatility(**found)
    found[name][6] = value
    volatility = implied_volatility(**found)
    assert math.isnan(volatility[6])
    assert np.array_equal(np.delete(volatility, 6), np.delete(expected, 6), equal_nan=True)


@pytest.mark.parametrize("name", GIVEN)
def test_infinity_is_refused_by_name(name):
    found = quotes(random_book(4, 13))
    found[name][2] = math.inf
    with pytest.raises(ValueError, match=rf"{name}\[2\] is inf"):
        implied_volatility(**found)


def test_a_discount_beyond_float64_is_an_error():
    found = quotes(random_book(4, 14))
    with pytest.raises(FloatingPointError):
        implied_volatility(**{**found, "rate": np.full(4, 1e6)})


def test_no_quotes_have_no_volatilities():
    assert implied_volatility(**{name: [] for name in GIVEN}).size == 0


def test_one_quote_is_a_column_of_one():
    option = {
        "spot": 49.0,
        "strike": 50.0,
        "years_to_expiry": 0.3846,
        "rate": 0.05,
        "dividend_yield": 0.0,
        "right": CALL,
    }
    # Hull's example, its price at 20 %
    assert implied_volatility(price=[2.4004610869], **alone(option)) == pytest.approx([0.2], abs=1e-9)
