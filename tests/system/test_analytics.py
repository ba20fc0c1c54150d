"""Every analytic of the contract, asked over REST about the demo's portfolios, with the real services behind it.

An RPC that is new is asked too, without an entry here. One that needs a parameter has it in PARAMETERS; one that has
nothing to say about these portfolios has its reason in UNANSWERABLE, so that an answer that goes missing is noticed.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass

from chassis.contract import services_of
from services.risk.handlers.catalogue import KINDS
from tests.system.conftest import Running
from tests.system.test_export import BOOKS, EXAMPLES, upload

PARAMETERS: dict[str, dict[str, str]] = {}
"""What an RPC cannot be asked without, by its name."""
UNANSWERABLE: dict[str, str] = {"GetInterestRateBetas": "no_yields", "GetRateScenarios": "no_yields"}
"""Why the bundled prices and fresh portfolios tell nothing, by the name of the RPC."""
SOURCES = Path(__file__).parents[2]
NOT_NUMBERS = {"NaN", "Infinity", "-Infinity"}


def asked_about_portfolios() -> dict[str, Any]:
    """The methods of AnalyticsService that are read by GET and take a portfolio, by name."""
    services = [Default().FindServiceByName(name) for name in services_of("risk")]
    (analytics,) = [service for service in services if service.name == "AnalyticsService"]
    return {
        method.name: method
        for method in analytics.methods
        if rule_of(method).WhichOneof("pattern") == "get"
        and "portfolio_id" in method.input_type.fields_by_name
        and "metadata" in method.output_type.fields_by_name  # a list is no analysis
    }


def rule_of(method: Any) -> Any:
    return method.GetOptions().Extensions[annotations_pb2.http]


METHODS = asked_about_portfolios()


@pytest.fixture(scope="module")
def portfolios(stack: Running) -> dict[str, str]:
    """The demo's portfolios, by the name of their file, each with snapshots since before its first trade."""
    with stack.client(stack.signed_in("analyst@example.com")) as client:
        made = {name: upload(client, name, (EXAMPLES / f"{name}.csv").read_bytes()) for name in BOOKS}
        for portfolio_id in made.values():
            taken = client.post(f"/api/v1/portfolios/{portfolio_id}/snapshots", json={"start_date": "2000-01-01"})
            assert taken.status_code == 200, taken.text
        return made


@pytest.fixture
def analyst(stack: Running, portfolios: dict[str, str]) -> Iterator[httpx.Client]:
    """Whose portfolios they are."""
    with stack.client(stack.signed_in("analyst@example.com")) as client:
        yield client


def ask(client: httpx.Client, name: str, portfolio_id: str) -> dict[str, Any]:
    path = rule_of(METHODS[name]).get
    named = {} if "{portfolio_id}" in path else {"portfolio_id": portfolio_id}
    answer = client.get(path.replace("{portfolio_id}", portfolio_id), params=named | PARAMETERS.get(name, {}))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def values_in(told: Any) -> Iterator[Any]:
    """Every number and text, however deep."""
    if isinstance(told, dict):
        for inner in told.values():
            yield from values_in(inner)
    elif isinstance(told, list):
        for inner in told:
            yield from values_in(inner)
    else:
        yield told


def without_service(told: dict[str, Any]) -> dict[str, Any]:
    """An answer without how it was served, and without what Any says of its type."""
    return {name: value for name, value in told.items() if name not in ("served", "@type")}


@pytest.mark.parametrize("book", BOOKS)
@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_analytic_answers_about_real_portfolios(
    analyst: httpx.Client, portfolios: dict[str, str], name: str, book: str
):
    told = ask(analyst, name, portfolios[book])
    assert (told["available"], told["reason"]) == (name not in UNANSWERABLE, UNANSWERABLE.get(name, ""))
    for value in values_in(told):
        assert not isinstance(value, float) or math.isfinite(value)
        assert value not in NOT_NUMBERS
    ParseDict(told, GetMessageClass(METHODS[name].output_type)())
    assert told["portfolio_id"] == portfolios[book]
    metadata = told["metadata"]
    assert len(metadata["result_id"]) == 64
    assert metadata["as_of_date"] == "2022-12-28"
    assert metadata["coverage"]["gross_exposure"] >= metadata["coverage"]["modelled_gross_exposure"] > 0


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_result_of_every_kind_is_kept_explained_and_comes_out_the_same_again(
    analyst: httpx.Client, portfolios: dict[str, str], name: str
):
    told = ask(analyst, name, portfolios["long_short"])
    result = f"/api/v1/results/{told['metadata']['result_id']}"
    kept = analyst.get(result).json()
    assert without_service(kept["payload"]) == without_service(told)
    assert kept["result"]["kind"] in KINDS
    explained = analyst.get(f"{result}/explain").json()
    assert explained["metadata"] == told["metadata"]
    assert {each["name"] for each in explained["inputs"]} >= {"portfolio", "marks"}
    assert explained["formulas"]
    for formula in explained["formulas"]:
        assert (SOURCES / formula["path"].partition("#")[0]).is_file()
    replayed = analyst.post(f"{result}:replay", json={}).json()
    assert (replayed["verdict"], replayed["changed"]) == ("IDENTICAL", [])


@pytest.mark.parametrize("book", BOOKS)
@pytest.mark.parametrize("day", ["2022-08-10", "2022-11-03", "2022-12-28"])
def test_a_snapshot_that_looks_back_says_what_the_overview_of_that_day_says(
    analyst: httpx.Client, portfolios: dict[str, str], book: str, day: str
):
    """Also of options: where their marks have the volatility that was realised, so has the model of the snapshots."""
    path = f"/api/v1/analytics/portfolio/{portfolios[book]}"
    (snapshot,) = analyst.get(f"{path}/snapshots", params={"start_date": day, "end_date": day}).json()["snapshots"]
    overview = analyst.get(f"{path}/overview", params={"as_of_date": day}).json()
    greeks = analyst.get(f"{path}/greeks", params={"as_of_date": day}).json()["totals"]
    assert snapshot["total_value"] == pytest.approx(overview["total_value"], rel=1e-9)
    assert snapshot["cash_value"] == pytest.approx(overview["cash_balance"], rel=1e-9)
    assert snapshot["cumulative_pnl"] == pytest.approx(overview["pnl"]["total_pnl"], rel=1e-6)
    assert snapshot["gross_exposure"] == pytest.approx(overview["exposures"]["gross_exposure"], rel=1e-9)
    assert snapshot["position_count"] == overview["position_count"]["total_positions"]
    for name in ("delta", "gamma", "theta", "vega", "rho"):
        assert snapshot[f"portfolio_{name}"] == pytest.approx(greeks[name], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("book", BOOKS)
def test_what_a_portfolio_gained_is_what_its_positions_won(
    analyst: httpx.Client, portfolios: dict[str, str], book: str
):
    path = f"/api/v1/analytics/portfolio/{portfolios[book]}"
    rows = analyst.get(f"{path}/snapshots", params={"page_size": 1000}).json()["snapshots"]
    gained = rows[-1]["total_value"] - rows[0]["total_value"]
    assert gained == pytest.approx(rows[-1]["cumulative_pnl"], rel=1e-9)
    assert sum(row["daily_pnl"] for row in rows[1:]) == pytest.approx(gained, rel=1e-6)
    asked = {"portfolio_id": portfolios[book], "group_by": "sector"}
    groups = analyst.get("/api/v1/analytics/positions/attribution", params=asked).json()
    assert sum(group["total_pnl"] for group in groups["groups"]) == pytest.approx(gained, rel=1e-9)


def test_positions_move_with_proxies_that_are_stated_and_with_defaults(
    analyst: httpx.Client, portfolios: dict[str, str]
):
    """The bundled prices have the index in the place of the fund that stands for the market by default."""
    portfolio_id = portfolios["long_short"]
    path = f"/api/v1/analytics/portfolio/{portfolio_id}/positions/factor-exposures"
    before = analyst.get(path, params={"model": "stock_proxies"}).json()
    assert (before["available"], before["reason"]) == (True, "")
    for position in before["positions"]:
        by_default = position["proxies"][0]
        assert (by_default["symbols"], by_default["instead_of"], by_default["stated"]) == (["SPX"], ["SPY"], False)
    assert any("SPY" in warning for warning in before["metadata"]["warnings"])
    symbols = analyst.get(f"/api/v1/management/portfolios/{portfolio_id}/factor-proxies").json()["proxies"]
    own = {"market": "SPX", "momentum": "MTUM", "value": "VLUE", "subindustry": ["CVX", "XOM", "RRC"]}
    stated = analyst.put(
        f"/api/v1/management/portfolios/{portfolio_id}/factor-proxies", json={"proxies": dict.fromkeys(symbols, own)}
    )
    assert stated.status_code == 200, stated.text
    told = analyst.get(path, params={"model": "stock_proxies"}).json()
    assert (told["available"], told["factor_model"]) == (True, "stock_proxies")
    assert told["metadata"]["observations"] == 60
    for position in told["positions"]:
        proxies = {proxy["name"]: proxy for proxy in position["proxies"]}
        assert proxies["market"]["stated"] is True
        assert proxies["market"]["beta"] == position["exposures"]["market"]
        assert 0.0 < position["r2"] <= 1.0
        assert position["observations"] == 60
    result = f"/api/v1/results/{told['metadata']['result_id']}"
    assert analyst.post(f"{result}:replay", json={}).json()["verdict"] == "IDENTICAL"
