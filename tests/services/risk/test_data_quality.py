"""What is known of a book, and what can be computed from it: by hand, against the calculations, and over the wire."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll.risk.v1.analytics_service_pb2 import GetDataQualityRequest
from services.risk.domain.analysis import NoParameters
from services.risk.domain.data_quality import DATA_QUALITY, TRIED, DataQualityParameters, narrowed
from services.risk.domain.inputs import Inputs, Needs, YieldHistory
from services.risk.domain.overview import OVERVIEW
from tests.services.risk import servers
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, CALL, MSFT, PORTFOLIO_ID, XOM, book, mark, market, no_mark, option_mark
from tests.services.risk.histories import days, facts, history, market_history
from tests.services.risk.odd_inputs import odd_inputs

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
MARKS = [mark(1, 100.0), mark(2, 100.0, age_sessions=4), no_mark(3, "no_price")]
ROWS = tuple(dataclasses.replace(row, quantity=200.0, entry_price=100.0) for row in (AAPL, XOM, MSFT))
RETURNS = np.random.default_rng(3).normal(0.0, 0.01, (760, 4))
RETURNS[:-40, 1] = np.nan


def quality(rows=ROWS, marks=MARKS, returns=RETURNS[:, :3], **parameters):
    slices = {
        "history": history(returns),
        "factors": market_history(RETURNS[:, 3]),
        "facts": facts(("Technology", "Energy", "")),
        "snapshots": (),
    }
    asked = DataQualityParameters(**parameters)
    return ask(OWNER, book(rows, cash=[("USD", 9e5)]), market(*marks), DATA_QUALITY, asked, **slices).summary


def test_a_book_by_hand():
    found = quality()
    apple, exxon, microsoft = found.positions
    assert (apple.observations, apple.completeness, apple.quality_flag) == (252, 1.0, "full_history")
    assert (apple.start_date, apple.end_date) == (days(252)[0], days(252)[-1])
    assert (exxon.observations, exxon.completeness, exxon.quality_flag) == (40, 40 / 252, "limited_history")
    assert (exxon.start_date, exxon.stale, exxon.price_reason) == (days(40)[0], True, "")
    assert (microsoft.price_reason, microsoft.stale, microsoft.quality_flag) == ("no_price", False, "full_history")
    assert {left.reason for left in microsoft.left_out} == {"no_price"}
    assert len(microsoft.left_out) == len(TRIED)
    # of 90 sessions risk metrics want 45, of 500 value at risk wants 250
    assert {(left.calculation, left.reason) for left in exxon.left_out} >= {
        ("risk_metrics", "insufficient_history"),
        ("value_at_risk", "insufficient_history"),
    }
    summary = found.summary
    assert (summary.position_count, summary.unpriced_count, summary.stale_count) == (3, 1, 1)
    assert (summary.full_history_count, summary.limited_history_count) == (2, 1)
    assert summary.mean_completeness == pytest.approx((2 + 40 / 252) / 3)
    assert (summary.calculation_count, summary.feasible_count) == (
        len(TRIED),
        sum(c.feasible for c in found.calculations),
    )


def test_calculations_say_what_they_take_in():
    named = {calculation.name: calculation for calculation in quality().calculations}
    overview, at_risk = named["overview"], named["value_at_risk"]
    assert (overview.feasible, overview.eligible_positions, overview.reason) == (True, 2, "")
    assert overview.eligible_percent == pytest.approx(100 * 40 / 60)  # the unpriced one counts with its cost
    assert (at_risk.feasible, at_risk.eligible_positions) == (False, 1)
    assert at_risk.reason == "insufficient_overlap"


@pytest.mark.parametrize("rows", [(), ROWS[2:]])
def test_of_a_book_of_which_nothing_is_known_that_is_said(rows):
    found = quality(rows)
    assert found.summary.position_count == len(rows)
    assert found.summary.mean_completeness == (1.0 if rows else None)
    assert [calculation.name for calculation in found.calculations if calculation.feasible] == (
        [] if rows else ["overview", "greeks"]
    )


def test_an_option_is_as_complete_as_what_it_follows():
    marks = [mark(1, 100.0), option_mark(4, 5.0)]
    (found,) = quality((CALL,), marks, RETURNS[:, :1].repeat(3, axis=1), lookback_days=100).positions
    assert (found.symbol, found.underlying_symbol, found.observations) == (CALL.symbol, "AAPL", 100)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_what_is_feasible_is_what_the_calculations_answer(data):
    inputs = data.draw(odd_inputs(DATA_QUALITY.needs(DataQualityParameters())))
    found = DATA_QUALITY.compute(inputs, DataQualityParameters()).body
    for calculation, (analysis, asked) in zip(found.calculations, TRIED, strict=True):
        own = analysis.compute(narrowed(inputs, analysis.needs(asked)), asked)
        assert (calculation.feasible, calculation.reason) == (own.body is not None, own.reason)


def test_an_analysis_gets_the_newest_part_of_each_slice():
    whole = Inputs(book(ROWS), market(*MARKS), history=history(RETURNS[:, :3]), factors=market_history(RETURNS[:, 3]))
    few = narrowed(whole, Needs(sessions=91, factor_sessions=5))
    assert few.history.session_dates == whole.history.session_dates[-91:]
    np.testing.assert_array_equal(few.history.closes, whole.history.closes[-91:])
    assert few.factors.session_dates == whole.factors.session_dates[-5:]
    np.testing.assert_array_equal(few.factors.closes, whole.factors.closes[-5:])
    assert narrowed(whole, OVERVIEW.needs(NoParameters())).history is None


async def test_over_the_wire(stack):
    stack.marketdata.history = history(RETURNS[-1:, :3])
    stack.marketdata.factors = market_history(RETURNS[-1:, 3])
    stack.marketdata.facts = facts(("Technology", "Energy", ""))
    stack.marketdata.yields = YieldHistory((), (), np.empty((0, 0)), 0)
    request = GetDataQualityRequest(portfolio_id=PORTFOLIO_ID, lookback_days=40)
    found = await stack.analytics.GetDataQuality(request, metadata=servers.metadata())
    assert found.available
    assert [(each.symbol, each.observations, each.start_date) for each in found.positions] == [
        ("AAPL", 2, "2022-12-27"),
        ("XOM", 2, "2022-12-27"),
        ("MSFT", 2, "2022-12-27"),
        (CALL.symbol, 2, "2022-12-27"),
    ]
    reasons = {each.name: each.reason for each in found.calculations}
    assert reasons["overview"] == ""
    assert reasons["value_at_risk"] == "insufficient_overlap"
    again = await stack.analytics.GetDataQuality(request, metadata=servers.metadata())
    assert (again.served.cached, again.metadata) == (True, found.metadata)
