"""Stress tests and options by POST, through the gateway: bodies, further paths, refusals."""

import pytest

from tests.system.conftest import Running
from tests.system.test_export import EXAMPLES, upload


def test_scenarios_options_and_their_other_paths(stack: Running):
    with stack.client(stack.sign_up("stress@example.com")) as client:
        portfolio_id = upload(client, "long_short", (EXAMPLES / "long_short.csv").read_bytes())
        path = f"/api/v1/analytics/portfolio/{portfolio_id}/stress-test"
        mine = {"name": "mine", "factors": {"market": -0.1}, "volatility_change": 0.5}
        past = {"start_date": "2022-01-03", "end_date": "2022-06-16"}
        told = client.post(path, json={"custom_scenarios": [mine], "replays": [past]}).json()
        (own,), (replay,) = told["scenarios"], told["replays"]
        assert (own["id"], own["available"], replay["available"]) == ("custom_1", True, True)
        assert replay["proxied_instruments"] == []
        chosen = client.get(path, params={"scenarios": "market_down_10,covid_2020"}).json()
        by_id = {one["id"]: one for one in chosen["scenarios"]}
        assert by_id.keys() == {"market_down_10", "covid_2020"}
        assert by_id["covid_2020"]["replay"]["available"]
        other = client.get(f"/api/v1/analytics/risk/{portfolio_id}/scenarios", params={"scenarios": "market_down_10"})
        assert other.json()["scenarios"] == [by_id["market_down_10"]]
        refused = client.post(path, json={"custom_scenarios": [mine | {"factors": {"gold": 0.1}}]})
        assert (refused.status_code, "gold" in refused.text) == (400, True)
        for listed in ("/api/v1/analytics/scenarios", "/api/v1/risk/stress-testing/scenarios"):
            assert len(client.get(listed).json()["scenarios"]) == 22
        moves = {"spot_moves": [-0.1, 0.0], "volatility_moves": [0.0], "days_ahead": [0]}
        grid = client.get(f"/api/v1/analytics/portfolio/{portfolio_id}/option-grid", params=moves).json()
        assert [case["spot_move"] for case in grid["cases"]] == [-0.1, 0.0]
        assert grid["cases"][1]["pnl"] == 0.0


def test_options_of_a_request(stack: Running):
    hull = {"right": "C", "spot": 49, "strike": 50, "years_to_expiry": 0.3846, "rate": 0.05, "volatility": 0.2}
    with stack.client(stack.sign_up("options@example.com")) as client:
        for path in ("/api/v1/analytics/greeks/calculate", "/api/v1/analytics/risk/greeks/calculate"):
            (call,) = client.post(path, json={"options": [hull | {"style": "european"}]}).json()["options"]
            assert call["delta"] == pytest.approx(0.522, abs=5e-4)
        refused = client.post(path, json={"options": [hull | {"spot": -1}]})
        assert (refused.status_code, "options[0].spot" in refused.text, "-1" in refused.text) == (400, True, True)
