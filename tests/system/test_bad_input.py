"""What bad input gets, through the gateway: a JSON error that names the field and the value, and nothing half-saved."""

import base64
import json
import time
import uuid
from pathlib import Path

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.system.conftest import PATIENCE_SECONDS, Running

UPLOAD = "/api/v1/management/portfolios/upload"
ABSENT = "6f1b2c1e-1111-4222-8333-444455556666"


def reason(answer: httpx.Response) -> str:
    body = answer.json()
    assert set(body) >= {"code", "message", "details"}, body
    return body["details"][0]["reason"]


def fields(answer: httpx.Response) -> dict[str, str]:
    return {v["field"]: v["description"] for v in answer.json()["details"][1]["field_violations"]}


@pytest.mark.parametrize(
    ("method", "path", "options", "field", "value"),
    [
        ("POST", "/api/v1/management/portfolios", {"json": {"name": ""}}, "name", ""),
        ("POST", "/api/v1/management/portfolios", {"json": {"name": "x" * 101}}, "name", "x" * 99),
        (
            "POST",
            "/api/v1/management/portfolios",
            {"json": {"name": "x", "base_currency": "usd"}},
            "base_currency",
            "usd",
        ),
        ("POST", "/api/v1/management/portfolios", {"json": {"name": "a\0b"}}, "name", "\\x00"),
        ("GET", "/api/v1/management/portfolios/not-a-uuid", {}, "portfolio_id", "not-a-uuid"),
        ("GET", "/api/v1/management/portfolios?page_size=-1", {}, "page_size", "-1"),
        ("GET", "/api/v1/management/portfolios?page_token=zzz", {}, "page_token", "zzz"),
        ("GET", f"/api/v1/analytics/portfolio/{ABSENT}/overview?as_of_date=2022-02-30", {}, "as_of_date", "2022-02-30"),
        ("GET", f"/api/v1/analytics/portfolio/{ABSENT}/overview?as_of_date=tomorrow", {}, "as_of_date", "tomorrow"),
        ("POST", f"{UPLOAD}?portfolio_name=x&entry_date=2022-02-30", {"content": b"x"}, "entry_date", "2022-02-30"),
        ("POST", f"{UPLOAD}?commit=true", {"content": b"x"}, "portfolio_name", ""),
    ],
)
def test_a_bad_field_is_named_with_its_value(stack: Running, token: str, method, path, options, field, value):
    with stack.client(token) as client:
        answer = client.request(method, path, **options)
    assert (answer.status_code, reason(answer)) == (400, "INVALID_FIELD"), answer.text
    assert value in fields(answer)[field]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/management/portfolios?nonsense=1", b""),
        ("GET", "/api/v1/management/portfolios?page_size=ten", b""),
        ("POST", "/api/v1/management/portfolios", b"{"),
        ("POST", "/api/v1/management/portfolios", b'{"name": ["x"]}'),
        ("POST", "/api/v1/management/portfolios", b"\xff\xfe"),
        ("POST", "/api/v1/management/portfolios", b"[" * 10_000),
    ],
)
def test_what_cannot_be_understood_is_a_json_error(stack: Running, token: str, method, path, body):
    with stack.client(token) as client:
        answer = client.request(method, path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == 3


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/api/v2/management/portfolios", "/../etc/passwd"])
def test_an_unknown_path_is_a_json_404(stack: Running, token: str, path):
    with stack.client(token) as client:
        answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, 5)


def test_internal_calls_are_not_reachable_through_the_gateway(stack: Running, token: str):
    with stack.client(token) as client:
        answer = client.post("/plimsoll.marketdata.v1.MarketDataService/GetMarks", json={})
    assert answer.status_code == 404


@pytest.mark.parametrize("megabytes", [13, 100])
def test_a_file_over_the_limit_is_refused_and_costs_no_memory(stack: Running, token: str, megabytes: int):
    before = resident_bytes(stack)
    with stack.client(token) as client:
        answer = client.post(
            UPLOAD,
            params={"portfolio_name": "big", "commit": "true"},
            content=b"x" * (megabytes << 20),
            headers={"content-type": "text/csv"},
        )
        assert (answer.status_code, reason(answer)) == (413, "REQUEST_TOO_LARGE")
        names = [p["name"] for p in client.get("/api/v1/management/portfolios").json()["portfolios"]]
    assert "big" not in names
    assert resident_bytes(stack) - before < 200 << 20


def resident_bytes(stack: Running) -> int:
    """Memory of the two parts that an upload passes."""
    statuses = [Path(f"/proc/{stack.pid(part)}/status").read_text() for part in ("gateway", "portfolio")]
    return sum(1024 * int(line.split()[1]) for status in statuses for line in status.splitlines() if "VmRSS" in line)


def test_a_table_over_the_limit(stack: Running, token: str):
    rows = b"AAPL,1,100,2022-01-03,\n" * 10_001
    with stack.client(token) as client:
        answer = client.post(
            UPLOAD,
            params={"portfolio_name": "long", "commit": "true"},
            content=b"ticker,quantity,entry_price,entry_date,tags\n" + rows,
            headers={"content-type": "text/csv"},
        )
    assert (answer.status_code, reason(answer)) == (413, "REQUEST_TOO_LARGE")


def test_a_malformed_file_saves_nothing(stack: Running, token: str):
    name = f"bad {uuid.uuid4()}"
    with stack.client(token) as client:
        answer = client.post(
            UPLOAD,
            params={"portfolio_name": name, "commit": "true"},
            content=b"a,b\n1,2\n",
            headers={"content-type": "text/csv"},
        )
        assert (answer.status_code, reason(answer)) == (400, "MALFORMED_FILE")
        assert "a, b" in answer.json()["message"], "it must list the columns found"
        names = [p["name"] for p in client.get("/api/v1/management/portfolios").json()["portfolios"]]
    assert name not in names


def test_dates_outside_history_say_what_there_is(stack: Running, token: str):
    with stack.client(token) as client:
        portfolio_id = client.get("/api/v1/management/portfolios").json()["portfolios"][0]["portfolio_id"]
        for day in ("2022-12-29", "2099-01-01", "1950-01-01"):
            answer = client.get(f"/api/v1/data/portfolio/{portfolio_id}/complete", params={"as_of_date": day})
            assert (answer.status_code, reason(answer)) == (400, "DATE_OUT_OF_RANGE")
            assert answer.json()["details"][0]["metadata"]["newest"] == "2022-12-28"
            assert day in fields(answer)["as_of_date"]


def forged(**changes: object) -> str:
    claims = {
        "iss": "plimsoll",
        "aud": "plimsoll",
        "sub": str(uuid.uuid4()),
        "jti": "x",
        "role": "admin",
        "scope": "read write",
        "iat": int(time.time()),
        "exp": int(time.time()) + 600,
    } | changes
    return jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "mine"})


def unsigned() -> str:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"iss": "plimsoll", "aud": "plimsoll", "sub": "x", "exp": int(time.time()) + 600}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


@pytest.mark.parametrize("bad", ["garbage", "a.b.c", forged(), forged(exp=1), unsigned(), "x" * 5000])
@pytest.mark.parametrize("carrier", ["bearer", "cookie"])
def test_a_bad_token_is_refused_with_json(stack: Running, bad, carrier):
    headers = {"authorization": f"Bearer {bad}"} if carrier == "bearer" else {"cookie": f"auth_token={bad}"}
    with stack.client() as client:
        answer = client.get("/api/v1/auth/me", headers=headers)
    assert answer.status_code == 401
    assert reason(answer) in {"TOKEN_INVALID", "TOKEN_EXPIRED"}


@pytest.mark.parametrize("bad", ["garbage", forged(), forged(exp=1), unsigned()])
@pytest.mark.parametrize(
    ("part", "path"),
    [
        ("portfolio", "/plimsoll.portfolio.v1.PortfolioService/ListPortfolios"),
        ("marketdata", "/plimsoll.marketdata.v1.MarketDataService/SearchInstruments"),
        ("risk", "/plimsoll.risk.v1.ResultService/ListResults"),
    ],
)
def test_a_bad_token_opens_no_service_at_its_own_port(stack: Running, token: str, part: str, path: str, bad: str):
    with grpc.insecure_channel(stack.address(part)) as channel:
        ask = channel.unary_unary(path)
        assert ask(b"", metadata=[("authorization", f"Bearer {token}")], timeout=PATIENCE_SECONDS) is not None
        with pytest.raises(grpc.RpcError) as refused:
            ask(b"", metadata=[("authorization", f"Bearer {bad}")], timeout=PATIENCE_SECONDS)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_headers_that_only_services_may_send_change_nothing(stack: Running, token: str):
    with stack.client() as client:
        spoofed = {"x-plimsoll-service-token": token, "x-jwt-payload": "e30", "x-user-id": "root"}
        assert client.get("/api/v1/auth/me", headers=spoofed).status_code == 401
