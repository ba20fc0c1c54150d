"""Rates of exchange as a table, by hand and as laws."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmath.exchange import ExchangeRates, no_rates
from riskmath.valuation import cost_basis, market_value, profit_and_loss

DAYS = np.array(["2022-12-22", "2022-12-23", "2022-12-27", "2022-12-28"], dtype="datetime64[D]")
RATES = ExchangeRates(
    base_currency="USD",
    session_dates=DAYS,
    currencies=("EUR", "GBP"),
    rates=np.array([[1.05, np.nan], [1.06, 1.2], [1.06, 1.21], [1.07, 1.21]]),
    ages=np.array([[0, -1], [0, 0], [1, 0], [0, 1]]),
)


def test_a_day_has_the_rate_of_its_session_or_of_the_last_before_it():
    currencies = ["EUR", "EUR", "EUR", "GBP", "USD", "CHF", "USD"]
    days = [date(2022, 12, d) for d in (23, 25, 21, 22, 21, 28)] + [date(2023, 5, 1)]
    found = RATES.at(currencies, days)
    np.testing.assert_array_equal(found, [1.06, 1.06, np.nan, np.nan, 1.0, np.nan, 1.0])
    assert RATES.at(["EUR"], [date(2023, 1, 3)]).tolist() == [1.07]
    assert RATES.at([], []).tolist() == []


def test_many_currencies_on_the_same_days():
    found = RATES.columns(["GBP", "USD", "CHF"], [date(2022, 12, 21), date(2022, 12, 24)])
    np.testing.assert_array_equal(found, [[np.nan, 1.0, np.nan], [1.2, 1.0, np.nan]])


def test_returns_are_made_of_rates_of_the_very_day():
    days = [date(2022, 12, d) for d in (22, 23, 24, 27, 28)]
    found = RATES.told(["EUR", "GBP", "USD"], days)
    nothing = np.nan
    expected = [[1.05, nothing, 1], [1.06, 1.2, 1], [nothing, nothing, 1], [nothing, 1.21, 1], [1.07, nothing, 1]]
    np.testing.assert_array_equal(found, expected)


def test_without_rates_the_base_currency_alone_is_known():
    np.testing.assert_array_equal(no_rates("EUR").at(["EUR", "USD"], [date(2022, 1, 1)] * 2), [1.0, np.nan])
    np.testing.assert_array_equal(no_rates("EUR").columns(["EUR", "USD"], [date(2022, 1, 1)]), [[1.0, np.nan]])
    np.testing.assert_array_equal(no_rates("EUR").told(["EUR", "USD"], [date(2022, 1, 1)]), [[1.0, np.nan]])


QUANTITIES = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=8)


@given(QUANTITIES, st.floats(0.01, 100.0), st.floats(0.01, 100.0), st.floats(0.5, 500.0), st.floats(0.5, 500.0))
def test_to_value_and_then_convert_is_to_convert_and_then_value(quantity, opening, closing, paid, price):
    ones = np.ones(len(quantity))
    entry, mark = paid * ones, price * ones
    at_rates = profit_and_loss(quantity, entry, mark, ones, opening * ones, closing * ones)
    converted = market_value(quantity, mark * closing, ones, ones) - cost_basis(quantity, entry * opening, ones, ones)
    scale = np.abs(quantity).max() * max(paid, price) * max(opening, closing)
    assert at_rates.total == pytest.approx(converted, abs=max(1e-12 * scale, 1e-300))
    np.testing.assert_array_equal(
        profit_and_loss(quantity, entry, mark, ones, ones, ones).currency, np.zeros(len(quantity))
    )


@given(st.lists(st.sampled_from(["EUR", "GBP", "USD", "CHF"]), max_size=6), st.integers(-3, 10))
def test_rows_and_columns_agree(currencies, later):
    day = date(2022, 12, 22) + timedelta(days=later)
    np.testing.assert_array_equal(
        RATES.at(currencies, [day] * len(currencies)), RATES.columns(currencies, [day])[0] if currencies else []
    )
