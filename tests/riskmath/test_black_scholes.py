"""European options: published values, three independent libraries, identities and finite differences."""

import math

import mibian
import numpy as np
import pytest
import QuantLib
from hypothesis import given
from vollib.black_scholes_merton import black_scholes_merton
from vollib.black_scholes_merton.greeks import analytical

from riskmath.black_scholes import BLOCK, european, european_one
from riskmath.options import CALL, PUT
from tests.riskmath.option_books import TERMS, VALUES, alone, bumped, options, random_book, rows, select

HULL = {"spot": 49.0, "strike": 50.0, "years_to_expiry": 0.3846, "volatility": 0.2, "rate": 0.05, "dividend_yield": 0.0}


def table(values):
    return np.stack([getattr(values, name) for name in VALUES])


def priced(option, **changes):
    return european(**alone(option, **changes)).price[0]


# --- published values ---


def test_greeks_of_hulls_example():
    # Hull, Options, Futures, and Other Derivatives, chapter 19: theta a year, vega and rho per 1.00
    price, delta, gamma, theta, vega, rho = european_one(**HULL, right=CALL)
    assert round(price, 1) == 2.4  # his bank sells 100,000 for about $240,000
    assert round(delta, 3) == 0.522
    assert round(gamma, 3) == 0.066
    assert round(theta * 365.0, 2) == -4.31
    assert round(vega * 100.0, 1) == 12.1
    assert round(rho * 100.0, 2) == 8.91


def test_prices_of_hulls_example():
    # the same book, chapter 15: S = 42, K = 40, r = 10 %, sigma = 20 %, half a year
    book = {"spot": [42.0] * 2, "strike": [40.0] * 2, "years_to_expiry": [0.5] * 2, "volatility": [0.2] * 2}
    values = european(**book, rate=[0.1] * 2, dividend_yield=[0.0] * 2, right=[CALL, PUT])
    assert values.price.round(2).tolist() == [4.76, 0.81]


# --- independent implementations ---


def quantlib(spot, strike, years, volatility, rate, dividend_yield, right):
    payoff = QuantLib.PlainVanillaPayoff(QuantLib.Option.Call if right == CALL else QuantLib.Option.Put, strike)
    forward = spot * math.exp((rate - dividend_yield) * years)
    model = QuantLib.BlackCalculator(payoff, forward, volatility * math.sqrt(years), math.exp(-rate * years))
    return (
        model.value(),
        model.delta(spot),
        model.gamma(spot),
        model.theta(spot, years) / 365.0,
        model.vega(years) / 100.0,
        model.rho(years) / 100.0,
    )


def unit_of(book):
    """What one is, in each of the six values: rounding cannot be judged against a value that is nearly 0."""
    strike, ones = book["strike"], np.ones(book["strike"].size)
    return np.stack([strike, ones, ones / strike, strike, strike, strike])


@pytest.mark.parametrize("seed", range(4))
def test_equals_quantlib(seed):
    book = random_book(500, seed)
    theirs = np.array([quantlib(*row) for row in rows(book)]).T
    assert (np.abs(table(european(**book)) - theirs) <= 1e-10 * np.abs(theirs) + 1e-14 * unit_of(book)).all()


def vollib(spot, strike, years, volatility, rate, dividend_yield, right):
    flag = "c" if right == CALL else "p"
    terms = (flag, spot, strike, years, rate, volatility, dividend_yield)
    greeks = (analytical.delta, analytical.gamma, analytical.theta, analytical.vega, analytical.rho)
    return (black_scholes_merton(*terms), *(greek(*terms) for greek in greeks))


def test_equals_vollib():
    book = random_book(200, 10)
    theirs = np.array([vollib(*row) for row in rows(book)]).T
    assert (np.abs(table(european(**book)) - theirs) <= 1e-10 * np.abs(theirs) + 1e-13 * unit_of(book)).all()


def by_mibian(spot, strike, years, volatility, rate, _, right):
    # its units: rate and volatility in per cent, days to expiry; it has no dividends here
    model = mibian.BS([spot, strike, rate * 100.0, round(years * 365.0)], volatility=volatility * 100.0)
    if right == CALL:
        return model.callPrice, model.callDelta, model.gamma, model.callTheta, model.vega, model.callRho
    return model.putPrice, model.putDelta, model.gamma, model.putTheta, model.vega, model.putRho


def test_equals_mibian_in_its_units():
    book = random_book(60, 11, dividend_yield=(0.0, 0.0))
    theirs = np.array([by_mibian(*row) for row in rows(book)]).T
    assert (np.abs(table(european(**book)) - theirs) <= 1e-9 * np.abs(theirs) + 1e-13 * unit_of(book)).all()


# --- identities ---


@given(options)
def test_put_call_parity(option):
    call, put = (table(european(**alone(option, right=right)))[:, 0] for right in (CALL, PUT))
    spot, strike, years, rate, dividend_yield = (option[name] for name in (*TERMS[:3], *TERMS[4:6]))
    asset, cash = spot * math.exp(-dividend_yield * years), strike * math.exp(-rate * years)
    forward = [asset - cash, asset / spot, 0.0, (dividend_yield * asset - rate * cash) / 365.0, 0.0]
    tolerance = 1e-13 * (spot + strike)
    assert call - put == pytest.approx([*forward, cash * years / 100.0], abs=tolerance + 1e-14)


@given(options)
def test_greeks_satisfy_the_equation_of_black_and_scholes(option):
    price, delta, gamma, theta, _, _ = table(european(**alone(option)))[:, 0]
    spot, rate, dividend_yield = option["spot"], option["rate"], option["dividend_yield"]
    drift = (rate - dividend_yield) * spot * delta
    diffusion = 0.5 * (option["volatility"] * spot) ** 2 * gamma
    size = spot + option["strike"] + diffusion
    assert 365.0 * theta + drift + diffusion == pytest.approx(rate * price, abs=1e-12 * size)


@given(options)
def test_vega_is_gamma_times_variance(option):
    _, _, gamma, _, vega, _ = table(european(**alone(option)))[:, 0]
    expected = gamma * option["spot"] ** 2 * option["volatility"] * option["years_to_expiry"] / 100.0
    assert vega == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(options)
def test_twice_the_money_is_twice_the_price(option):
    once = table(european(**alone(option)))[:, 0]
    twice = table(european(**alone(option, spot=2.0 * option["spot"], strike=2.0 * option["strike"])))[:, 0]
    assert twice == pytest.approx(once * [2.0, 1.0, 0.5, 2.0, 2.0, 2.0], rel=1e-14, abs=1e-300)


@given(options)
def test_between_its_bounds(option):
    price, delta, gamma, _, vega, _ = table(european(**alone(option)))[:, 0]
    asset = option["spot"] * math.exp(-option["dividend_yield"] * option["years_to_expiry"])
    cash = option["strike"] * math.exp(-option["rate"] * option["years_to_expiry"])
    right, rounding = option["right"], 1e-14 * (asset + cash)
    assert max(right * (asset - cash), 0.0) - rounding <= price <= (asset if right == CALL else cash) + rounding
    assert 0.0 <= right * delta <= asset / option["spot"] * (1.0 + 1e-14)
    assert gamma >= 0.0
    assert vega >= 0.0


@given(options)
def test_price_rises_with_volatility_and_in_the_direction_of_the_right(option):
    price, rounding = priced(option), 1e-14 * (option["spot"] + option["strike"])
    assert priced(option, volatility=option["volatility"] + 0.01) >= price - rounding
    assert option["right"] * (priced(option, spot=option["spot"] * 1.01) - price) >= -rounding
    assert option["right"] * (priced(option, strike=option["strike"] * 1.01) - price) <= rounding


# --- finite differences ---


def central(book, name, step, values):
    return (values(bumped(book, name, step)) - values(bumped(book, name, -step))) / (2.0 * step)


def test_greeks_are_the_slopes_of_the_price():
    book = random_book(2_000, 20, days=(7, 1095))
    values, strike = european(**book), book["strike"]
    step = 1e-4 * book["spot"]

    def price(changed):
        return european(**changed).price

    assert np.abs(values.delta - central(book, "spot", step, price)).max() < 1e-5
    assert (np.abs(values.vega - central(book, "volatility", 1e-5, price) / 100.0) / strike).max() < 1e-7
    assert (np.abs(values.rho - central(book, "rate", 1e-5, price) / 100.0) / strike).max() < 1e-9
    # time passes while time to expiry shrinks
    assert (np.abs(values.theta + central(book, "years_to_expiry", 1e-6, price) / 365.0) / strike).max() < 1e-7
    gamma = central(book, "spot", step, lambda changed: european(**changed).delta)
    assert (np.abs(values.gamma - gamma) * strike).max() < 1e-3


# --- how it is computed changes nothing ---


@pytest.mark.parametrize("size", [5, 1_001, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_an_option_has_the_same_bits_whatever_is_valued_beside_it(size):
    book = random_book(size, 30)
    whole = table(european(**book))
    chosen = np.unique(np.linspace(0, size - 1, 5, dtype=int))
    assert np.array_equal(whole[:, chosen], table(european(**select(book, chosen))))


def test_a_handful_is_valued_as_many_are():
    book = random_book(1_000, 31)
    one_by_one = np.array([european_one(*row) for row in rows(book)]).T
    difference = np.abs(table(european(**book)) - one_by_one)
    assert (difference <= 1e-12 * np.abs(one_by_one) + 1e-14 * unit_of(book)).all()
    four = select(book, np.arange(4))
    assert np.array_equal(table(european(**four)), one_by_one[:, :4])


# --- what it does at the edges ---

DEAD = [
    ("spot", 0.0),
    ("spot", -1.0),
    ("strike", 0.0),
    ("strike", -1.0),
    ("years_to_expiry", 0.0),
    ("years_to_expiry", -0.1),
    ("volatility", 0.0),
    ("volatility", -0.2),
    ("volatility", 1e-12),
    *((name, math.nan) for name in TERMS),
]


@pytest.mark.parametrize(("name", "value"), DEAD)
@pytest.mark.parametrize("size", [3, 50])
def test_what_cannot_be_valued_is_missing_in_every_column_and_disturbs_no_other(name, value, size):
    book = random_book(size, 40)
    expected = table(european(**book))
    book[name][1] = value
    values = table(european(**book))
    assert np.isnan(values[:, 1]).all()
    assert np.array_equal(np.delete(values, 1, axis=1), np.delete(expected, 1, axis=1))


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("size", [3, 50])
def test_infinity_is_refused_by_name(name, size):
    book = random_book(size, 41)
    book[name][1] = math.inf
    with pytest.raises(ValueError, match=rf"{name}\[1\] is inf"):
        european(**book)


def test_infinity_is_refused_for_one_option():
    with pytest.raises(ValueError, match="is -inf: must be finite"):
        european_one(**{**HULL, "rate": -math.inf}, right=PUT)


@pytest.mark.parametrize("size", [3, 50])
def test_a_right_is_to_buy_or_to_sell(size):
    book = random_book(size, 42)
    book["right"][2] = 0.5
    with pytest.raises(ValueError, match=r"right\[2\] is 0.5: must be 1 for a call or -1 for a put"):
        european(**book)


def test_terms_of_different_lengths_are_refused():
    book = random_book(10, 43)
    with pytest.raises(ValueError, match="volatility has 9 rows, spot has 10"):
        european(**{**book, "volatility": book["volatility"][:9]})


@pytest.mark.parametrize(("name", "value"), [("rate", -1e4), ("rate", 1e4), ("dividend_yield", -1e4), ("spot", 1e-200)])
@pytest.mark.parametrize("size", [1, 50])
def test_a_value_beyond_float64_is_an_error(name, value, size):
    book = {term: np.full(size, number) for term, number in {**HULL, "right": CALL}.items()}
    book["strike"] = book["strike"] if name != "spot" else np.full(size, 1e-200)
    with pytest.raises(ArithmeticError):
        european(**{**book, name: np.full(size, value)})


def test_one_option_beyond_float64_is_an_error():
    with pytest.raises(FloatingPointError):
        european_one(**{**HULL, "spot": 1.5e308, "strike": 1.5e308}, right=CALL)  # the sum of its terms is infinite
    with pytest.raises(FloatingPointError):
        european_one(**{**HULL, "spot": 1e300, "strike": 1e300, "dividend_yield": -60.0}, right=CALL)


def test_an_empty_book_has_no_values():
    assert table(european(**{name: [] for name in TERMS})).shape == (6, 0)


@pytest.mark.parametrize("right", [CALL, PUT])
def test_without_volatility_it_is_worth_what_it_must_be(right):
    spot = np.array([50.0, 90.0, 99.0, 101.0, 110.0, 200.0])
    book = {"spot": spot, "strike": np.full(6, 100.0), "years_to_expiry": np.full(6, 1.0), "right": np.full(6, right)}
    values = european(**book, volatility=np.full(6, 1e-8), rate=np.zeros(6), dividend_yield=np.zeros(6))
    assert values.price == pytest.approx(np.maximum(right * (spot - 100.0), 0.0), abs=1e-12)
    assert values.delta == pytest.approx(np.where(right * (spot - 100.0) > 0.0, right, 0.0), abs=1e-15)
    assert values.gamma.tolist() == values.vega.tolist() == [0.0] * 6


def test_far_from_the_money_is_finite_and_of_the_right_sign():
    spot = np.array([1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9])
    for right in (CALL, PUT):
        book = {"spot": spot, "strike": np.full(6, 1.0), "years_to_expiry": np.full(6, 0.1), "right": np.full(6, right)}
        values = european(**book, volatility=np.full(6, 0.2), rate=np.full(6, 0.03), dividend_yield=np.zeros(6))
        assert np.isfinite(table(values)).all()
        assert (values.price >= 0.0).all()
        assert (values.gamma >= 0.0).all()
