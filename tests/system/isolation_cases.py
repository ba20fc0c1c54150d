"""What belongs to one user: how each such thing is made and seen, and every call that takes its id.

A call is written once and tried three times by tests/system/test_isolation.py: with another user's id, with the id of
nothing, and by the owner.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.services.portfolio import plaid_stub

CSV = b"ticker,quantity,entry_price,entry_date,tags\nAAPL,1,100,2022-01-03,\n"
POSITION = {"symbol": "AAPL", "quantity": 1.0, "entry_price": 100.0, "entry_date": "2022-01-03"}
MANAGEMENT = "/api/v1/management"
PORTFOLIOS = f"{MANAGEMENT}/portfolios"
SCENARIOS = f"{MANAGEMENT}/scenarios"

Answer = httpx.Response
Case = Callable[[httpx.Client, str], Answer]


@dataclass(frozen=True)
class Resource:
    """What an id is of: how its owner makes one and gets its id, and what the owner sees of it."""

    make: Callable[[httpx.Client], str]
    see: Callable[[httpx.Client, str], Any]


def post(client: httpx.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def make_portfolio(client: httpx.Client) -> str:
    return str(post(client, PORTFOLIOS, name=f"Private {uuid.uuid4()}")["portfolio_id"])


def make_position(client: httpx.Client) -> str:
    made = post(client, f"{MANAGEMENT}/positions", portfolio_id=make_portfolio(client), position=POSITION)
    return str(made["position_id"])


def make_api_key(client: httpx.Client) -> str:
    for key in client.get("/api/v1/auth/api-keys").json()["api_keys"]:  # there may be fifty at a time
        client.delete(f"/api/v1/auth/api-keys/{key['api_key_id']}")
    return str(post(client, "/api/v1/auth/api-keys", name="private", scope="READ")["api_key"]["api_key_id"])


def make_label(kind: str) -> Callable[[httpx.Client], str]:
    def make(client: httpx.Client) -> str:
        made = post(client, f"{MANAGEMENT}/{kind}", name=f"private {uuid.uuid4()}")
        return str(made["label_id"])

    return make


def make_movement(client: httpx.Client) -> str:
    """Gives both ids that its path needs, as one."""
    portfolio_id = make_portfolio(client)
    made = post(
        client,
        f"{PORTFOLIOS}/{portfolio_id}/cash-movements",
        kind="DEPOSIT",
        currency="USD",
        amount=5.0,
        movement_date="2022-01-03",
    )
    return f"{portfolio_id}/cash-movements/{made['movement_id']}"


def make_result(client: httpx.Client) -> str:
    overview = client.get(f"/api/v1/analytics/portfolio/{make_portfolio(client)}/overview")
    return str(overview.json()["metadata"]["result_id"])


def make_import(client: httpx.Client) -> str:
    """A file that waits to be completed."""
    for waiting in client.get("/api/v1/portfolio/upload").json()["imports"]:  # there may be ten at a time
        client.delete(f"/api/v1/portfolio/upload/{waiting['import_id']}")
    params = {"portfolio_name": f"Imported {uuid.uuid4()}"}
    made = client.post(f"{PORTFOLIOS}/upload", params=params, content=CSV, headers={"content-type": "text/csv"})
    assert made.status_code == 200, made.text
    return str(made.json()["import_status"]["import_id"])


def make_plaid_item(client: httpx.Client) -> str:
    return str(post(client, "/api/v1/plaid/exchange", public_token=plaid_stub.PUBLIC_TOKEN)["plaid_item_id"])


def make_private_instrument(client: httpx.Client) -> str:
    symbol = f"X{uuid.uuid4().hex[:8]}".upper()
    return str(post(client, "/api/v1/marketdata/private-instruments", symbol=symbol, name="A cottage")["instrument_id"])


def make_scenario(client: httpx.Client) -> str:
    return str(post(client, SCENARIOS, portfolio_id=make_portfolio(client), **scenario())["scenario_id"])


def scenario() -> dict[str, Any]:
    """Terms of a scenario under a name of its own."""
    return {"name": f"Private {uuid.uuid4()}", "target_weights": {"AAPL": 0.5, "CUR:USD": 0.5}}


RESOURCES = {
    "portfolio_id": Resource(make_portfolio, lambda c, i: c.get(f"{PORTFOLIOS}/{i}").json()),
    "position_id": Resource(make_position, lambda c, i: c.get(f"{MANAGEMENT}/positions/{i}").json()),
    "position_ids": Resource(make_position, lambda c, i: c.get(f"{MANAGEMENT}/positions/{i}").json()),
    "tag_id": Resource(make_label("tags"), lambda c, i: c.get(f"{MANAGEMENT}/tags").json()),
    "strategy_id": Resource(make_label("strategies"), lambda c, i: c.get(f"{MANAGEMENT}/strategies").json()),
    "movement_id": Resource(
        make_movement, lambda c, i: c.get(f"{PORTFOLIOS}/{i.partition('/')[0]}/cash-movements").json()
    ),
    "scenario_id": Resource(make_scenario, lambda c, i: c.get(f"{SCENARIOS}/{i}").json()),
    "import_id": Resource(make_import, lambda c, i: c.get(f"/api/v1/portfolio/upload/{i}/status").json()),
    "api_key_id": Resource(make_api_key, lambda c, i: c.get("/api/v1/auth/api-keys").json()),
    "result_id": Resource(make_result, lambda c, i: c.get(f"/api/v1/results/{i}").json()),
    "plaid_item_id": Resource(
        make_plaid_item, lambda c, i: c.get("/api/v1/plaid/accounts", params={"plaid_item_id": i}).json()
    ),
    "instrument_id": Resource(
        make_private_instrument, lambda c, i: c.get("/api/v1/marketdata/private-instruments").json()
    ),
}
ABSENT = {
    "result_id": "0" * 64,
    "instrument_id": str(2**31 - 1),
    "movement_id": f"{uuid.uuid4()}/cash-movements/{uuid.uuid4()}",
}
"""Ids of nothing, where another form is needed than a UUID's."""


def of_portfolio(method: str, path: str, **body: Any) -> Case:
    """A call below a portfolio of the management API."""
    return lambda c, i: c.request(method, f"{PORTFOLIOS}/{i}{path}", **({"json": body} if body else {}))


def of_position(method: str, path: str = "", **body: Any) -> Case:
    return lambda c, i: c.request(method, f"{MANAGEMENT}/positions/{i}{path}", **({"json": body} if body else {}))


def of_analysis(path: str) -> Case:
    """An analysis of a portfolio."""
    return lambda c, i: c.get(f"/api/v1/analytics/portfolio/{i}/{path}")


def upload(client: httpx.Client, portfolio_id: str) -> Answer:
    return client.post(
        f"{PORTFOLIOS}/upload",
        params={"portfolio_id": portfolio_id, "commit": "true"},
        content=CSV,
        headers={"content-type": "text/csv"},
    )


def onboarding(step: str) -> Case:
    return lambda c, i: c.post(f"/api/v1/portfolio/onboarding/{i}/{step}", json={})


def import_plaid(client: httpx.Client, plaid_item_id: str, **fields: str) -> Answer:
    named = fields or {"portfolio_name": f"At the broker {uuid.uuid4()}"}
    return client.post("/api/v1/plaid/import", json={"plaid_item_id": plaid_item_id, **named})


CASES: dict[tuple[str, str], Case] = {
    ("PortfolioService.GetPortfolio", "portfolio_id"): of_portfolio("GET", ""),
    ("PortfolioService.UpdatePortfolio", "portfolio_id"): of_portfolio("PATCH", "", benchmark="SPX"),
    ("PortfolioService.DeletePortfolio", "portfolio_id"): of_portfolio("DELETE", ""),
    ("PortfolioService.UploadPortfolio", "portfolio_id"): upload,
    ("ImportService.ListImports", "portfolio_id"): lambda c, i: c.get(
        "/api/v1/portfolio/upload", params={"portfolio_id": i}
    ),
    ("ImportService.GetImportStatus", "import_id"): lambda c, i: c.get(f"/api/v1/portfolio/upload/{i}/status"),
    ("ImportService.GetImportResults", "import_id"): lambda c, i: c.get(f"/api/v1/portfolio/upload/{i}/results"),
    ("ImportService.PreviewImport", "import_id"): lambda c, i: c.get(f"/api/v1/portfolio/onboarding/{i}/preview"),
    ("ImportService.ValidateImport", "import_id"): onboarding("validate"),
    ("ImportService.CompleteImport", "import_id"): onboarding("complete"),
    ("ImportService.RetryImport", "import_id"): onboarding("retry"),
    ("ImportService.UndoImport", "import_id"): onboarding("undo"),
    ("PositionService.ListPositions", "portfolio_id"): lambda c, i: c.get(
        f"{MANAGEMENT}/positions", params={"portfolio_id": i}
    ),
    ("PositionService.GetPosition", "position_id"): of_position("GET"),
    ("PositionService.CreatePosition", "portfolio_id"): lambda c, i: c.post(
        f"{MANAGEMENT}/positions", json={"portfolio_id": i, "position": POSITION}
    ),
    ("PositionService.BatchCreatePositions", "portfolio_id"): lambda c, i: c.post(
        f"{MANAGEMENT}/positions:batchCreate", json={"portfolio_id": i, "positions": [POSITION]}
    ),
    ("PositionService.UpdatePosition", "position_id"): of_position("PATCH", quantity=2.0),
    ("PositionService.DeletePosition", "position_id"): of_position("DELETE"),
    ("PositionService.SetPositionTags", "position_id"): of_position("PUT", "/tags", tags=["core"]),
    ("LabelService.UpdateTag", "tag_id"): lambda c, i: c.patch(f"{MANAGEMENT}/tags/{i}", json={"description": "a"}),
    ("LabelService.DeleteTag", "tag_id"): lambda c, i: c.delete(f"{MANAGEMENT}/tags/{i}"),
    ("LabelService.UpdateStrategy", "strategy_id"): lambda c, i: c.patch(
        f"{MANAGEMENT}/strategies/{i}", json={"description": "a"}
    ),
    ("LabelService.DeleteStrategy", "strategy_id"): lambda c, i: c.delete(f"{MANAGEMENT}/strategies/{i}"),
    ("CashService.GetCashBalances", "portfolio_id"): of_portfolio("GET", "/cash-balances"),
    ("CashService.PutCashBalances", "portfolio_id"): of_portfolio(
        "PUT", "/cash-balances", balances={"USD": 5.0}, balance_date="2022-01-03"
    ),
    ("CashService.DeleteCashBalance", "portfolio_id"): lambda c, i: (
        c.put(f"{PORTFOLIOS}/{i}/cash-balances", json={"balances": {"USD": 5.0}, "balance_date": "2022-01-03"}),
        c.delete(f"{PORTFOLIOS}/{i}/cash-balances/USD"),
    )[-1],
    ("CashService.ListCashMovements", "portfolio_id"): of_portfolio("GET", "/cash-movements"),
    ("CashService.CreateCashMovement", "portfolio_id"): of_portfolio(
        "POST", "/cash-movements", kind="DEPOSIT", currency="USD", amount=5.0, movement_date="2022-01-03"
    ),
    ("CashService.DeleteCashMovement", "movement_id"): of_portfolio("DELETE", ""),
    ("ChangeService.ListChanges", "portfolio_id"): of_portfolio("GET", "/changes"),
    ("RiskSettingsService.GetRiskLimits", "portfolio_id"): of_portfolio("GET", "/risk-limits"),
    ("RiskSettingsService.PutRiskLimits", "portfolio_id"): of_portfolio(
        "PUT", "/risk-limits", limits={"max_loss": -0.2}
    ),
    ("RiskSettingsService.ResetRiskLimits", "portfolio_id"): of_portfolio("POST", "/risk-limits:reset", reason="again"),
    ("RiskSettingsService.GetFactorProxies", "portfolio_id"): of_portfolio("GET", "/factor-proxies"),
    ("RiskSettingsService.PutFactorProxies", "portfolio_id"): of_portfolio(
        "PUT", "/factor-proxies", proxies={"AAPL": {"market": "SPX"}}
    ),
    ("RiskSettingsService.GetExpectedReturns", "portfolio_id"): of_portfolio("GET", "/expected-returns"),
    ("RiskSettingsService.PutExpectedReturns", "portfolio_id"): of_portfolio(
        "PUT", "/expected-returns", expected_returns={"AAPL": 0.07}, effective_date="2022-01-03"
    ),
    ("ScenarioService.ListScenarios", "portfolio_id"): lambda c, i: c.get(SCENARIOS, params={"portfolio_id": i}),
    ("ScenarioService.GetScenario", "scenario_id"): lambda c, i: c.get(f"{SCENARIOS}/{i}"),
    ("ScenarioService.CreateScenario", "portfolio_id"): lambda c, i: c.post(
        SCENARIOS, json={"portfolio_id": i, **scenario()}
    ),
    ("ScenarioService.PutScenario", "scenario_id"): lambda c, i: c.put(f"{SCENARIOS}/{i}", json=scenario()),
    ("ScenarioService.DeleteScenario", "scenario_id"): lambda c, i: c.delete(f"{SCENARIOS}/{i}"),
    ("ApiKeyService.DeleteApiKey", "api_key_id"): lambda c, i: c.delete(f"/api/v1/auth/api-keys/{i}"),
    ("PrivateInstrumentService.DeletePrivateInstrument", "instrument_id"): lambda c, i: c.delete(
        f"/api/v1/marketdata/private-instruments/{i}"
    ),
    ("DataService.GetCompletePortfolio", "portfolio_id"): lambda c, i: c.get(f"/api/v1/data/portfolio/{i}/complete"),
    ("DataService.GetPositionDetails", "portfolio_id"): lambda c, i: c.get(
        "/api/v1/data/positions/details", params={"portfolio_id": i}
    ),
    ("DataService.GetPositionDetails", "position_ids"): lambda c, i: c.get(
        "/api/v1/data/positions/details", params={"position_ids": i}
    ),
    ("DataService.GetHistoricalPrices", "portfolio_id"): lambda c, i: c.get(f"/api/v1/data/prices/historical/{i}"),
    ("ExportService.ExportPortfolio", "portfolio_id"): lambda c, i: c.get(f"/api/v1/export/portfolio/{i}"),
    ("ExportService.ExportTrades", "portfolio_id"): lambda c, i: c.post(
        "/api/v1/export/trades", json={"portfolio_id": i, "trades": [{"symbol": "AAPL", "quantity": 1.0}]}
    ),
    ("PlaidService.GetPlaidAccounts", "plaid_item_id"): lambda c, i: c.get(
        "/api/v1/plaid/accounts", params={"plaid_item_id": i}
    ),
    ("PlaidService.GetPlaidPositions", "plaid_item_id"): lambda c, i: c.get(
        "/api/v1/plaid/holdings", params={"plaid_item_id": i}
    ),
    ("PlaidService.ImportPlaid", "plaid_item_id"): import_plaid,
    ("PlaidService.ImportPlaid", "portfolio_id"): lambda c, i: import_plaid(c, make_plaid_item(c), portfolio_id=i),
    ("ResultService.GetResult", "result_id"): lambda c, i: c.get(f"/api/v1/results/{i}"),
    ("ResultService.ReplayResult", "result_id"): lambda c, i: c.post(f"/api/v1/results/{i}:replay", json={}),
    ("ResultService.ExplainResult", "result_id"): lambda c, i: c.get(f"/api/v1/results/{i}/explain"),
    ("AnalyticsService.GetAttribution", "portfolio_id"): lambda c, i: c.get(
        "/api/v1/analytics/positions/attribution", params={"portfolio_id": i}
    ),
    ("AnalyticsService.CreateSnapshot", "portfolio_id"): lambda c, i: c.post(
        f"/api/v1/portfolios/{i}/snapshots", json={}
    ),
    ("AnalyticsService.GetDataQuality", "portfolio_id"): lambda c, i: c.get(f"/api/v1/data/portfolio/{i}/data-quality"),
    **{
        (f"AnalyticsService.{method}", "portfolio_id"): of_analysis(path)
        for method, path in {
            "GetOverview": "overview",
            "GetPerformance": "performance",
            "GetPnlExplain": "pnl-explain",
            "ListSnapshots": "snapshots",
            "GetExposures": "exposures",
            "GetFactorExposures": "factor-exposures",
            "ListPositionFactorExposures": "positions/factor-exposures",
            "GetVarianceDecomposition": "variance-decomposition",
            "GetInterestRateBetas": "interest-rate-betas",
            "GetActiveRisk": "active-risk",
            "GetGreeks": "greeks",
            "GetOptionGrid": "option-grid",
            "RunStressTest": "stress-test",
            "GetMarketScenarios": "market-scenarios",
            "GetRateScenarios": "rate-scenarios",
            "GetCorrelationMatrix": "correlation-matrix",
            "GetCorrelationClusters": "correlation-clusters",
            "GetDiversificationScore": "diversification-score",
            "GetRiskMetrics": "risk-metrics",
            "GetValueAtRisk": "value-at-risk",
        }.items()
    },
}
