"""Exposures by group and Greeks, against arithmetic by hand and the option models."""

import dataclasses
import math
from datetime import date

import pytest

from riskmath.american import american
from riskmath.options import CALL as RIGHT_TO_BUY
from services.risk.domain.book_greeks import GREEKS, GreeksParameters
from services.risk.domain.exposures import EXPOSURES, ExposureParameters
from services.risk.domain.inputs import InstrumentFacts
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, CALL, MSFT, XOM, Row, book, mark, market, no_mark, option_mark

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
MARKS = [mark(1, 126.04), mark(2, 108.38), mark(3, 234.53), option_mark(4, 5.5)]
SHORT_CALL = dataclasses.replace(CALL, quantity=-2.0)
TERMS = {"spot": 126.04, "strike": 130.0, "years_to_expiry": 23 / 365, "volatility": 0.4, "rate": 0.04}
TERMS |= {"dividend_yield": 0.0, "right": RIGHT_TO_BUY}
UNIT = american(**{name: [value] * 8 for name, value in TERMS.items()})


def facts(**sectors):
    return {
        number: InstrumentFacts(f"S{number}", "", "STOCK", "XNAS", "USD", sector, "")
        for number, sector in zip((1, 2, 3), sectors.values(), strict=True)
    }


def exposures(rows, group_by, marks=MARKS, cash=(("USD", 1000.0),), **slices):
    parameters = ExposureParameters(group_by=group_by)
    return ask(OWNER, book(rows, cash=cash), market(*marks), EXPOSURES, parameters, **slices).summary


def test_an_option_stands_with_its_underlying():
    delta = UNIT.delta[0]
    aapl, xom = exposures((AAPL, SHORT_CALL, XOM), "underlying").groups
    assert (aapl.name, xom.name, aapl.position_count) == ("AAPL", "XOM", 2)
    assert aapl.long_exposure == pytest.approx(12_604.0)
    assert aapl.short_exposure == pytest.approx(-2 * 100 * 126.04 * delta)
    assert aapl.raw_exposure == pytest.approx(12_604.0 - 2 * 100 * 126.04)
    assert aapl.market_value == pytest.approx(12_604.0 - 2 * 100 * 5.5)
    assert xom.net_exposure == xom.short_exposure == pytest.approx(-5419.0)


def test_an_option_that_has_expired_has_no_notional():
    expired = option_mark(4, 5.5, expired=True, volatility=math.nan)
    (aapl,) = exposures((AAPL, SHORT_CALL), "underlying", marks=[*MARKS[:3], expired]).groups
    assert (aapl.raw_exposure, aapl.net_exposure, aapl.position_count) == (12_604.0, 12_604.0, 2)
    assert aapl.market_value == pytest.approx(12_604.0 - 2 * 100 * 5.5)


def test_gross_by_underlying_nets_what_moves_together():
    found = exposures((AAPL, SHORT_CALL, XOM), "tag")
    option = 2 * 100 * 126.04 * UNIT.delta[0]
    assert found.gross_exposure == pytest.approx(12_604.0 + option + 5419.0)
    assert found.gross_exposure_by_underlying == pytest.approx(12_604.0 - option + 5419.0)
    nav = 1000.0 + 12_604.0 - 1100.0 - 5419.0
    assert found.total_value == pytest.approx(nav)
    assert found.groups[0].net_percent == pytest.approx(100 * (12_604.0 - option - 5419.0) / nav)


def test_a_position_with_two_tags_counts_in_both_and_that_is_said():
    tagged = dataclasses.replace(AAPL, tags=("core", "tech"))
    parameters = ExposureParameters(group_by="tag")
    answer = ask(OWNER, book((tagged, XOM), cash=(("USD", 1.0),)), market(*MARKS), EXPOSURES, parameters)
    assert {group.name: group.net_exposure for group in answer.summary.groups} == pytest.approx(
        {"core": 12_604.0, "tech": 12_604.0, "": -5419.0}
    )
    assert any("several tags" in warning for warning in answer.metadata.warnings)


def test_sectors_and_strategies_and_currencies():
    rows = (dataclasses.replace(AAPL, strategy="growth"), XOM, MSFT)
    sectors = exposures(rows, "sector", facts=facts(a="Technology", b="Energy", c="Technology")).groups
    assert [(group.name, group.position_count) for group in sectors] == [("Technology", 2), ("Energy", 1)]
    assert {group.name for group in exposures(rows, "strategy").groups} == {"growth", ""}
    (everything,) = exposures(rows, "currency").groups
    assert everything.name == "USD"


def test_a_book_that_cannot_be_valued_has_a_reason_instead():
    answer = ask(OWNER, book((AAPL,)), market(no_mark(1, "no_price")), EXPOSURES, ExposureParameters())
    assert (answer.summary, answer.reason) == (None, "no_market_data")


def greeks(rows, marks=MARKS, **parameters):
    return ask(OWNER, book(rows, cash=(("USD", 1.0),)), market(*marks), GREEKS, GreeksParameters(**parameters)).summary


def test_greeks_are_those_of_a_unit_times_the_position():
    found = greeks((AAPL, SHORT_CALL))
    share, option = found.positions
    assert (share.greeks.delta, share.greeks.gamma, share.greeks.vega) == (100.0, 0.0, 0.0)
    assert share.volatility is None
    for name in ("delta", "gamma", "theta", "vega", "rho"):
        assert getattr(option.greeks, name) == pytest.approx(-200 * getattr(UNIT, name)[0], rel=1e-12), name
    assert option.greeks.delta_dollars == pytest.approx(-200 * UNIT.delta[0] * 126.04)
    assert (option.volatility, option.volatility_source, option.rate) == (0.4, "realised_90d", 0.04)
    assert found.totals.delta == pytest.approx(share.greeks.delta + option.greeks.delta)
    assert found.totals.theta == option.greeks.theta > 0.0  # who wrote the option earns its decay


def test_views():
    rows = (AAPL, XOM, SHORT_CALL)
    counts = {view: len(greeks(rows, view=view).positions) for view in ("portfolio", "longs", "shorts", "options")}
    assert counts == {"portfolio": 3, "longs": 1, "shorts": 2, "options": 1}


def test_after_the_nearest_expiry_the_rest_remains():
    found = greeks((AAPL, SHORT_CALL), include_after_expiry=True)
    assert (found.after_expiry.expiry_date, found.after_expiry.expiring_count) == ("2023-01-20", 1)
    assert (found.after_expiry.totals.delta, found.after_expiry.totals.gamma) == (100.0, 0.0)
    assert greeks((AAPL,), include_after_expiry=True).after_expiry is None


def test_an_expired_option_moves_no_more():
    expired = option_mark(4, 0.0, expired=True, expiry_date=date(2022, 12, 20))
    found = greeks((AAPL, SHORT_CALL), [*MARKS[:3], expired])
    assert found.positions[1].greeks.delta == 0.0
    assert found.positions[1].volatility is None


def test_an_option_without_a_volatility_is_left_out_and_named():
    answer = ask(
        OWNER,
        book((AAPL, Row("MSFT", 3, 10, 1.0), CALL), cash=(("USD", 1.0),)),
        market(*MARKS[:3], no_mark(4)),
        GREEKS,
        GreeksParameters(),
    )
    assert [position.symbol for position in answer.summary.positions] == ["AAPL", "MSFT"]
    assert [left.symbol for left in answer.metadata.coverage.excluded] == [CALL.symbol]
