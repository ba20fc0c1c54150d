"""The library of scenarios: what is in it, and what stops the start."""

import json
from importlib import resources

import pytest

from chassis.errors import CannotStart
from services.risk.domain.scenarios import market_scenarios, rate_scenarios, severity
from services.risk.reference import library
from services.risk.reference.library import read_library
from tests.services.risk import servers
from tests.services.risk.conftest import pb, refused

FACTORS = {
    "market_up_5": {"market": 0.05}, "market_down_5": {"market": -0.05},
    "market_up_10": {"market": 0.10}, "market_down_10": {"market": -0.10},
    "market_crash_35": {"market": -0.35}, "market_rally_25": {"market": 0.25},
    "value_rotation": {"value": 0.20, "growth": -0.10},
    "growth_rally": {"growth": 0.15, "momentum": 0.10},
    "small_cap_outperformance": {"size": 0.10},
    "quality_flight": {"quality": 0.12, "market": -0.05},
    "vix_spike": {"low_volatility": -0.25, "market": -0.15},
    "liquidity_crisis": {"market": -0.20, "low_volatility": -0.30, "quality": 0.15, "size": -0.10},
    "financial_crisis_2008": {
        "market": -0.45, "value": -0.30, "size": -0.25, "quality": 0.20, "low_volatility": -0.35
    },
    "covid_2020": {"market": -0.35, "growth": 0.15, "value": -0.40, "size": -0.30, "quality": 0.10},
    "dot_com": {"market": -0.45, "growth": -0.60, "value": 0.20, "momentum": -0.50, "quality": 0.15},
}  # fmt: skip
YIELDS = {"rates_up_25": 25, "rates_down_25": -25, "rates_up_50": 50, "rates_down_50": -50}
YIELDS |= {"rates_up_100": 100, "rates_down_100": -100, "rates_up_300": 300}
OURS = json.loads(resources.files(library.__package__).joinpath(library.FILE).read_bytes())


def test_the_library_is_that_of_the_methodology():
    found = {scenario.id: scenario for scenario in read_library()}
    assert len(found) == 22
    assert {key: one.factors for key, one in found.items() if one.factors} == FACTORS
    assert {key: 1e4 * one.yield_change for key, one in found.items() if one.yield_change} == pytest.approx(YIELDS)
    assert {key: one.volatility_change for key, one in found.items() if one.volatility_change} == {"vix_spike": 1.5}
    held = {key for key, one in found.items() if one.unnamed_market == "hold"}
    assert held == {"value_rotation", "growth_rally", "small_cap_outperformance"}
    assert {key for key, one in found.items() if one.start_date} == {"financial_crisis_2008", "covid_2020", "dot_com"}
    assert list(found.values()) == sorted(found.values(), key=lambda one: (one.category, one.name))


def test_moves_of_the_market_and_of_yields():
    assert [one.factors["market"] for one in market_scenarios()] == [-0.20, -0.10, -0.05, 0.05, 0.10, 0.20]
    assert [one.yield_change for one in rate_scenarios()] == [-0.02, -0.01, 0.01, 0.02]


@pytest.mark.parametrize(
    ("shocks", "expected"),
    [
        (([0.05], 0.0, None), "mild"),
        (([-0.15, 0.1], 0.0, None), "moderate"),
        (([-0.35], 0.0, None), "severe"),
        (([-0.36], 0.0, None), "extreme"),
        (([], 0.0025, None), "mild"),
        (([], -0.01, None), "moderate"),
        (([], 0.03, None), "extreme"),
        (([], 0.0, 1.5), "moderate"),
        (([0.01], 0.0, None, [-0.5]), "extreme"),
    ],
)
def test_severity_is_of_the_largest_shock(shocks, expected):
    assert severity(*shocks) == expected


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "colour"),
        ({"shocks": {"factors": {"gold": 0.1}}}, "gold"),
        ({"shocks": {"factors": {"market": -1.0}}}, "-1"),
        ({"shocks": {"factors": {"market": 0.05}, "oil": 0.1}}, "oil"),
        ({"shocks": {}}, "shocks nothing"),
        ({"severity": "terrible"}, "terrible"),
        ({"severity": "extreme"}, "its largest shock is mild"),
        ({"category": "weather"}, "weather"),
        ({"name": ""}, "length"),
        ({"unnamed_market": "hold"}, "names the market"),
        ({"replay": {"start_date": "2020-03-23", "end_date": "2020-02-19"}}, "ends before it starts"),
        ({"replay": {"start_date": "2020-02-30", "end_date": "2020-03-19"}}, "date"),
    ],
)
def test_what_is_not_understood_stops_the_start(change, said):
    with pytest.raises(CannotStart, match=said):
        read_library(json.dumps([OURS[0] | change]).encode())


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", json.dumps([OURS[0], OURS[0]]).encode()])
def test_a_file_that_is_no_library_stops_the_start(content):
    with pytest.raises(CannotStart, match=r"scenarios\.json"):
        read_library(content)


async def listed(stack, **request):
    asked = pb.ListStressScenariosRequest(**request)
    return await stack.analytics.ListStressScenarios(asked, metadata=servers.metadata())


async def test_the_list_in_pages(stack):
    first = await listed(stack, page_size=15)
    second = await listed(stack, page_size=15, page_token=first.next_page_token)
    assert [one.id for one in (*first.scenarios, *second.scenarios)] == [one.id for one in read_library()]
    assert second.next_page_token == ""
    crash = next(one for one in first.scenarios if one.id == "market_crash_35")
    assert (dict(crash.factors), crash.severity, crash.HasField("yield_change_bp")) == (
        {"market": -0.35},
        "severe",
        False,
    )


async def test_the_list_of_a_category(stack):
    rates = (await listed(stack, category="rates")).scenarios
    assert {round(one.yield_change_bp) for one in rates} == set(YIELDS.values())
    assert (await refused(listed(stack, category="weather")))[2] == ["category"]
    assert (await refused(listed(stack, page_token="x")))[2] == ["page_token"]
