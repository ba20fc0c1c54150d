"""Two users: every RPC that takes an id, tried with the other user's. The list is made from the contract.

The refusal must be the one that an id gets which never was. The same call then succeeds as the owner, so that it cannot
have come from a malformed request.
"""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from google.protobuf.descriptor_pool import Default

from chassis.contract import services_of
from plimsoll.options.v1 import method_pb2
from plimsoll.options.v1.method_pb2 import MethodPolicy
from tests.system.conftest import Running

SERVICES = ("portfolio", "marketdata", "risk")
CSV = b"ticker,quantity,entry_price,entry_date,tags\nAAPL,1,100,2022-01-03,\n"
Case = Callable[[httpx.Client, str], httpx.Response]
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
    ("DataService.GetCompletePortfolio", "portfolio_id"): lambda c, i: c.get(f"/api/v1/data/portfolio/{i}/complete"),
    ("AnalyticsService.GetOverview", "portfolio_id"): lambda c, i: c.get(f"/api/v1/analytics/portfolio/{i}/overview"),
}
# Ids of what belongs to nobody, or to everybody.
NOT_OWNED = {"request_id", "instrument_ids"}


def owned_ids() -> set[tuple[str, str]]:
    found = set()
    for server in SERVICES:
        for name in services_of(server):
            service: Any = Default().FindServiceByName(name)
            for method in service.methods:
                if method.GetOptions().Extensions[method_pb2.method].access != MethodPolicy.USER:
                    continue
                found |= {
                    (f"{service.name}.{method.name}", field.name)
                    for field in method.input_type.fields
                    if field.name.endswith(("_id", "_ids")) and field.name not in NOT_OWNED
                }
    return found


def test_every_rpc_that_takes_an_id_is_tried():
    assert owned_ids() == set(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: ".".join(case))
def test_another_users_id_is_as_good_as_none(stack: Running, case: tuple[str, str]):
    attempt = CASES[case]
    with (
        stack.client(stack.sign_up("owner@example.com")) as owner,
        stack.client(stack.sign_up("other@example.com")) as other,
    ):
        made = owner.post("/api/v1/management/portfolios", json={"name": f"Private {uuid.uuid4()}"})
        portfolio_id, absent = made.json()["portfolio_id"], str(uuid.uuid4())
        foreign, missing = attempt(other, portfolio_id), attempt(other, absent)
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert foreign.text.replace(portfolio_id, "") == missing.text.replace(absent, "")
        assert owner.get(f"/api/v1/management/portfolios/{portfolio_id}").json() == made.json(), "nothing was changed"
        assert attempt(owner, portfolio_id).status_code == 200
