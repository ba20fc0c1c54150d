"""A stand-in for the gateway: it answers the few REST calls of the demo in the wire format of the contract.

It keeps accounts and portfolios, so that a second visit meets what the first one left. The real gateway is met by the
system test.
"""

import csv
import io
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from rich.console import Console

Json = dict[str, Any]
BASE_URL = "http://127.0.0.1:8080"
PAGE_SIZE = 2
COVERAGE: Json = {
    "as_of_date": "2022-12-28",
    "summary": {
        "symbol_count": 26,
        "covered_count": 26,
        "mean_completeness": 1.0,
        "needs": [{"use": "full", "sessions": 252, "met_count": 25, "lacking_symbols": ["RRC"]}],
    },
}
METRICS: Json = {
    "total_return": 0.1234,
    "annualized_volatility": 0.15,
    "sharpe_ratio": 0.714,
    "max_drawdown": -0.2,
}


@dataclass
class FakeGateway:
    """One installation."""

    accounts: dict[str, str] = field(default_factory=dict)
    portfolios: dict[str, Json] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    with_history: set[str] = field(default_factory=set)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.path}")
        match request.method, request.url.path.removeprefix("/api/v1/").split("/"):
            case "POST", ["auth", "login"]:
                return self._login(json.loads(request.content))
            case "POST", ["auth", "register"]:
                return self._register(json.loads(request.content))
        if request.headers.get("authorization") != "Bearer token":
            return refused(401, 16, "no token came with the call", "TOKEN_MISSING")
        match request.method, request.url.path.removeprefix("/api/v1/").split("/"):
            case "GET", ["management", "portfolios"]:
                return self._list(request.url.params.get("page_token", ""))
            case "POST", ["management", "portfolios", "upload"]:
                return self._upload(request)
            case "GET", ["data", "portfolio", portfolio_id, "complete"]:
                return httpx.Response(200, json=self._complete(portfolio_id))
            case "GET", ["analytics", "portfolio", portfolio_id, "overview"]:
                return httpx.Response(200, json=self._overview(portfolio_id))
            case "GET", ["analytics", "portfolio", portfolio_id, "performance"]:
                return httpx.Response(200, json=self._performance(portfolio_id))
            case "POST", ["portfolios", portfolio_id, "snapshots"]:
                self.with_history.add(portfolio_id)
                return httpx.Response(200, json={"created_count": 400, "next_start_date": ""})
            case "GET", ["analytics", "portfolio", portfolio_id, _] | ["data", "portfolio", portfolio_id, _]:
                return httpx.Response(200, json={"reason": "no_market_data", "portfolio_id": portfolio_id})
            case "GET", ["marketdata", "coverage"]:
                return httpx.Response(200, json=COVERAGE)
        return refused(404, 5, f"no route {request.url.path}", "RESOURCE_NOT_FOUND")

    def _login(self, body: Json) -> httpx.Response:
        if self.accounts.get(body["email"]) != body["password"]:
            return refused(401, 16, "e-mail address and password do not belong together", "CREDENTIALS_INVALID")
        session = {"access_token": "token", "refresh_token": "again", "token_type": "Bearer", "expires_in": 900}
        return httpx.Response(200, json=session)

    def _register(self, body: Json) -> httpx.Response:
        if body["email"] in self.accounts:
            return refused(409, 6, "the address is taken", "RESOURCE_EXISTS")
        if len(body["password"]) < 12:
            return refused(400, 3, "a field breaks a rule", "INVALID_FIELD", password="is shorter than 12 characters")
        self.accounts[body["email"]] = body["password"]
        self._make("My portfolio")
        return httpx.Response(200, json={"user": {"email": body["email"]}, "portfolio_id": str(uuid.uuid4())})

    def _make(self, name: str) -> Json:
        portfolio = {"portfolio_id": str(uuid.uuid4()), "name": name, "base_currency": "USD", "revision": 1}
        self.portfolios[name] = portfolio
        return portfolio

    def _list(self, page_token: str) -> httpx.Response:
        names = sorted(self.portfolios)
        start = int(page_token or 0)
        page: Json = {"portfolios": [self.portfolios[name] for name in names[start : start + PAGE_SIZE]]}
        if start + PAGE_SIZE < len(names):
            page["next_page_token"] = str(start + PAGE_SIZE)
        return httpx.Response(200, json=page)

    def _upload(self, request: httpx.Request) -> httpx.Response:
        name, commit = request.url.params["portfolio_name"], request.url.params["commit"]
        assert (commit, request.headers["content-type"]) == ("true", "text/csv")
        if name in self.portfolios:
            return refused(409, 6, f"a portfolio named {name} exists", "RESOURCE_EXISTS")
        portfolio = self._make(name)
        self.files[portfolio["portfolio_id"]] = request.content.decode()
        rows = list(csv.DictReader(io.StringIO(request.content.decode())))
        bad = [
            {
                "line": line,
                "field": "ticker",
                "value": row["ticker"],
                "reason": "unknown_instrument",
                "message": "no such instrument",
            }
            for line, row in enumerate(rows, start=2)
            if row["ticker"] == "NOPE"
        ]
        report = {"row_count": len(rows), "positions_saved_count": len(rows) - len(bad), "errors": bad}
        return httpx.Response(200, json={"portfolio": portfolio, "report": report})

    def _complete(self, portfolio_id: str) -> Json:
        portfolio = next(p for p in self.portfolios.values() if p["portfolio_id"] == portfolio_id)
        rows = csv.DictReader(io.StringIO(self.files[portfolio_id]))
        positions = [
            {"position": {"symbol": row["ticker"], "quantity": float(row["quantity"])}, "market_value": 100.0}
            for row in rows
        ]
        return {"portfolio": portfolio, "as_of_date": "2022-12-28", "positions": positions, "net_asset_value": 1e6}

    def _performance(self, portfolio_id: str) -> Json:
        if portfolio_id not in self.with_history:
            return {"reason": "no_snapshots", "portfolio_id": portfolio_id}
        return {"available": True, "start_date": "2021-01-13", "metrics": METRICS}

    def _overview(self, portfolio_id: str) -> Json:
        return {"available": True, "portfolio_id": portfolio_id, "total_value": 1e6, "metadata": {"result_id": "abc"}}


def refused(http_status: int, code: int, message: str, reason: str, **violations: str) -> httpx.Response:
    status = Status(code=code, message=message)
    status.details.add().Pack(ErrorInfo(reason=reason, domain="plimsoll"))
    if violations:
        fields = [BadRequest.FieldViolation(field=name, description=text) for name, text in violations.items()]
        status.details.add().Pack(BadRequest(field_violations=fields))
    return httpx.Response(http_status, json=MessageToDict(status, preserving_proto_field_name=True))


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=110, color_system=None)
