"""Who passes the edge: good tokens, and none; by header, and for reading over REST by cookie."""

import base64
import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.gateway.answers import error_of
from tests.gateway.backends import Seen, Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

ME = "/api/v1/auth/me"
PORTFOLIOS = "/api/v1/management/portfolios"


def unsigned(tokens: Tokens) -> str:
    def part(claims: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()

    payload = tokens.mint().split(".")[1]
    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': 'k1'})}.{payload}."


def keyed_with_the_public_key(tokens: Tokens) -> str:
    """An HS256 token whose secret is what everybody knows: the confusion of algorithms."""
    key = json.loads(tokens.jwks.data)["keys"][0]["x"]
    return tokens.mint(key=base64.urlsafe_b64decode(key + "="), algorithm="HS256")


def tampered(tokens: Tokens) -> str:
    head, payload, signature = tokens.mint().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))) | {"role": "admin"}
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{signature}"


FORGED = {
    "garbage": lambda tokens: "garbage",
    "unsigned": unsigned,
    "public key as secret": keyed_with_the_public_key,
    "tampered": tampered,
    "foreign key": lambda tokens: tokens.mint(key=Ed25519PrivateKey.generate()),
    "unknown kid": lambda tokens: tokens.mint(kid="../../etc/passwd"),
    "other issuer": lambda tokens: tokens.mint(iss="elsewhere"),
    "no issuer": lambda tokens: tokens.mint(iss=None),
    "other audience": lambda tokens: tokens.mint(aud="elsewhere"),
    "no audience": lambda tokens: tokens.mint(aud=None),
    "never ends": lambda tokens: tokens.mint(exp=None),
    "not yet": lambda tokens: tokens.mint(nbf=4102444800),
}


async def test_a_good_token_passes_untouched(rest: httpx.AsyncClient, tokens: Tokens, seen: Seen) -> None:
    token = tokens.mint()
    answer = await rest.get(ME, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert seen.newest["authorization"] == f"Bearer {token}"


async def test_none_is_for_the_service_to_judge(rest: httpx.AsyncClient, seen: Seen) -> None:
    assert (await rest.get(ME)).status_code == 200, "the small server asks for none"
    assert "authorization" not in seen.newest


@pytest.mark.parametrize("forge", [pytest.param(forge, id=name) for name, forge in FORGED.items()])
async def test_a_token_that_is_not_ours_is_refused(
    rest: httpx.AsyncClient, tokens: Tokens, seen: Seen, forge: Any
) -> None:
    for headers in ({"authorization": f"Bearer {forge(tokens)}"}, {"cookie": f"auth_token={forge(tokens)}"}):
        answer = await rest.get(ME, headers=headers)
        assert answer.status_code == 401
        assert error_of(answer) == (16, "TOKEN_INVALID", {})
    assert not seen.requests


async def test_an_expired_token_is_told_apart(rest: httpx.AsyncClient, tokens: Tokens, seen: Seen) -> None:
    answer = await rest.get(ME, headers={"authorization": f"Bearer {tokens.mint(exp=1_600_000_000)}"})
    assert answer.status_code == 401
    assert error_of(answer) == (16, "TOKEN_EXPIRED", {})
    assert not seen.requests


async def test_a_token_of_a_megabyte_is_a_header_too_large(rest: httpx.AsyncClient, seen: Seen) -> None:
    answer = await rest.get(ME, headers={"authorization": "Bearer " + "x" * (1 << 20)})
    assert answer.status_code == 431
    assert not seen.requests


async def test_a_stale_token_does_not_keep_its_owner_from_logging_in(
    rest: httpx.AsyncClient, tokens: Tokens, seen: Seen
) -> None:
    stale = {"authorization": f"Bearer {tokens.mint(exp=1)}"}
    answer = await rest.post("/api/v1/auth/login", json={"email": "a", "password": "b"}, headers=stale)
    assert answer.status_code == 200


async def test_the_cookie_authorises_reading(rest: httpx.AsyncClient, tokens: Tokens, seen: Seen) -> None:
    token = tokens.mint()
    answer = await rest.get(PORTFOLIOS, headers={"cookie": f"theme=dark; auth_token={token}; x=y"})
    assert answer.status_code == 200
    assert seen.newest["authorization"] == f"Bearer {token}"
    assert "cookie" not in seen.newest


async def test_the_cookie_authorises_no_write(rest: httpx.AsyncClient, tokens: Tokens, seen: Seen) -> None:
    cookie = {"cookie": f"auth_token={tokens.mint()}", "origin": "https://elsewhere.example"}
    calls = [("POST", PORTFOLIOS), ("PATCH", f"{PORTFOLIOS}/x"), ("POST", "/api/v1/portfolio/upload")]
    for verb, path in calls:
        await rest.request(verb, path, json={"name": "Mine"}, headers=cookie)
        assert "authorization" not in seen.newest, f"{verb} {path}"
        assert "cookie" not in seen.newest
    assert len(seen.requests) == len(calls)


async def test_a_header_wins_over_the_cookie(rest: httpx.AsyncClient, tokens: Tokens, seen: Seen) -> None:
    token = tokens.mint()
    await rest.get(ME, headers={"authorization": f"Bearer {token}", "cookie": f"auth_token={tokens.mint()}"})
    assert seen.newest["authorization"] == f"Bearer {token}"


@pytest.mark.parametrize("pair", ["auth_token=", "xauth_token={}", "auth_token_old={}", "other=auth_token={}"])
async def test_another_cookie_is_no_token(rest: httpx.AsyncClient, tokens: Tokens, seen: Seen, pair: str) -> None:
    assert (await rest.get(ME, headers={"cookie": pair.format(tokens.mint())})).status_code == 200
    assert "authorization" not in seen.newest


async def test_a_rest_call_that_says_it_is_grpc_gets_nothing_from_a_cookie(
    rest: httpx.AsyncClient, tokens: Tokens, seen: Seen
) -> None:
    posing = {"cookie": f"auth_token={tokens.mint()}", "content-type": "application/grpc"}
    for verb in ("GET", "POST"):
        await rest.request(verb, "/plimsoll.portfolio.v1.PortfolioService/ListPortfolios", headers=posing)
    assert all("authorization" not in each for each in seen.metadata)
    refused = await rest.get("/plimsoll.portfolio.v1.PortfolioService/ListPortfolios", headers=posing)
    assert refused.headers["grpc-status"] == "12", "gRPC is POST"


async def test_what_the_edge_says_to_services_no_client_can_say(
    rest: httpx.AsyncClient, tokens: Tokens, seen: Seen
) -> None:
    spoofed = {
        "x-plimsoll-service-token": "forged",
        "x-plimsoll-user-id": "forged",
        "x-envoy-external-address": "203.0.113.9",
        "x-forwarded-for": "203.0.113.9",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-original-path": "forged",
        "grpc-encoding": "gzip",
        "grpc-accept-encoding": "gzip",
        "trace-bin": "not base64 !",
    }
    answer = await rest.get(ME, headers={"authorization": f"Bearer {tokens.mint()}", **spoofed})
    assert answer.status_code == 200
    assert seen.newest["x-envoy-external-address"] == "127.0.0.1"
    assert seen.newest["x-envoy-original-path"] == ME
    for name in set(spoofed) - {"x-envoy-external-address", "x-envoy-original-path", "x-forwarded-for"}:
        assert name not in seen.newest, name


async def test_keys_are_public(rest: httpx.AsyncClient, tokens: Tokens) -> None:
    (key,) = (await rest.get("/.well-known/jwks.json")).json()["keys"]
    assert key == json.loads(tokens.jwks.data)["keys"][0]
    raw = tokens.public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert base64.urlsafe_b64decode(key["x"] + "=") == raw
    assert "d" not in key
