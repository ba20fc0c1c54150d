"""The main path: sign in, upload a book, read it back with values, sum it up. Over REST, and over gRPC."""

import uuid

import grpc
import httpx
import pytest

from plimsoll.portfolio.v1.portfolio_service_pb2 import ListPortfoliosRequest, ListPortfoliosResponse
from plimsoll.risk.v1.analytics_service_pb2 import GetOverviewRequest
from plimsoll.risk.v1.overview_pb2 import Overview
from tests.system.conftest import PASSWORD, Running, call

BOOK = """ticker,quantity,entry_price,entry_date,tags
AAPL,500,120.5,2022-01-03,core
JPM,-50,150,2022-06-01,short book
AAPL230120C00150000,2,3.1,2022-12-01,options
NOSUCH,1,1,2022-01-03,
CUR:USD,20000,,2022-12-28,
"""
LIST = "/plimsoll.portfolio.v1.PortfolioService/ListPortfolios"
OVERVIEW = "/plimsoll.risk.v1.AnalyticsService/GetOverview"


def upload(client: httpx.Client, name: str = "") -> dict:
    answer = client.post(
        "/api/v1/management/portfolios/upload",
        params={"portfolio_name": name or f"Book {uuid.uuid4()}", "commit": "true"},
        content=BOOK.encode(),
        headers={"content-type": "text/csv"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_upload_list_complete_overview(stack: Running, token: str):
    with stack.client(token) as client:
        uploaded = upload(client)
        report, portfolio_id = uploaded["report"], uploaded["portfolio"]["portfolio_id"]
        assert [(e["line"], e["reason"]) for e in report["errors"]] == [(5, "unknown_instrument")]
        listed = client.get("/api/v1/management/portfolios").json()
        assert portfolio_id in {p["portfolio_id"] for p in listed["portfolios"]}
        complete = client.get(f"/api/v1/data/portfolio/{portfolio_id}/complete").json()
        overview = client.get(f"/api/v1/analytics/portfolio/{portfolio_id}/overview").json()
    assert complete["as_of_date"] == overview["metadata"]["as_of_date"] == "2022-12-28"
    values = [p.get("market_value") for p in complete["positions"]]
    assert values[0] == pytest.approx(500 * 125.5, rel=0.02)  # adjusted to mid-2023; 126.04 on the day
    assert values[1] == pytest.approx(-50 * 131, rel=0.03)
    option = complete["positions"][2]
    assert (option["price_source"], option["reason"]) == ("model", "")
    assert 0 < values[2] < 200 * 2, "a call 16 % out of the money with three weeks to go"
    assert overview["total_value"] == complete["net_asset_value"] == pytest.approx(20000 + sum(values))
    assert values[0] - values[1] < overview["exposures"]["gross_exposure"] < values[0] - values[1] + 200 * 125.67
    assert overview["position_count"] == {"total_positions": 3, "long_count": 2, "short_count": 1, "option_count": 1}
    assert overview["last_updated"] == "2022-12-28T21:00:00Z"
    assert overview["metadata"]["coverage"]["excluded"] == []
    assert overview["metadata"]["coverage"]["modelled_percent"] == 100


def test_the_same_question_has_the_same_result_id(stack: Running, token: str):
    with stack.client(token) as client:
        path = f"/api/v1/analytics/portfolio/{upload(client)['portfolio']['portfolio_id']}/overview"
        first, second = client.get(path).json(), client.get(path).json()
        earlier = client.get(path, params={"as_of_date": "2022-12-24"}).json()
    assert (first["served"]["cached"], second["served"]["cached"]) == (False, True)
    del first["served"], second["served"]
    assert first == second
    assert earlier["metadata"]["as_of_date"] == "2022-12-23", "a Saturday means the session before it"
    assert earlier["metadata"]["result_id"] != first["metadata"]["result_id"]


def test_a_cookie_reads_and_never_writes(stack: Running):
    with stack.client() as client:
        credentials = {"email": "cookie@example.com", "password": PASSWORD}
        client.post("/api/v1/auth/register", json=credentials)
        client.post("/api/v1/auth/login", json=credentials)
        assert "auth_token" in client.cookies
        assert client.get("/api/v1/auth/me").json()["email"] == "cookie@example.com"
        assert client.get("/api/v1/management/portfolios").status_code == 200
        refused = client.post("/api/v1/management/portfolios", json={"name": "By cookie"})
        assert refused.status_code == 401
        assert refused.json()["details"][0]["reason"] == "TOKEN_MISSING"
        assert all(p["name"] != "By cookie" for p in client.get("/api/v1/management/portfolios").json()["portfolios"])


@pytest.mark.parametrize("part", ["gateway", "portfolio"])
async def test_the_same_over_grpc_and_never_without_a_token(stack: Running, token: str, part: str):
    bearer = [("authorization", f"Bearer {token}")]
    with stack.client(token) as client:
        portfolio_id = upload(client)["portfolio"]["portfolio_id"]
    listed = await call(stack.address(part), LIST, ListPortfoliosRequest(), ListPortfoliosResponse, bearer)
    assert portfolio_id in {p.portfolio_id for p in listed.portfolios}
    analytics = stack.address("risk" if part == "portfolio" else part)
    request = GetOverviewRequest(portfolio_id=portfolio_id)
    assert (await call(analytics, OVERVIEW, request, Overview, bearer)).available
    for address, method, message in (
        (stack.address(part), LIST, ListPortfoliosRequest()),
        (analytics, OVERVIEW, request),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(address, method, message, Overview)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_an_idempotency_key_makes_a_repeated_post_harmless(stack: Running, token: str):
    with stack.client(token) as client:
        header, body = {"idempotency-key": str(uuid.uuid4())}, {"name": f"Once {uuid.uuid4()}"}
        first = client.post("/api/v1/management/portfolios", json=body, headers=header)
        assert client.post("/api/v1/management/portfolios", json=body, headers=header).json() == first.json()
        other = client.post("/api/v1/management/portfolios", json={"name": "Other"}, headers=header)
    assert other.status_code == 400
    assert other.json()["details"][0]["reason"] == "IDEMPOTENCY_KEY_REUSED"


def test_patch_and_delete(stack: Running, token: str):
    with stack.client(token) as client:
        made = client.post("/api/v1/management/portfolios", json={"name": f"P {uuid.uuid4()}"}).json()
        path = f"/api/v1/management/portfolios/{made['portfolio_id']}"
        patched = client.patch(path, json={"benchmark": "SPX", "revision": 1}).json()
        assert (patched["benchmark"], patched["name"], patched["revision"]) == ("SPX", made["name"], 2)
        stale = client.patch(path, json={"benchmark": "", "revision": 1})
        assert (stale.status_code, stale.json()["details"][0]["reason"]) == (409, "STALE_REVISION")
        assert client.delete(path).json() == {}
        assert client.get(path).status_code == 404


def test_every_service_reports_its_health(stack: Running):
    with stack.client() as client:
        for service in ("portfolio", "marketdata", "risk"):
            report = client.get(f"/api/v1/health/{service}").json()
            assert (report["service"], report["healthy"]) == (service, True), report


def test_quotes_bars_and_instruments(stack: Running, token: str):
    with stack.client(token) as client:
        quotes = client.get("/api/v1/data/prices/quotes", params={"symbols": "aapl,JPM,NOSUCH"}).json()["quotes"]
        assert [q["symbol"] for q in quotes] == ["aapl", "JPM", "NOSUCH"]
        assert quotes[0]["last"] - quotes[0]["previous_close"] == pytest.approx(quotes[0]["change"])
        assert quotes[2]["reason"] == "unknown_instrument"
        bars = client.get("/api/v1/market-data/prices/AAPL", params={"start_date": "2022-12-20"}).json()
        assert bars["bars"][-1]["close"] == quotes[0]["last"]
        assert "open" not in bars["bars"][-1]
        raw = client.get("/api/v1/marketdata/bars/AAPL", params={"price_basis": "raw"}).json()
        assert (raw["available"], raw["reason"]) == (False, "raw_prices_unavailable")
        apple = client.get("/api/v1/marketdata/instruments/AAPL").json()
        assert (apple["sector"], apple["kind"]) == ("Information Technology", "STOCK")
