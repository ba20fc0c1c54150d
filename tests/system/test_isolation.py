"""Two users: every RPC that takes an id, tried with the other user's. The list is made from the contract.

The refusal must be the one that an id gets which never was. The same call then succeeds as the owner, so that it cannot
have come from a malformed request.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor_pool import Default

from chassis.contract import services_of
from plimsoll.options.v1 import method_pb2
from plimsoll.options.v1.method_pb2 import MethodPolicy
from tests.system.conftest import Running

SERVICES = ("portfolio", "marketdata", "risk")
CSV = b"ticker,quantity,entry_price,entry_date,tags\nAAPL,1,100,2022-01-03,\n"
Case = Callable[[httpx.Client, str], httpx.Response]


@dataclass(frozen=True)
class Resource:
    """What an id is of: how its owner makes one and gets its id, and what the owner sees of it."""

    make: Callable[[httpx.Client], str]
    see: Callable[[httpx.Client, str], Any]


def make_portfolio(client: httpx.Client) -> str:
    made = client.post("/api/v1/management/portfolios", json={"name": f"Private {uuid.uuid4()}"})
    return str(made.json()["portfolio_id"])


def make_api_key(client: httpx.Client) -> str:
    for key in client.get("/api/v1/auth/api-keys").json()["api_keys"]:  # there may be fifty at a time
        client.delete(f"/api/v1/auth/api-keys/{key['api_key_id']}")
    made = client.post("/api/v1/auth/api-keys", json={"name": "private", "scope": "READ"})
    return str(made.json()["api_key"]["api_key_id"])


RESOURCES = {
    "portfolio_id": Resource(make_portfolio, lambda c, i: c.get(f"/api/v1/management/portfolios/{i}").json()),
    "api_key_id": Resource(make_api_key, lambda c, i: c.get("/api/v1/auth/api-keys").json()),
}
CASES: dict[tuple[str, str], Case] = {
    ("PortfolioService.GetPortfolio", "portfolio_id"): lambda c, i: c.get(f"/api/v1/management/portfolios/{i}"),
    ("PortfolioService.UpdatePortfolio", "portfolio_id"): lambda c, i: c.patch(
        f"/api/v1/management/portfolios/{i}", json={"benchmark": "SPX"}
    ),
    ("PortfolioService.DeletePortfolio", "portfolio_id"): lambda c, i: c.delete(f"/api/v1/management/portfolios/{i}"),
    ("PortfolioService.UploadPortfolio", "portfolio_id"): lambda c, i: c.post(
        "/api/v1/management/portfolios/upload",
        params={"portfolio_id": i, "commit": "true"},
        content=CSV,
        headers={"content-type": "text/csv"},
    ),
    ("ApiKeyService.DeleteApiKey", "api_key_id"): lambda c, i: c.delete(f"/api/v1/auth/api-keys/{i}"),
    ("DataService.GetCompletePortfolio", "portfolio_id"): lambda c, i: c.get(f"/api/v1/data/portfolio/{i}/complete"),
    ("AnalyticsService.GetOverview", "portfolio_id"): lambda c, i: c.get(f"/api/v1/analytics/portfolio/{i}/overview"),
}
# Ids of what belongs to nobody, or to everybody.
NOT_OWNED = {"request_id", "instrument_ids"}


def rpcs(access: int) -> list[tuple[str, Any]]:
    """The RPCs of one access, as the contract has them: service and descriptor."""
    services = [Default().FindServiceByName(name) for server in SERVICES for name in services_of(server)]
    return [
        (service.name, method)
        for service in services
        for method in service.methods
        if method.GetOptions().Extensions[method_pb2.method].access == access
    ]


def owned_ids() -> set[tuple[str, str]]:
    return {
        (f"{service}.{method.name}", field.name)
        for service, method in rpcs(MethodPolicy.USER)
        for field in method.input_type.fields
        if field.name.endswith(("_id", "_ids")) and field.name not in NOT_OWNED
    }


def test_every_rpc_that_takes_an_id_is_tried():
    assert owned_ids() == set(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: ".".join(case))
def test_another_users_id_is_as_good_as_none(stack: Running, case: tuple[str, str]):
    attempt, resource = CASES[case], RESOURCES[case[1]]
    with (
        stack.client(stack.sign_up("owner@example.com")) as owner,
        stack.client(stack.sign_up("other@example.com")) as other,
    ):
        private, absent = resource.make(owner), str(uuid.uuid4())
        before = resource.see(owner, private)
        foreign, missing = attempt(other, private), attempt(other, absent)
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert foreign.text.replace(private, "") == missing.text.replace(absent, "")
        assert resource.see(owner, private) == before, "nothing was changed"
        assert attempt(owner, private).status_code == 200


@pytest.mark.parametrize(
    ("service", "method"), rpcs(MethodPolicy.ADMIN), ids=lambda part: part if isinstance(part, str) else part.name
)
def test_a_member_is_no_admin(stack: Running, service: str, method: Any):
    """Every RPC for admins, over REST, tried by a member with the member's own id."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    with stack.client(stack.sign_up("owner@example.com")) as member:
        own = member.get("/api/v1/auth/me").json()["user_id"]
        path = re.sub(r"\{[^}]*\}", own, getattr(rule, verb))
        answer = member.request(verb.upper(), path, **({"json": {}} if rule.body else {}))
        assert answer.status_code == 403, f"{service}: {answer.text}"
        assert "PERMISSION_INSUFFICIENT" in answer.text
