"""Profit and loss explained: factors that were planted, Greeks by hand, and parts that add whatever the book."""

import dataclasses
import math
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmath.american import american
from services.risk.domain.inputs import Before
from services.risk.domain.pnl_explained import PARTS, PNL_EXPLAIN, PnlExplainParameters
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, AS_OF, CALL, SOLD, XOM, mark, market, no_mark, option_mark
from tests.services.risk.histories import days, factor_history, history
from tests.services.risk.pasts import LONG_AGO, marks_on, on, traded
from tests.services.risk.test_domain import numbers_in

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
RANDOM = np.random.default_rng(8)
MARKET = RANDOM.normal(0.0, 0.01, 252)
OWN = np.column_stack([1.3 * MARKET, 0.7 * MARKET + RANDOM.normal(0.0, 0.01, 252)])
START = days(6)[0]
MOVED = np.prod(1.0 + OWN[-5:], axis=0)
"""Over the last five sessions."""
SHARE, SHORT = on(AAPL, LONG_AGO, quantity=10.0, entry_price=90.0), on(XOM, LONG_AGO, quantity=-20.0, entry_price=95.0)
BEFORE = [mark(1, 100.0), mark(2, 100.0)]
AFTER = [mark(1, 100.0 * float(MOVED[0])), mark(2, 100.0 * float(MOVED[1]))]


def explained(held=None, then=None, marks=AFTER, before=BEFORE, start=START, returns=OWN, factors=None, **slices):
    held = held or traded((SHARE, SHORT), cash=[("USD", 5_000.0)])
    slices |= {"before": Before(then or held, marks_on(start, *before))}
    slices |= {
        "history": history(returns, (1, 2)),
        "factors": factors or factor_history(MARKET[:, None], ("Market Beta",)),
    }
    parameters = PnlExplainParameters(start.isoformat())
    return ask(OWNER, held, market(*marks), PNL_EXPLAIN, parameters, **slices)


def parts_of(found, symbol):
    (position,) = [each for each in found.positions if each.symbol == symbol]
    return position.parts


def test_what_follows_the_market_is_explained_by_it_and_the_rest_is_its_own():
    found = explained().summary
    assert (found.start_date, found.end_date, found.factor_model) == (START, AS_OF, "market_plus_styles")
    exposure = 10 * 100.0
    share = parts_of(found, "AAPL")
    assert share.factor == pytest.approx(exposure * 1.3 * MARKET[-5:].sum(), rel=1e-9)
    assert share.specific == pytest.approx(exposure * (MOVED[0] - 1.0) - share.factor)
    assert share.unexplained == pytest.approx(0.0, abs=1e-9)
    slope = np.polyfit(MARKET, OWN[:, 1], 1)[0]
    short = parts_of(found, "XOM")
    assert short.factor == pytest.approx(-2_000.0 * slope * MARKET[-5:].sum())
    assert short.specific == pytest.approx(-2_000.0 * (MOVED[1] - 1.0) - short.factor)
    assert found.total_pnl == pytest.approx(1_000.0 * (MOVED[0] - 1.0) - 2_000.0 * (MOVED[1] - 1.0))


def test_the_session_before_is_where_it_begins_by_default():
    assert PNL_EXPLAIN.needs(PnlExplainParameters()).before == "previous"


def test_a_price_that_is_not_its_return_leaves_the_dividend_unexplained():
    found = explained(marks=[mark(1, 100.0 * float(MOVED[0]) - 2.0), AFTER[1]]).summary
    assert parts_of(found, "AAPL").unexplained == pytest.approx(-20.0)


OPTION = on(CALL, LONG_AGO, quantity=-3.0)


def test_an_option_is_explained_by_its_greeks_at_the_beginning():
    then = option_mark(4, 6.0, underlying_price=125.0, volatility=0.40)
    now = option_mark(4, 7.5, underlying_price=129.0, volatility=0.37)
    found = explained(
        traded((SHARE, OPTION), cash=[("USD", 0.0)]), marks=[AFTER[0], now], before=[BEFORE[0], then]
    ).summary
    years = (then.option.expiry_date - START).days / 365
    terms = {"strike": [130.0], "rate": [0.04], "dividend_yield": [0.0], "right": [1.0]}
    units = american(spot=[125.0], years_to_expiry=[years], volatility=[0.40], **terms)
    parts, size = parts_of(found, "AAPL230120C00130000"), -300.0
    assert parts.delta == pytest.approx(size * units.delta[0] * 4.0)
    assert parts.gamma == pytest.approx(size * units.gamma[0] * 16.0 / 2.0)
    assert parts.vega == pytest.approx(size * units.vega[0] * -3.0)
    assert parts.theta == pytest.approx(size * units.theta[0] * (AS_OF - START).days)
    assert (parts.factor, parts.specific) == (0.0, 0.0)
    assert sum(getattr(parts, name) for name in PARTS) == pytest.approx(size * 1.5)


def test_theta_ends_with_the_option():
    expiry = START + timedelta(days=2)
    held = traded((SHARE, OPTION), cash=[("USD", 0.0)])
    ends = dataclasses.replace(held.held, expiry_dates=(None, expiry))
    held = dataclasses.replace(held, held=ends)
    then = option_mark(4, 6.0, underlying_price=135.0, expiry_date=expiry)
    now = option_mark(
        4, 5.0, underlying_price=135.0, expired=True, volatility=math.nan, rate=math.nan, expiry_date=expiry
    )
    found = explained(held, marks=[AFTER[0], now], before=[BEFORE[0], then]).summary
    units = american(
        spot=[135.0],
        strike=[130.0],
        years_to_expiry=[2 / 365],
        volatility=[0.4],
        rate=[0.04],
        dividend_yield=[0.0],
        right=[1.0],
    )
    assert parts_of(found, "AAPL230120C00130000").theta == pytest.approx(-300.0 * units.theta[0] * 2)


def test_what_was_entered_or_closed_meanwhile_is_unexplained_as_a_whole():
    sold = on(SOLD, LONG_AGO, instrument_id=2, quantity=5.0, entry_price=80.0, exit_price=103.0)
    bought = on(XOM, days(3)[0], quantity=7.0, entry_price=99.0)
    then = traded((SHARE, on(sold, LONG_AGO, exit_price=None)), cash=[("USD", 0.0)])
    now = traded((SHARE, bought), ((sold, days(2)[0]),), cash=[("USD", 0.0)])
    answered = explained(now, then)
    assert parts_of(answered.summary, "KO").unexplained == pytest.approx(5 * (103.0 - 100.0))
    assert parts_of(answered.summary, "XOM").unexplained == pytest.approx(7 * (AFTER[1].price - 99.0))
    assert any(
        "entered or closed meanwhile" in warning and warning.endswith(": 2") for warning in answered.metadata.warnings
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"factors": factor_history(MARKET[:, None], ("Value",))}, "no_factor_data"),
        ({"start": LONG_AGO - timedelta(days=900)}, "beyond_fitted_window"),
    ],
)
def test_without_factors_nothing_is_explained_and_that_is_said(changes, reason):
    answered = explained(**changes)
    found = answered.summary
    assert (found.factor_model, found.factor_reason) == ("", reason)
    assert found.parts.unexplained == pytest.approx(found.total_pnl)
    assert any("no factors" in warning for warning in answered.metadata.warnings)


def test_too_little_of_the_book_is_no_answer():
    answered = explained(before=[BEFORE[0], no_mark(2, "no_price")])
    assert (answered.summary, answered.reason) == (None, "no_market_data")


prices = st.floats(1.0, 400.0)
quantities = st.floats(-1e4, 1e4).filter(lambda quantity: abs(quantity) > 1e-3)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(prices, min_size=6, max_size=6),
    st.lists(quantities, min_size=3, max_size=3),
    st.floats(0.05, 2.0),
    st.floats(0.05, 2.0),
)
def test_the_parts_add_to_the_profit(drawn, sizes, before, after):
    rows = [dataclasses.replace(row, quantity=size) for row, size in zip((SHARE, SHORT, OPTION), sizes, strict=True)]
    held = traded(rows, cash=[("USD", 1e5)])
    then = [
        mark(1, drawn[0]),
        mark(2, drawn[1]),
        option_mark(4, drawn[2], underlying_price=drawn[0], volatility=before),
    ]
    now = [mark(1, drawn[3]), mark(2, drawn[4]), option_mark(4, drawn[5], underlying_price=drawn[3], volatility=after)]
    answered = explained(held, marks=now, before=then)
    assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(answered)))
    if answered.summary is None:
        assert answered.reason == "no_market_data"
        return
    for told in (answered.summary, *answered.summary.positions):
        parts = [getattr(told.parts, name) for name in PARTS]
        assert math.fsum(parts) == pytest.approx(told.total_pnl, abs=1e-9 * (1.0 + sum(map(abs, parts))))
    assert sum(each.total_pnl for each in answered.summary.positions) == pytest.approx(
        answered.summary.total_pnl, abs=1e-9 * (1.0 + sum(abs(each.total_pnl) for each in answered.summary.positions))
    )
