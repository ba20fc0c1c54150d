"""Accounts through the whole stack: API keys, limits and their headers, admins, the end of an account."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import httpx
import pytest

from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest
from plimsoll.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from tests.databases import make_home, remove_home
from tests.services.portfolio import oidc_issuer
from tests.services.portfolio.oidc_issuer import Issuer
from tests.system import conftest
from tests.system.conftest import PASSWORD, PATIENCE_SECONDS, Running, command, environment, processes_of

PER_DAY = 8
LIMITS = {
    "PLIMSOLL_RATE_LIMITS": "on",
    "PLIMSOLL_CALLS_PER_MINUTE_REGISTERED": "20",
    "PLIMSOLL_CALLS_PER_SECOND": "15",
    "PLIMSOLL_CALLS_PER_DAY_PUBLIC": str(PER_DAY),
}


def make_key(client: httpx.Client, scope: str = "READ") -> str:
    made = client.post("/api/v1/auth/api-keys", json={"name": "a program", "scope": scope})
    assert made.status_code == 200, made.text
    return str(made.json()["key"])


def reason(answer: httpx.Response) -> str:
    return str(answer.json()["details"][0]["reason"])


def test_a_key_opens_every_service(stack: Running):
    """Portfolio knows keys itself; risk and marketdata exchange them there, and risk goes on to both with the token."""
    with stack.client(stack.sign_up("keys@example.com")) as person, stack.client() as program:
        portfolios = person.get("/api/v1/management/portfolios").json()["portfolios"]
        program.headers["X-API-Key"] = make_key(person)
        portfolio_id = portfolios[0]["portfolio_id"]
        for path in (
            f"/api/v1/management/portfolios/{portfolio_id}",
            f"/api/v1/analytics/portfolio/{portfolio_id}/overview",
            "/api/v1/marketdata/instruments/AAPL",
        ):
            answer = program.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text}"
        written = program.post("/api/v1/management/portfolios", json={"name": "x"})
        assert (written.status_code, reason(written)) == (403, "PERMISSION_INSUFFICIENT")


def test_a_bad_key_is_refused_everywhere(stack: Running):
    with stack.client() as program:
        for key in ("nonsense", "plim_" + "A" * 43, ""):
            for path in ("/api/v1/auth/me", "/api/v1/marketdata/instruments/AAPL"):
                answer = program.get(path, headers={"X-API-Key": key})
                assert (answer.status_code, reason(answer)) == (401, "TOKEN_INVALID" if key else "TOKEN_MISSING")


def test_an_account_ends_and_its_key_with_it(stack: Running):
    token = stack.sign_up("leaver@example.com")
    with stack.client(token) as leaver, stack.client() as program:
        program.headers["X-API-Key"] = make_key(leaver)
        exported = leaver.get("/api/v1/auth/me/export")
        assert exported.headers["content-disposition"] == 'attachment; filename="plimsoll-account.json"'
        assert json.loads(exported.text)["users"][0]["email"] == "leaver@example.com"
        assert leaver.delete("/api/v1/auth/me").status_code == 200
        assert leaver.get("/api/v1/auth/me").status_code == 401
        assert leaver.delete("/api/v1/auth/me").status_code == 200
        assert program.get("/api/v1/auth/me").status_code == 401
        session = leaver.post("/api/v1/auth/login", json={"email": "leaver@example.com", "password": PASSWORD})
        assert session.status_code == 401


def test_the_profile_has_the_path_of_older_clients_too(stack: Running):
    with stack.client(stack.sign_up("profile@example.com")) as client:
        limits = {"max_volatility": 0.35}
        changed = client.patch("/api/user/profile", json={"risk_tolerance": "moderate", "default_risk_limits": limits})
        assert changed.status_code == 200, changed.text
        found = client.get("/api/v1/user/profile").json()
        assert (found["risk_tolerance"], found["default_risk_limits"]) == ("MODERATE", limits)
        wrong = client.patch("/api/v1/user/profile", json={"default_risk_limits": {"max_volatilty": 0.3}})
        assert wrong.status_code == 400
        assert "max_volatilty" in wrong.text


def test_an_admin_sees_users_and_the_log(stack: Running):
    stack.sign_up("someone@example.com")
    made = subprocess.run(
        [conftest.PLIMSOLL, "admin", "create", "root@example.com"],
        env={**environment(stack.home), "PLIMSOLL_ADMIN_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    with stack.client() as client:
        session = client.post("/api/v1/auth/login", json={"email": "root@example.com", "password": PASSWORD})
        client.headers["authorization"] = f"Bearer {session.json()['access_token']}"
        users = client.get("/api/v1/admin/users", params={"page_size": 500}).json()["users"]
        someone = next(user for user in users if user["email"] == "someone@example.com")
        changed = client.post(f"/api/v1/admin/users/{someone['user_id']}:setTier", json={"tier": "PAID"})
        assert changed.json()["tier"] == "PAID"
        log = client.get("/api/v1/admin/audit-log", params={"user_id": someone["user_id"]}).json()["events"]
        assert [line["action"] for line in log] == ["tier_set", "session_opened", "account_created"]
        assert log[-1]["details"]["client_address"] == "127.0.0.1"
    verified = command(stack.home, "admin", "verify-audit-log")
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.splitlines()[-1] == "the audit log is sound"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """Another identity provider, on this machine."""
    with oidc_issuer.serving() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def limited(issuer: Issuer) -> Iterator[Running]:
    """A stack whose limits are on, and which takes the word of another identity provider."""
    folder: Path = make_home()
    provider = {"PLIMSOLL_OIDC_ISSUER": issuer.url, "PLIMSOLL_OIDC_CLIENT_ID": oidc_issuer.CLIENT_ID}
    running = conftest.start(folder, settings=LIMITS | provider)
    try:
        yield running
    finally:
        conftest.stop(running)
        left = processes_of(folder)
        remove_home(folder)
    assert not left, left


def test_another_provider_opens_a_session(limited: Running, issuer: Issuer):
    """Over both paths; the token opens the account of the verified address, and a token for somebody else does not."""
    nonce = oidc_issuer.NONCE
    with limited.client() as client:
        opened = [
            client.post(path, json={"id_token": issuer.token(), "nonce": nonce})
            for path in ("/api/v1/auth/google", "/api/v1/auth/oidc")
        ]
        assert [answer.status_code for answer in opened] == [200, 200], opened[0].text
        tokens = [answer.json()["access_token"] for answer in opened]
        found = [client.get("/api/v1/auth/me", headers={"authorization": f"Bearer {token}"}).json() for token in tokens]
        assert found[0]["email"] == "ann@example.com"
        assert found[0] == found[1]
        assert "HttpOnly" in opened[0].headers["set-cookie"]
        used = json.loads(opened[0].request.content)
        for wrong in (
            used,
            {"id_token": issuer.token(aud="another client"), "nonce": nonce},
            {"id_token": issuer.token(iss="http://127.0.0.1:1"), "nonce": nonce},
            {"id_token": issuer.token(), "nonce": "the nonce of another"},
        ):
            refused = client.post("/api/v1/auth/google", json=wrong)
            assert (refused.status_code, reason(refused)) == (401, "TOKEN_INVALID"), refused.text


def test_limits_are_told_and_kept_over_rest(limited: Running):
    with limited.client(limited.sign_up("busy@example.com")) as client:
        answers = [client.get("/api/v1/auth/me") for _ in range(60)]
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 429}
    for answer in answers:
        assert answer.headers["x-ratelimit-limit"] == "20"
        assert 0 <= int(answer.headers["x-ratelimit-remaining"]) < 20
        assert 1 <= int(answer.headers["x-ratelimit-reset"]) <= 60
        assert ("retry-after" in answer.headers) == (answer.status_code == 429)
    refusal = next(answer for answer in answers if answer.status_code == 429)
    assert reason(refusal) == "RATE_LIMITED"
    assert refusal.json()["details"][0]["metadata"]["retry_after_seconds"] == refusal.headers["retry-after"]


def test_one_users_flood_leaves_the_others_alone(limited: Running):
    with (
        limited.client(limited.sign_up("flood@example.com")) as flooding,
        limited.client(limited.sign_up("calm@example.com")) as calm,
    ):
        # However the minutes turn meanwhile, so many are refused at some time.
        assert any(flooding.get("/api/v1/auth/me").status_code == 429 for _ in range(100))
        assert calm.get("/api/v1/auth/me").status_code == 200
        assert calm.get("/.well-known/jwks.json").status_code == 200


def test_a_day_is_one_for_rest_and_grpc_and_for_every_service(limited: Running):
    """An account of tier public, whose minute allows more than its day here."""
    limited.sign_up("daily@example.com")
    put = command(limited.home, "admin", "set-tier", "daily@example.com", "public")
    assert put.returncode == 0, put.stdout + put.stderr
    token = limited.sign_up("daily@example.com")
    with limited.client(token) as client, grpc.insecure_channel(limited.address("gateway")) as channel:
        bearer = [("authorization", f"Bearer {token}")]
        ways = (
            lambda: client.get("/api/v1/auth/me").status_code == 200,
            lambda: client.get("/api/v1/marketdata/instruments").status_code == 200,
            lambda: grpc_code(channel, bearer)[0] == grpc.StatusCode.OK,
        )
        answered = [ways[number % 3]() for number in range(PER_DAY + 3)]
        assert answered == [True] * PER_DAY + [False] * 3
        for path in ("/api/v1/auth/me", "/api/v1/marketdata/instruments"):
            answer = client.get(path)
            assert (answer.status_code, reason(answer)) == (429, "RATE_LIMITED")
            assert answer.json()["details"][0]["metadata"]["period"] == "day"
            assert_day_is_over(answer.headers)
        code, headers = grpc_code(channel, bearer)
        assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert_day_is_over(headers)


def grpc_code(channel: grpc.Channel, metadata: list[tuple[str, str]]) -> tuple[grpc.StatusCode, dict[str, str]]:
    made = IdentityServiceStub(channel).GetMe.future(GetMeRequest(), metadata=metadata, timeout=PATIENCE_SECONDS)
    return made.code(), dict(made.initial_metadata())


def assert_day_is_over(headers: Mapping[str, str]) -> None:
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == (str(PER_DAY), "0")
    assert 1 <= int(headers["x-ratelimit-reset"]) == int(headers["retry-after"]) <= 86_400


def test_a_client_cannot_choose_the_address_it_is_counted_by(limited: Running):
    wrong = {"email": "nobody@example.com", "password": "a wrong password"}
    with limited.client() as thief:
        statuses = [
            thief.post(
                "/api/v1/auth/login",
                json=wrong,
                headers={"x-envoy-external-address": f"10.0.0.{n}", "x-forwarded-for": f"10.0.1.{n}"},
            ).status_code
            for n in range(40)
        ]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 20, "two minutes of what one client may try at an account"
