"""The lines that the gateway writes about requests."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.gateway.backends import Tokens
from tests.gateway.running import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def line_of(gateway: Gateway, request_id: str) -> dict[str, Any]:
    """Wait for the line of a request: Envoy writes once a second."""
    async with asyncio.timeout(60):
        while True:
            lines = [json.loads(line) for line in gateway.log.read_text().splitlines() if line.startswith("{")]
            if found := [line for line in lines if line.get("request_id") == request_id]:
                return dict(found[0])
            await asyncio.sleep(0.05)


async def test_a_request_is_one_line_without_secrets(rest: httpx.AsyncClient, gateway: Gateway, tokens: Tokens) -> None:
    token = tokens.mint()
    headers = {"authorization": f"Bearer {token}", "cookie": "auth_token=hidden", "x-request-id": "logged"}
    await rest.get("/api/v1/management/portfolios?page_token=hidden-too", headers=headers)
    line = await line_of(gateway, "logged")
    assert line["message"] == "GET /api/v1/management/portfolios 200"
    assert (line["service"], line["level"], line["grpc_code"], line["upstream"]) == (
        "gateway",
        "info",
        "OK",
        "portfolio",
    )
    assert (line["client"], line["response_bytes"] > 0) == ("127.0.0.1", True)
    written = gateway.log.read_text()
    assert not [secret for secret in (token, "hidden", "hidden-too") if secret in written]


async def test_a_refusal_says_why(rest: httpx.AsyncClient, gateway: Gateway) -> None:
    await rest.get("/api/v1/auth/me", headers={"authorization": "Bearer forged", "x-request-id": "refused"})
    line = await line_of(gateway, "refused")
    assert line["message"] == "GET /api/v1/auth/me 401"
    assert line["details"].startswith("jwt_authn_access_denied")


async def test_what_only_the_installation_asks_is_not_logged(rest: httpx.AsyncClient, gateway: Gateway) -> None:
    await rest.get("/healthz")
    await rest.get("/api/v1/auth/me", headers={"x-request-id": "afterwards"})
    await line_of(gateway, "afterwards")
    messages = [json.loads(line)["message"] for line in gateway.log.read_text().splitlines() if line.startswith("{")]
    assert not [message for message in messages if "/healthz" in message or "jwks.json 200" in message]
