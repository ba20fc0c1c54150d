"""Stress tests over the wire: what can be asked, what is refused by name, what clients of the documents read."""

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from plimsoll.risk.v1.result_service_pb2 import ReplayResultRequest
from services.risk.domain.inputs import YieldHistory
from services.risk.reference.library import read_library
from tests.services.risk import servers
from tests.services.risk.books import PORTFOLIO_ID, book_message
from tests.services.risk.conftest import pb, refused
from tests.services.risk.histories import days, facts, history, yield_history
from tests.services.risk.test_stress import FOLLOWERS, MARKS, NAV, ROWS, YIELDS, factors


@pytest.fixture
def ready(stack):
    stack.portfolio.book = book_message(ROWS, cash=[("USD", 5_000.0)])
    stack.marketdata.known = {each.instrument_id: each for each in MARKS}
    stack.marketdata.history = history(FOLLOWERS, (1, 2))
    stack.marketdata.factors = factors()
    stack.marketdata.facts = facts(("", ""), (1, 2))
    stack.marketdata.yields = yield_history(YIELDS[:, None])
    return stack


async def ask(stack, method="RunStressTest", **request):
    asked = ParseDict({"portfolio_id": PORTFOLIO_ID, **request}, getattr(pb, f"{method}Request")())
    answer = await getattr(stack.analytics, method)(asked, metadata=servers.metadata())
    return MessageToDict(answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


async def test_the_whole_library_as_clients_see_it(ready):
    answer = await ask(ready)
    assert (answer["available"], answer["portfolio_id"]) == (True, PORTFOLIO_ID)
    assert answer["calculation_date"] == "2022-12-28"
    assert answer["portfolio_value"] == pytest.approx(NAV)
    assert answer["scenarios_requested"] == []
    assert [one["id"] for one in answer["scenarios"]] == [one.id for one in read_library()]
    crash = next(one for one in answer["scenarios"] if one["id"] == "market_crash_35")
    told = [crash[name] for name in ("name", "category", "impact_type", "severity", "available")]
    assert told == ["Market crash", "market", "correlated", "severe", True]
    assert crash["impact"].keys() == {"dollar_impact", "percentage_impact", "new_portfolio_value"}
    assert crash["impact"]["percentage_impact"] == pytest.approx(100 * crash["impact"]["dollar_impact"] / NAV)
    assert crash["impact"]["new_portfolio_value"] == pytest.approx(NAV + crash["impact"]["dollar_impact"])
    shift = next(one for one in answer["scenarios"] if one["id"] == "rates_up_100")
    assert shift["impact"]["dollar_impact"] == pytest.approx(shift["parts"]["rate_impact"])
    assert answer["metadata"]["observations"] == 252


async def test_some_of_the_library(ready):
    answer = await ask(ready, scenarios="rates_up_100, market_up_5,rates_up_100")
    assert [one["id"] for one in answer["scenarios"]] == ["market_up_5", "rates_up_100"]
    assert answer["scenarios_requested"] == ["rates_up_100", "market_up_5"]


async def test_scenarios_of_ones_own_and_the_past(ready):
    mixed = {
        "name": "mixed", "factors": {"Market Beta": -0.1, "quality": 0.02}, "yield_change_bp": 50,
        "volatility_change": 0.4, "instruments": {" aapl": -0.3},
    }  # fmt: skip
    start, end = days(101)[0].isoformat(), days(51)[0].isoformat()
    replays = [{"start_date": start, "end_date": end}]
    answer = await ask(ready, custom_scenarios=[mixed], replays=replays, scenarios="market_up_5")
    own, known = answer["scenarios"]
    assert (own["id"], own["category"], own["severity"], known["id"]) == ("custom_1", "custom", "severe", "market_up_5")
    assert (own["yield_change_bp"], own["volatility_change"]) == (pytest.approx(50.0), 0.4)
    assert {shock["factor"]: shock["stated"] for shock in own["shocks"]} == {"Market Beta": -0.1, "Quality": 0.02}
    assert own["parts"]["instrument_impact"] == pytest.approx(-0.3 * 20_000.0)
    (past,) = answer["replays"]
    assert (past["name"], past["available"], past["proxied_instruments"]) == (f"{start} to {end}", True, [])
    (flown,) = (await ask(ready, custom_scenarios=[{"name": "flight", "currencies": {"eur ": -0.2}}]))["scenarios"]
    assert (flown["severity"], flown["ignored_currencies"], flown["impact"]["dollar_impact"]) == (
        "severe",
        ["EUR"],
        0.0,
    )


async def test_moves_of_the_market_and_of_yields(ready):
    market = await ask(ready, "GetMarketScenarios")
    assert [one["name"] for one in market["scenarios"]] == [
        "Market +10 %", "Market +20 %", "Market +5 %", "Market -10 %", "Market -20 %", "Market -5 %"
    ]  # fmt: skip
    by_id = {one["id"]: one["impact"]["dollar_impact"] for one in market["scenarios"]}
    assert by_id["market_down_20"] == pytest.approx(4 * by_id["market_down_5"])
    rates = await ask(ready, "GetRateScenarios", max_positions=1)
    by_id = {one["id"]: one["impact"]["dollar_impact"] for one in rates["scenarios"]}
    assert by_id["rates_up_200"] == pytest.approx(2 * by_id["rates_up_100"]) == pytest.approx(-by_id["rates_down_200"])
    assert by_id["rates_up_100"] > 0.0  # short of what falls by 5 % with 100 bp
    assert {len(one["parts"]["positions"]) for one in rates["scenarios"]} == {1}


async def test_without_yields_the_reasons_stand_by_scenario(ready):
    ready.marketdata.yields = YieldHistory((), (), np.empty((0, 0)), 0)
    answer = await ask(ready, "GetRateScenarios")
    assert (answer["available"], answer["reason"], "portfolio_value" in answer) == (False, "no_yields", False)
    assert [(one["available"], one["reason"]) for one in answer["scenarios"]] == [(False, "no_yields")] * 4


async def test_a_stress_test_is_kept_and_comes_out_the_same_again(ready):
    answer = await ask(ready, custom_scenarios=[{"name": "mine", "factors": {"market": -0.1}}])
    asked = ReplayResultRequest(result_id=answer["metadata"]["result_id"])
    replayed = await ready.results.ReplayResult(asked, metadata=servers.metadata())
    assert (replayed.stored_digest, list(replayed.changed)) == (replayed.replayed_digest, [])


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"scenarios": "market_up_5,flood"}, "scenarios"),
        ({"scenarios": "Market_Up_5"}, "scenarios"),
        ({"plausibility": "guessed"}, "plausibility"),
        ({"max_positions": 501}, "max_positions"),
        ({"custom_scenarios": [{"name": "x", "factors": {"gold": 0.1}}]}, "custom_scenarios[0].factors"),
        (
            {"custom_scenarios": [{"name": "x", "factors": {"market": 0.1, "Market Beta": -0.1}}]},
            "custom_scenarios[0].factors",
        ),
        (
            {"custom_scenarios": [{"name": "x", "factors": {"market": 0.1}, "unnamed_market": "hold"}]},
            "custom_scenarios[0].unnamed_market",
        ),
        ({"custom_scenarios": [{"name": "x", "instruments": {" ": -0.1}}]}, "custom_scenarios[0].instruments"),
        ({"custom_scenarios": [{"name": "x", "currencies": {"EURO": -0.1}}]}, "custom_scenarios[0].currencies"),
        (
            {"custom_scenarios": [{"name": "x", "currencies": {"eur": 0.1, "EUR ": 0.2}}]},
            "custom_scenarios[0].currencies",
        ),
        ({"custom_scenarios": [{"name": "x", "currencies": {"EUR": -1.0}}]}, "custom_scenarios[0].currencies[EUR]"),
        (
            {"custom_scenarios": [{"name": "x", "instruments": {"aapl": -0.1, "AAPL": 0.1}}]},
            "custom_scenarios[0].instruments",
        ),
        ({"custom_scenarios": [{"name": "x"}]}, "custom_scenarios[0]"),
        ({"custom_scenarios": [{"name": "x", "yield_change_bp": 5}] * 2}, "custom_scenarios[1].name"),
        ({"custom_scenarios": [{"name": "", "yield_change_bp": 5}]}, "custom_scenarios[0].name"),
        ({"custom_scenarios": [{"name": " \t\n", "yield_change_bp": 5}]}, "custom_scenarios[0].name"),
        (
            {
                "custom_scenarios": [
                    {"name": "Big  Crash", "yield_change_bp": 5},
                    {"name": " big CRASH", "yield_change_bp": 5},
                ]
            },
            "custom_scenarios[1].name",
        ),
        ({"custom_scenarios": [{"name": "x", "yield_change_bp": 2000}]}, "custom_scenarios[0].yield_change_bp"),
        ({"custom_scenarios": [{"name": "x", "volatility_change": -1}]}, "custom_scenarios[0].volatility_change"),
        ({"replays": [{"start_date": "2022-03-01", "end_date": "2022-03-01"}]}, "replays[0].end_date"),
        ({"replays": [{"start_date": "2022-02-30", "end_date": "2022-03-01"}]}, "replays[0].start_date"),
        ({"replays": [{"name": " ", "start_date": "2022-03-01", "end_date": "2022-03-02"}]}, "replays[0].name"),
        (
            {"replays": [{"name": n, "start_date": "2022-03-01", "end_date": "2022-03-02"} for n in "aA"]},
            "replays[1].name",
        ),
    ],
)
async def test_what_cannot_be_is_refused_by_name(ready, request_, field):
    assert (await refused(ask(ready, **request_)))[2] == [field]


async def test_replays_without_a_name_are_as_many_as_one_likes(ready):
    replay = {"start_date": days(101)[0].isoformat(), "end_date": days(51)[0].isoformat()}
    assert [one["available"] for one in (await ask(ready, replays=[replay, replay]))["replays"]] == [True, True]


async def test_between_two_days_of_a_weekend_nothing_moves_and_the_answer_names_them(ready):
    known = factors()
    saturday, sunday = known.session_dates[-60:-58]
    kept = [place for place, day in enumerate(known.session_dates) if day not in (saturday, sunday)]
    dates = tuple(known.session_dates[place] for place in kept)
    ready.marketdata.factors = factors(session_dates=dates, closes=known.closes[kept])
    weekend = [saturday.isoformat(), sunday.isoformat()]
    answer = await ask(ready, replays=[{"start_date": weekend[0], "end_date": weekend[1]}])
    assert (answer["available"], answer["reason"]) == (False, "no_session")
    assert [one["reason"] for one in answer["replays"]] == ["no_session"]
    assert f"no session lies between {weekend[0]} and {weekend[1]}: nothing moved" in answer["metadata"]["warnings"]


@pytest.mark.parametrize("move", [-1.0, 11.0, float("nan"), float("inf")])
async def test_moves_are_bounded(ready, move):
    asked = pb.RunStressTestRequest(portfolio_id=PORTFOLIO_ID)
    asked.custom_scenarios.add(name="x").factors["market"] = move
    fields = (await refused(ready.analytics.RunStressTest(asked, metadata=servers.metadata())))[2]
    assert {field.partition(".")[2].partition("[")[0] for field in fields} == {"factors"}
