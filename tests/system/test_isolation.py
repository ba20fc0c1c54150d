"""Two users: every RPC that takes an id, tried with the other user's. The list is made from the contract.

The refusal must be the one that an id gets which never was. The same call then succeeds as the owner, so that it cannot
have come from a malformed request.
"""

import re
import uuid
from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor_pool import Default

from chassis.contract import services_of
from plimsoll.options.v1 import method_pb2
from plimsoll.options.v1.method_pb2 import MethodPolicy
from tests.system.conftest import Running
from tests.system.isolation_cases import ABSENT, CASES, RESOURCES

SERVICES = ("portfolio", "marketdata", "risk")
# Ids of what belongs to nobody, or to everybody.
NOT_OWNED = {"request_id", "instrument_ids"}
# Ids of which there is no path without another id, which is tried; and filters of what is the caller's anyway.
TRIED_WITH_ANOTHER = {
    ("CashService.DeleteCashMovement", "portfolio_id"),
    ("ChangeService.ListChanges", "subject_id"),
    ("ResultService.ListResults", "portfolio_id"),
}
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


def owned_ids() -> set[tuple[str, str]]:
    return {
        (f"{service}.{method.name}", field.name)
        for service, method in rpcs(MethodPolicy.USER)
        for field in method.input_type.fields
        if field.name.endswith(("_id", "_ids")) and field.name not in NOT_OWNED
    }


def test_every_rpc_that_takes_an_id_is_tried():
    assert owned_ids() == set(CASES) | TRIED_WITH_ANOTHER


def without_ids(text: str, told: str) -> str:
    return UUID.sub("", text).replace(told, "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: ".".join(case))
def test_another_users_id_is_as_good_as_none(stack: Running, case: tuple[str, str]):
    attempt, resource = CASES[case], RESOURCES[case[1]]
    with (
        stack.client(stack.sign_up("owner@example.com")) as owner,
        stack.client(stack.sign_up("other@example.com")) as other,
    ):
        private, absent = resource.make(owner), ABSENT.get(case[1], str(uuid.uuid4()))
        before = resource.see(owner, private)
        foreign, missing = attempt(other, private), attempt(other, absent)
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert without_ids(foreign.text, private) == without_ids(missing.text, absent)
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
