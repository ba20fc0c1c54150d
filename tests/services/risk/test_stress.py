"""Stress tests: the figures of the methodology on real prices, by hand, and what must hold of any book."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmath.american import american_price
from riskmath.options import CALL as RIGHT_TO_BUY
from riskmath.volatility_response import shocked_volatility, volatility_move
from services.risk.domain.inputs import FactorHistory, InactiveFactor
from services.risk.domain.scenario_impacts import Replay
from services.risk.domain.scenarios import Scenario, market_scenarios, rate_scenarios
from services.risk.domain.stress_test import STRESS_TEST, StressParameters
from services.risk.reference.library import read_library
from tests.services.risk import bundled_book
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, CALL, XOM, book, mark, market, no_mark, option_mark
from tests.services.risk.histories import closes_from, days, facts, history, yield_history

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
RNG = np.random.default_rng(11)
MARKET = RNG.normal(0.0, 0.01, 800)
STYLE = 0.8 * MARKET + RNG.normal(0.0, 0.003, 800)
YIELDS = RNG.normal(0.0, 0.0005, 800)
FOLLOWERS = np.column_stack([MARKET, 1.2 * MARKET - 5.0 * YIELDS + RNG.normal(0.0, 0.005, 800)])
ROWS = (dataclasses.replace(AAPL, quantity=200.0), dataclasses.replace(XOM, quantity=-100.0))
MARKS = [mark(1, 100.0), mark(2, 150.0)]
NAV = 20_000.0 - 15_000.0 + 5_000.0


def scenario(**stated):
    told = {"id": "custom_1", "name": "mine", "category": "custom", "severity": "mild", "description": ""}
    return Scenario(**told | stated)


def factors(**changes):
    closes = closes_from(np.column_stack([MARKET, STYLE]))
    inactive = (InactiveFactor("Growth", "no_proxy"),)
    known = FactorHistory(
        days(len(closes)), ("Market Beta", "Quality"), ("SPX", "QUAL"), closes, ("raw", "raw"), inactive, 5
    )
    return dataclasses.replace(known, **changes)


def stress(
    *scenarios, rows=ROWS, marks=MARKS, rates=None, cash=(("USD", 5_000.0),), cash_reason="", slices=None, **parameters
):
    held = book(rows, cash=cash, cash_reason=cash_reason)
    read = {"history": history(FOLLOWERS, (1, 2)), "factors": factors(), "facts": facts(("", ""), (1, 2))}
    read |= {"yields": yield_history(YIELDS[:, None])} | (slices or {})
    known = market(*marks, rates=rates)
    return ask(OWNER, held, known, STRESS_TEST, StressParameters(scenarios, **parameters), **read)


def one(*args, **kwargs):
    (found,) = stress(*args, **kwargs).summary.scenarios
    return found


# --- the figures of section 5 on real prices ---


@pytest.fixture(scope="module")
def twenty():
    read = bundled_book.inputs()
    found = STRESS_TEST.compute(read, StressParameters((*read_library(), *market_scenarios(), *rate_scenarios())))
    return {impact.id: impact for impact in found.body.scenarios}


@pytest.mark.parametrize(
    ("key", "expected", "tolerance"),
    [
        ("market_down_20", -15.9, 0.3),
        ("liquidity_crisis", -24.0, 3.0),
        ("financial_crisis_2008", -37.0, 3.0),
        ("covid_2020", -35.0, 3.0),
        ("dot_com", -31.0, 3.0),
    ],
)
def test_twenty_stocks_at_the_end_of_2022(twenty, key, expected, tolerance):
    assert twenty[key].impact.percentage_impact == pytest.approx(expected, abs=tolerance)


def test_factors_without_a_fund_are_named_and_the_rest_is_partial(twenty):
    assert (twenty["covid_2020"].available, twenty["covid_2020"].partial) == (True, True)
    assert twenty["covid_2020"].missing_factors == ("Growth",)
    assert not twenty["liquidity_crisis"].partial
    for key in ("value_rotation", "growth_rally"):
        rotation = twenty[key]
        assert (rotation.available, rotation.reason, rotation.impact) == (False, "factor_inactive", None)


def test_yields_that_are_not_known_move_nothing(twenty):
    assert {(one.available, one.reason) for one in twenty.values() if one.yield_change_bp} == {(False, "no_yields")}


def test_impossible_shocks_are_cut_told_and_can_be_kept(twenty):
    crisis = twenty["financial_crisis_2008"]
    assert crisis.implausible
    assert crisis.distance > 10.0
    quality = next(shock for shock in crisis.shocks if shock.factor == "Quality")
    assert (quality.stated, quality.clipped) == (0.20, True)
    assert quality.applied < -0.3
    stated = STRESS_TEST.compute(
        bundled_book.inputs(), StressParameters(read_library(), plausibility="as_stated")
    ).body.scenarios
    kept = next(impact for impact in stated if impact.id == "financial_crisis_2008")
    assert all(shock.applied == pytest.approx(shock.stated) and not shock.clipped for shock in kept.shocks)


def test_beside_a_historical_scenario_stands_what_happened(twenty):
    covid, crisis = twenty["covid_2020"].replay, twenty["financial_crisis_2008"].replay
    market_return = next(each.total_return for each in covid.factors if each.factor == "Market Beta")
    assert market_return == pytest.approx(2237.40 / 3386.15 - 1.0, abs=1e-4)  # the S&P 500 on the two days
    assert covid.impact.percentage_impact == pytest.approx(-33.0, abs=3.0)
    assert (crisis.available, crisis.reason, crisis.impact) == (False, "history_too_short", None)
    assert twenty["market_crash_35"].replay is None


def test_parts_and_positions_add_to_the_whole(twenty):
    for impact in twenty.values():
        if impact.available:
            parts = impact.parts
            added = sum(each.dollar_impact for each in parts.factors) + parts.rate_impact + parts.instrument_impact
            added += parts.option_adjustment + parts.floor_adjustment + parts.currency_impact + parts.cash_impact
            assert added == pytest.approx(impact.impact.dollar_impact)
            assert sum(each.dollar_impact for each in parts.positions) == pytest.approx(impact.impact.dollar_impact)
            assert sum(each.direct_dollar_impact for each in parts.positions) == pytest.approx(
                impact.direct_impact.dollar_impact
            )
            assert (parts.positions_count, parts.modelled_percent) == (20, pytest.approx(100.0))


# --- by hand ---


def test_a_market_shock_on_what_is_the_market_returns_the_shock():
    found = one(scenario(factors={"market": -0.2}), rows=ROWS[:1])
    assert found.impact.dollar_impact == pytest.approx(-0.2 * 20_000.0, rel=1e-9)
    assert found.direct_impact.dollar_impact == pytest.approx(-0.2 * 20_000.0, rel=1e-9)
    assert found.impact.new_portfolio_value == pytest.approx(25_000.0 - 4_000.0)
    assert found.impact.percentage_impact == pytest.approx(-16.0)


def test_yields_move_by_the_rate_beta_and_equities_do_not():
    found = one(scenario(yield_change=0.01))
    own = next(each for each in found.parts.positions if each.symbol == "XOM")
    assert own.dollar_impact == pytest.approx(15_000.0 * 5.0 * 0.01, rel=0.1)
    assert found.parts.rate_impact == pytest.approx(found.impact.dollar_impact)
    assert [each.dollar_impact for each in found.parts.factors] == [0.0, 0.0]


def test_an_instrument_moves_by_itself_and_unknown_ones_are_named():
    found = one(scenario(factors={"market": -0.1}, instruments={"AAPL": -0.5, "TSLA": 0.3}))
    by_symbol = {each.symbol: each.dollar_impact for each in found.parts.positions}
    assert by_symbol["AAPL"] == pytest.approx(-10_000.0)
    assert found.parts.instrument_impact == pytest.approx(-10_000.0)
    assert by_symbol["XOM"] == pytest.approx(15_000.0 * 0.1 * 1.2, rel=0.1)
    assert found.ignored_instruments == ("TSLA",)


def test_an_unnamed_market_follows_or_is_held():
    asked = (scenario(factors={"quality": -0.02}, unnamed_market=unnamed) for unnamed in ("expected", "hold"))
    follows, held = (one(each, rows=ROWS[:1]) for each in asked)
    assert follows.impact.dollar_impact < -100.0
    assert follows.direct_impact.dollar_impact == pytest.approx(0.0, abs=1e-6)
    assert held.impact.dollar_impact == pytest.approx(0.0, abs=1e-6)
    assert (follows.shocks[0].factor, follows.shocks[0].stated) == ("Market Beta", None)
    assert follows.shocks[0].applied < 0.0


def test_what_cannot_lose_more_than_all_shows_what_is_taken_back():
    triple = np.column_stack([3.0 * MARKET, MARKET])
    found = one(scenario(factors={"market": -0.5}), rows=ROWS[:1], slices={"history": history(triple, (1, 2))})
    assert found.impact.dollar_impact == pytest.approx(-20_000.0)
    assert found.parts.floor_adjustment == pytest.approx(10_000.0)


def test_options_are_valued_again_at_spot_volatility_and_rate():
    option = dataclasses.replace(CALL, quantity=-2.0)
    marks = [mark(1, 100.0), option_mark(4, 5.5, underlying_price=100.0, strike=95.0)]
    answered = stress(scenario(factors={"market": -0.2}, yield_change=0.01), rows=(option,), marks=marks)
    (found,) = answered.summary.scenarios
    model_move = volatility_move(-0.2, index_volatility(answered))
    sigma = shocked_volatility([0.4], model_move, [23.0], [False], [False])[0]
    spot = 100.0 * (1.0 - 0.2 + found_rate(found))
    after, before = unit(spot, sigma, 0.05), unit(100.0, 0.4, 0.04)
    assert sigma > 0.5
    assert found.impact.dollar_impact == pytest.approx(-200 * (after - before), abs=0.5)
    assert found.parts.option_adjustment != 0.0
    assert len(answered.summary.assumptions) == 3


def test_gammas_are_a_check_of_options_that_are_valued_again():
    marks = [mark(1, 100.0), option_mark(4, 5.5, underlying_price=100.0, strike=95.0)]
    small, large = (
        one(scenario(factors={"market": move}, volatility_change=0.0), rows=(CALL,), marks=marks).parts
        for move in (-0.01, 0.3)
    )
    terms = {"spot": 100.0, "strike": 95.0, "years_to_expiry": 23 / 365, "volatility": 0.4, "rate": 0.04}
    terms |= {"dividend_yield": 0.0, "right": RIGHT_TO_BUY}
    gamma = american_price(**{name: [value] for name, value in terms.items()}).gamma[0]
    assert small.option_gamma_impact == pytest.approx(0.5 * gamma * CALL.quantity * 100.0 * 1.0**2, rel=1e-3)
    assert small.option_adjustment == pytest.approx(small.option_gamma_impact, rel=0.05)
    assert large.option_gamma_impact > 1.2 * large.option_adjustment > 0.0  # the third order counts by then
    assert one(scenario(factors={"market": -0.3}), rows=ROWS).parts.option_gamma_impact is None


def index_volatility(answered):
    """As the answer says it."""
    text = answered.summary.assumptions[0]
    return float(text.rsplit("market, ", 1)[1].split(" %")[0]) / 100.0


def found_rate(found):
    """The part of the return that yields bring: what is the market has next to no rate beta of its own."""
    delta = sum(each.dollar_impact for each in found.parts.factors) / -0.2
    return found.parts.rate_impact / delta


def unit(spot, volatility, rate):
    terms = {"spot": spot, "strike": 95.0, "years_to_expiry": 23 / 365, "volatility": volatility, "rate": rate}
    terms |= {"dividend_yield": 0.0, "right": RIGHT_TO_BUY}
    return american_price(**{name: [value] for name, value in terms.items()}).price[0]


def test_volatility_that_is_stated_moves_options_alone():
    marks = [*MARKS, option_mark(4, 5.5, underlying_price=100.0)]
    found = one(scenario(volatility_change=0.5), rows=(*ROWS, CALL), marks=marks)
    assert {each.symbol for each in found.parts.positions if each.dollar_impact} == {CALL.symbol}
    assert found.impact.dollar_impact == pytest.approx(found.parts.option_adjustment) != 0.0


# --- the past ---


def test_a_replay_takes_what_really_happened():
    window = days(801)
    replay = Replay("spring", window[-101].isoformat(), window[-51].isoformat())
    (found,) = stress(replays=(replay,)).summary.replays
    own = np.prod(1.0 + FOLLOWERS[-100:-50], axis=0) - 1.0
    assert found.impact.dollar_impact == pytest.approx(own @ [20_000.0, -15_000.0])
    assert (found.proxied_instruments, found.proxied_factors) == ((), ())
    assert {each.factor: each.total_return for each in found.factors} == pytest.approx(
        {name: np.prod(1.0 + moves[-100:-50]) - 1.0 for name, moves in (("Market Beta", MARKET), ("Quality", STYLE))}
    )


def test_what_had_no_price_then_follows_the_factors_and_is_named():
    young = FOLLOWERS.copy()
    young[:-65, 0] = np.nan
    window = days(801)
    replay = Replay("spring", window[-101].isoformat(), window[-71].isoformat())
    slices = {"history": history(young, (1, 2))}
    (found,) = stress(replays=(replay,), slices=slices, rows=ROWS[:1]).summary.replays
    assert found.proxied_instruments == ("AAPL",)
    expected = np.prod(1.0 + MARKET[-100:-70]) - 1.0
    assert found.impact.dollar_impact == pytest.approx(20_000.0 * expected, rel=0.05)


@pytest.mark.parametrize(
    ("dates", "reason"),
    [
        (("2000-01-03", "2000-06-01"), "history_too_short"),
        (("2022-12-01", "2022-12-29"), "after_as_of_date"),
    ],
)
def test_a_past_that_is_not_known_has_a_reason(dates, reason):
    (found,) = stress(scenario(factors={"market": 0.1}), replays=(Replay("x", *dates),)).summary.replays
    assert (found.available, found.reason, found.impact, found.parts) == (False, reason, None, None)


@pytest.mark.parametrize(
    ("scenarios", "replays", "reason"),
    [
        ((scenario(factors={"growth": 0.1}),), (), "factor_inactive"),
        ((scenario(factors={"growth": 0.1}),), (Replay("x", "2022-12-01", "2022-12-29"),), "no_results"),
        ((), (), "no_results"),
    ],
)
def test_where_nothing_can_be_computed_there_is_no_answer(scenarios, replays, reason):
    answered = stress(*scenarios, replays=replays)
    assert (answered.summary, answered.reason) == (None, reason)


# --- of any book ---


def test_the_largest_positions_are_shown_and_all_are_counted():
    found = one(scenario(factors={"market": -0.2}), max_positions=1)
    assert [each.symbol for each in found.parts.positions] == ["AAPL"]
    assert found.parts.positions_count == 2


@pytest.mark.parametrize(
    "nothing", [{"factors": {"market": 0.0}}, {"volatility_change": 0.0}, {"instruments": {"AAPL": 0.0}}]
)
def test_no_shock_no_loss(nothing):
    marks = [*MARKS, option_mark(4, 5.5, underlying_price=100.0)]
    found = one(scenario(**nothing), rows=(*ROWS, CALL), marks=marks)
    assert (found.impact.dollar_impact, found.direct_impact.dollar_impact) == (0.0, 0.0)


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["market", "quality"]), st.floats(-0.95, 0.0), min_size=1),
    st.floats(1.0, 1e4),
    st.floats(1.0, 1e4),
)
def test_an_unlevered_long_book_never_loses_more_than_itself(shocks, some, more):
    rows = (dataclasses.replace(AAPL, quantity=some), dataclasses.replace(XOM, quantity=more))
    for plausibility in ("clipped", "as_stated"):
        found = one(scenario(factors=shocks), rows=rows, cash=(), plausibility=plausibility)
        assert found.impact.percentage_impact >= -100.0 - 1e-9
        assert found.direct_impact.percentage_impact >= -100.0 - 1e-9


@settings(max_examples=15, deadline=None)
@given(st.floats(-0.6, -0.05), st.floats(60.0, 140.0))
def test_a_written_put_loses_in_a_crash_and_a_bought_one_the_opposite(move, strike):
    marks = [mark(1, 100.0), option_mark(4, 5.5, underlying_price=100.0, strike=strike, is_call=False)]
    written, bought = (
        one(scenario(factors={"market": move}), rows=(dataclasses.replace(CALL, quantity=size),), marks=marks)
        for size in (-1.0, 1.0)
    )
    assert written.impact.dollar_impact < 0.0
    assert bought.impact.dollar_impact == pytest.approx(-written.impact.dollar_impact)


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(0.1, 0.9))
def test_splitting_a_position_changes_nothing(move, part):
    whole = one(scenario(factors={"market": move}))
    first = dataclasses.replace(ROWS[0], quantity=200.0 * part)
    second = dataclasses.replace(ROWS[0], quantity=200.0 * (1.0 - part))
    split = one(scenario(factors={"market": move}), rows=(first, second, ROWS[1]))
    assert split.impact.dollar_impact == pytest.approx(whole.impact.dollar_impact)


def test_unknown_cash_leaves_percentages_and_values_open():
    answered = stress(scenario(factors={"market": -0.2}), cash=(), cash_reason="cash_unknown")
    (found,) = answered.summary.scenarios
    assert (found.impact.percentage_impact, found.impact.new_portfolio_value) == (None, None)
    assert (answered.summary.portfolio_value, answered.summary.portfolio_value_reason) == (None, "cash_unknown")
    assert math.isfinite(found.impact.dollar_impact)


YOUNG = np.where(np.arange(800)[:, None] < 790, np.nan, FOLLOWERS)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rows": ()}, "no_exposure"),
        ({"marks": [no_mark(1, "no_price"), no_mark(2, "no_price")]}, "no_market_data"),
        ({"slices": {"factors": None}}, "no_factor_data"),
        ({"slices": {"history": history(YOUNG, (1, 2))}}, "insufficient_overlap"),
    ],
)
def test_reasons(changes, reason):
    answered = stress(scenario(factors={"market": -0.2}), **changes)
    assert (answered.summary, answered.reason) == (None, reason)
