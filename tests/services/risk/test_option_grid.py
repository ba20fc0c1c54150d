"""The grid of a book against option models called one by one, and what must hold of any grid."""

import dataclasses
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmath.american import american_price
from riskmath.options import CALL as RIGHT_TO_BUY
from services.risk.domain.option_grid import OPTION_GRID, OptionGridParameters
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, CALL, XOM, book, mark, market, no_mark, option_mark
from tests.services.risk.conftest import refused
from tests.services.risk.test_domain import numbers_in

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
MARKS = [mark(1, 126.04), mark(2, 108.38), option_mark(4, 5.5)]
WRITTEN = dataclasses.replace(CALL, quantity=-3.0)
NAV = 12_604.0 - 5_419.0 - 3 * 100 * 5.5 + 1000.0


def grid(rows=(AAPL, XOM, WRITTEN), marks=MARKS, cash=(("USD", 1000.0),), cash_reason="", **axes):
    held = book(rows, cash=cash, cash_reason=cash_reason)
    return ask(OWNER, held, market(*marks), OPTION_GRID, OptionGridParameters(**axes))


def unit(spot, volatility, days):
    terms = {"spot": spot, "strike": 130.0, "years_to_expiry": (23 - days) / 365, "volatility": volatility}
    terms |= {"rate": 0.04, "dividend_yield": 0.0, "right": RIGHT_TO_BUY}
    return american_price(**{name: [value] for name, value in terms.items()}).price[0]


def test_every_case_is_the_book_valued_again():
    found = grid().summary
    assert len(found.cases) == 11 * 4 * 3
    now = unit(126.04, 0.4, 0)
    for case in found.cases:
        spot = 126.04 * (1.0 + case.spot_move)
        after = max(spot - 130.0, 0.0)
        if case.days_ahead < 23:
            after = unit(spot, 0.4 * (1.0 + case.volatility_move), case.days_ahead)
        expected = (12_604.0 - 5_419.0) * case.spot_move - 300 * (after - now)
        assert case.pnl == pytest.approx(expected, abs=1e-6)
        assert case.pnl_percent == pytest.approx(100 * expected / NAV, abs=1e-6)
    assert (found.option_count, found.total_value) == (1, pytest.approx(NAV))
    assert found.worst.pnl == min(case.pnl for case in found.cases)
    assert found.best.pnl == max(case.pnl for case in found.cases)


def test_nothing_moves_nothing_is_made():
    (case,) = grid(spot_moves=(0.0,), volatility_moves=(0.0,), days_ahead=(0,)).summary.cases
    assert case.pnl == 0.0


def test_a_share_cares_for_neither_volatility_nor_time():
    cases = grid((AAPL,)).summary.cases
    assert all(case.pnl == pytest.approx(12_604.0 * case.spot_move) for case in cases)


def test_an_expired_option_moves_no_more():
    expired = option_mark(4, 2.0, expired=True)
    found = grid((AAPL, CALL), [*MARKS[:2], expired]).summary
    assert found.option_count == 0
    assert found.worst.pnl == pytest.approx(-0.3 * 12_604.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(-1.0, 3.0), st.floats(-0.95, 4.0), st.integers(0, 365))
def test_a_bought_call_loses_no_more_than_its_value_and_a_written_one_the_opposite(spot, volatility, days):
    axes = {"spot_moves": (spot,), "volatility_moves": (volatility,), "days_ahead": (days,)}
    (bought,) = grid((AAPL, CALL), **axes).summary.cases
    (written,) = grid((AAPL, dataclasses.replace(CALL, quantity=-1.0)), **axes).summary.cases
    alone = bought.pnl - 12_604.0 * spot
    assert alone >= -100 * unit(126.04, 0.4, 0) - 1e-6
    assert written.pnl - 12_604.0 * spot == pytest.approx(-alone, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1.0, 4.0), min_size=1, max_size=4, unique=True), st.floats(-1e6, 1e6).filter(bool))
def test_every_number_is_finite(spots, quantity):
    rows = (AAPL, dataclasses.replace(CALL, quantity=quantity))
    found = grid(rows, spot_moves=tuple(spots))
    assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(found)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rows": ()}, "no_exposure"),
        ({"rows": (AAPL,), "marks": [no_mark(1, "no_price")]}, "no_market_data"),
        ({"rows": (WRITTEN,) * 2000}, "too_many_options"),
    ],
)
def test_reasons(changes, reason):
    answered = grid(**changes)
    assert (answered.summary, answered.reason) == (None, reason)


def test_unknown_cash_leaves_the_percentages_open():
    found = grid(cash=(), cash_reason="cash_unknown").summary
    assert (found.worst.pnl_percent, found.total_value_reason) == (None, "cash_unknown")
    assert found.worst.pnl < 0.0


async def test_over_the_wire(stack):
    stack.marketdata.known |= {4: option_mark(4, 5.5)}
    answer = await stack.asked("GetOptionGrid", spot_moves=[-0.2, 0.0], days_ahead=[0])
    assert [(case.spot_move, case.volatility_move) for case in answer.cases[:3]] == [
        (-0.2, -0.25), (0.0, -0.25), (-0.2, 0.0)
    ]  # fmt: skip
    assert answer.cases[3].pnl == 0.0
    assert answer.worst.pnl < 0.0 < answer.best.pnl
    assert len(answer.metadata.result_id) == 64


@pytest.mark.parametrize(
    ("axes", "fields"),
    [
        ({"spot_moves": [-1.5]}, {"spot_moves[0]"}),
        ({"spot_moves": [0.1, 0.1]}, {"spot_moves"}),
        ({"volatility_moves": [-1.0]}, {"volatility_moves[0]"}),
        ({"days_ahead": [-1]}, {"days_ahead[0]"}),
        ({"spot_moves": [n / 100 for n in range(41)], "days_ahead": list(range(11))}, {"spot_moves"}),
    ],
)
async def test_axes_are_bounded(stack, axes, fields):
    assert set((await refused(stack.asked("GetOptionGrid", **axes)))[2]) == fields
