"""Scenarios that move currencies: what is in them, cash included, and nothing else."""

import dataclasses

import pytest

from riskmath.american import american_price
from riskmath.options import CALL as RIGHT_TO_BUY
from tests.services.risk.books import AAPL, AS_OF, CALL, XOM, mark, option_mark, rates_of
from tests.services.risk.test_stress import ROWS, one, scenario

EURO = {"rates": rates_of([AS_OF], EUR=[1.06]), "cash": (("USD", 5_000.0), ("EUR", 2_000.0))}
ABROAD = dataclasses.replace(XOM, quantity=100.0, currency="EUR")
ABROAD_MARKS = [mark(1, 100.0), mark(2, 150.0, currency="EUR")]


def test_a_currency_moves_what_is_in_it_cash_included_and_nothing_else():
    found = one(scenario(currencies={"EUR": -0.1}), rows=(ROWS[0], ABROAD), marks=ABROAD_MARKS, **EURO)
    made = {each.symbol: each.dollar_impact for each in found.parts.positions}
    assert made == {AAPL.symbol: 0.0, XOM.symbol: pytest.approx(-0.1 * 100 * 150 * 1.06)}
    assert found.parts.cash_impact == pytest.approx(-0.1 * 2_000 * 1.06)
    assert found.parts.currency_impact == pytest.approx(made[XOM.symbol])
    assert found.impact.dollar_impact == pytest.approx(sum(made.values()) + found.parts.cash_impact)
    assert found.direct_impact == found.impact


def test_a_currency_moves_on_top_of_what_the_rest_does():
    shocks = scenario(currencies={"EUR": -0.1}, instruments={"XOM": -0.2})
    found = one(shocks, rows=(ROWS[0], ABROAD), marks=ABROAD_MARKS, **EURO)
    worth = 100 * 150 * 1.06
    assert found.parts.instrument_impact == pytest.approx(-0.2 * worth)
    assert found.parts.currency_impact == pytest.approx(0.8 * -0.1 * worth)  # the cross term included
    assert found.impact.dollar_impact == pytest.approx((0.8 * 0.9 - 1.0) * worth - 0.1 * 2_000 * 1.06)


def test_an_option_is_priced_in_its_own_currency_and_then_exchanged():
    option = dataclasses.replace(CALL, currency="EUR", quantity=3.0)
    marked = dataclasses.replace(option_mark(4, 5.5, underlying_price=100.0, strike=95.0), currency="EUR")
    marks = [mark(1, 100.0, currency="EUR"), marked]
    price = american_price(
        spot=[100.0],
        strike=[95.0],
        years_to_expiry=[23 / 365],
        volatility=[0.4],
        rate=[0.04],
        dividend_yield=[0.0],
        right=[RIGHT_TO_BUY],
    ).price[0]
    found = one(scenario(currencies={"EUR": 0.25}), rows=(option,), marks=marks, **EURO)
    assert found.parts.positions[0].dollar_impact == pytest.approx(0.25 * 3 * 100 * price * 1.06)
    assert found.parts.option_gamma_impact == pytest.approx(0.0, abs=1e-9)  # its spot stays, in euros


def test_currencies_that_the_book_is_not_in_are_named():
    stated = {"USD": 0.1, "JPY": -0.2, "EUR": 0.0}
    found = one(scenario(currencies=stated), rows=(ROWS[0], ABROAD), marks=ABROAD_MARKS, **EURO)
    assert found.ignored_currencies == ("JPY", "USD")
    assert found.impact.dollar_impact == 0.0
    assert one(scenario(currencies={"EUR": 0.1})).ignored_currencies == ("EUR",)
