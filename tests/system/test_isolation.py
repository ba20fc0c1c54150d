"""Two users: every RPC that takes an id, tried with the other user's. The list is made from the contract.

The same call first succeeds as the owner, on a thing that is made in the same way, so that the refusal cannot come from
a malformed request. The refusal must be the one that an id gets which never was.
"""

import json
import re
import uuid
from typing import Any

import httpx
import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor_pool import Default

from chassis.contract import services_of
from plimsoll.options.v1 import method_pb2
from plimsoll.options.v1.method_pb2 import MethodPolicy
from tests.system.conftest import Running
from tests.system.isolation_cases import ABSENT, CASES, PORTFOLIOS, RESOURCES

SERVICES = ("portfolio", "marketdata", "risk")
# Ids of what belongs to nobody, or to everybody.
NOT_OWNED = {"request_id", "instrument_ids", "sender_comp_id", "target_comp_id"}
# An id of which there is no path without another id, which is tried; and filters of what is the caller's anyway.
TRIED_WITH_ANOTHER = {
    ("CashService.DeleteCashMovement", "portfolio_id"),
    ("ChangeService.ListChanges", "subject_id"),
    ("ExportService.ListExports", "portfolio_id"),
    ("ResultService.ListResults", "portfolio_id"),
}
# What only services may ask. tests/services/portfolio tries a book with the token of another user (test_portfolios.py);
# a token is of the user that it is minted for, whoever that is (test_identity.py).
ASKED_BY_SERVICES = {("PortfolioService.GetBook", "portfolio_id"), ("TokenService.MintToken", "user_id")}
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def rpcs(access: int) -> list[tuple[str, Any]]:
    """The RPCs of one access, as the contract has them: service and descriptor."""
    services = [Default().FindServiceByName(name) for server in SERVICES for name in services_of(server)]
    return [
        (service.name, method)
        for service in services
        for method in service.methods
        if method.GetOptions().Extensions[method_pb2.method].access == access
    ]


def ids_in(message: Any, above: frozenset[str] = frozenset()) -> set[str]:
    """Names of the fields of a request that are ids, in the messages inside it too."""
    here = above | {message.full_name}
    found = {field.name for field in message.fields if field.name.endswith(("_id", "_ids"))} - NOT_OWNED
    inside = [f.message_type for f in message.fields if f.message_type and f.message_type.full_name not in here]
    return found.union(*(ids_in(inner, here) for inner in inside))


def owned_ids(access: int) -> set[tuple[str, str]]:
    return {
        (f"{service}.{method.name}", name) for service, method in rpcs(access) for name in ids_in(method.input_type)
    }


def test_every_rpc_that_takes_an_id_is_tried():
    assert owned_ids(MethodPolicy.USER) == set(CASES) | TRIED_WITH_ANOTHER
    assert owned_ids(MethodPolicy.INTERNAL) == ASKED_BY_SERVICES


def without_ids(text: str, told: str) -> str:
    return UUID.sub("", text).replace(told, "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: ".".join(case))
def test_another_users_id_is_as_good_as_none(stack: Running, case: tuple[str, str]):
    attempt, resource = CASES[case], RESOURCES[case[1]]
    with (
        stack.client(stack.signed_in("one@example.com")) as owner,
        stack.client(stack.signed_in("another@example.com")) as other,
    ):
        own = attempt(owner, resource.make(owner))
        assert own.status_code == 200, own.text
        private, absent = resource.make(owner), ABSENT.get(case[1], str(uuid.uuid4()))
        before = resource.see(owner, private)
        foreign, missing = attempt(other, private), attempt(other, absent)
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert without_ids(foreign.text, private) == without_ids(missing.text, absent)
        assert resource.see(owner, private) == before, "nothing was changed"


def test_the_log_of_another_users_thing_is_as_empty_as_that_of_none(stack: Running):
    with (
        stack.client(stack.signed_in("one@example.com")) as owner,
        stack.client(stack.signed_in("another@example.com")) as other,
    ):
        position_id = RESOURCES["position_id"].make(owner)
        portfolio_id = RESOURCES["portfolio_id"].make(other)
        position = owner.get(f"/api/v1/management/positions/{position_id}").json()

        def log(client: httpx.Client, portfolio_id: str, subject_id: str) -> Any:
            path = f"/api/v1/management/portfolios/{portfolio_id}/changes"
            return client.get(path, params={"subject_id": subject_id}).json()["changes"]

        assert len(log(owner, position["portfolio_id"], position_id)) == 1
        assert log(other, portfolio_id, position_id) == log(other, portfolio_id, str(uuid.uuid4())) == []


def test_all_portfolios_are_the_callers_alone(stack: Running):
    """`all` names no id, so nothing refuses it: every analytic takes it, and none may take in what is another's."""
    with (
        stack.client(stack.sign_up("all-owner@example.com")) as owner,
        stack.client(stack.sign_up("all-other@example.com")) as other,
    ):
        own = {RESOURCES["position_id"].make(owner) for _ in range(2)}
        foreign = RESOURCES["position_id"].make(other)
        seen = owner.get("/api/v1/data/portfolio/all/data-quality").json()
        assert seen["summary"]["position_count"] == 1, "both hold the same stock"
        assert {position["position_id"] for position in seen["positions"]} <= own
        paths = [path for name, path in analytics_paths().items() if name.startswith("Get")]
        assert len(paths) > 8
        for path in paths:
            answer = owner.get(path.replace("{portfolio_id}", "all"))
            assert answer.status_code == 200, answer.text
            assert answer.json()["portfolio_id"] == "all"
            assert foreign not in answer.text
            explained = owner.get(f"/api/v1/results/{answer.json()['metadata']['result_id']}/explain").json()
            parts = json.loads(explained["parameters_json"])["portfolio_revisions"]
            assert set(parts) == {each["portfolio_id"] for each in owner.get(PORTFOLIOS).json()["portfolios"]}


def analytics_paths() -> dict[str, str]:
    """The paths of analytics that are read by GET, by the name of the RPC."""
    return {
        method.name: rule.get
        for service, method in rpcs(MethodPolicy.USER)
        if service == "AnalyticsService"
        for rule in [method.GetOptions().Extensions[annotations_pb2.http]]
        if "{portfolio_id}" in rule.get
    }


@pytest.mark.parametrize(
    ("service", "method"), rpcs(MethodPolicy.ADMIN), ids=lambda part: part if isinstance(part, str) else part.name
)
def test_a_member_is_no_admin(stack: Running, service: str, method: Any):
    """Every RPC for admins, over REST, tried by a member with the member's own id."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    with stack.client(stack.signed_in("one@example.com")) as member:
        own = member.get("/api/v1/auth/me").json()["user_id"]
        path = re.sub(r"\{[^}]*\}", own, getattr(rule, verb))
        answer = member.request(verb.upper(), path, **({"json": {}} if rule.body else {}))
        assert answer.status_code == 403, f"{service}: {answer.text}"
        assert "PERMISSION_INSUFFICIENT" in answer.text
