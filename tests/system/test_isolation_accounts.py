"""Accounts apart from each other: what admins, keys, page tokens and internal calls do not open. From the contract."""

import subprocess
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import httpx
import pytest

from plimsoll.options.v1.method_pb2 import MethodPolicy
from tests.system.conftest import PASSWORD, PATIENCE_SECONDS, PLIMSOLL, Running, environment
from tests.system.isolation_cases import make_api_key, make_portfolio
from tests.system.test_isolation import rpcs

Attempt = Callable[[httpx.Client, str], httpx.Response]
ADMIN_CASES: dict[tuple[str, str], Attempt] = {
    ("AdminService.SetTier", "user_id"): lambda c, i: c.post(
        f"/api/v1/admin/users/{i}:setTier", json={"tier": "REGISTERED"}
    ),
    ("AdminService.DisableUser", "user_id"): lambda c, i: c.post(f"/api/v1/admin/users/{i}:disable", json={}),
    ("AdminService.EnableUser", "user_id"): lambda c, i: c.post(f"/api/v1/admin/users/{i}:enable", json={}),
    ("AdminService.ListAuditLog", "user_id"): lambda c, i: c.get("/api/v1/admin/audit-log", params={"user_id": i}),
}
READS = {"AdminService.ListAuditLog"}
"""An id that nobody has is an empty list there, as the id of a deleted user whom nothing is told of."""


@pytest.fixture(scope="module")
def admin(stack: Running) -> Iterator[httpx.Client]:
    """An admin who is signed in."""
    made = subprocess.run(
        [PLIMSOLL, "admin", "create", "governor@example.com"],
        env={**environment(stack.home), "PLIMSOLL_ADMIN_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    with stack.client() as client:
        credentials = {"email": "governor@example.com", "password": PASSWORD}
        session = client.post("/api/v1/auth/login", json=credentials)
        client.headers["authorization"] = f"Bearer {session.json()['access_token']}"
        yield client


@pytest.fixture
def owner(stack: Running) -> Iterator[httpx.Client]:
    with stack.client(stack.sign_up("owner@example.com")) as client:
        yield client


@pytest.fixture
def other(stack: Running) -> Iterator[httpx.Client]:
    with stack.client(stack.sign_up("other@example.com")) as client:
        yield client


def id_of(client: httpx.Client) -> str:
    return str(client.get("/api/v1/auth/me").json()["user_id"])


def key_of(client: httpx.Client, scope: str = "WRITE") -> str:
    return str(client.post("/api/v1/auth/api-keys", json={"name": "isolation", "scope": scope}).json()["key"])


def test_every_id_that_admins_send_is_tried():
    ids = {
        (f"{service}.{method.name}", field.name)
        for service, method in rpcs(MethodPolicy.ADMIN)
        for field in method.input_type.fields
        if service == "AdminService" and field.name.endswith(("_id", "_ids")) and field.name != "request_id"
    }
    assert ids == set(ADMIN_CASES)


@pytest.mark.parametrize("case", ADMIN_CASES, ids=lambda case: ".".join(case))
def test_an_id_of_a_user_is_for_admins_alone(
    stack: Running, admin: httpx.Client, owner: httpx.Client, other: httpx.Client, case: tuple[str, str]
):
    """The admin succeeds; a member learns nothing, not even whether there is such a user; nor does an admin's key."""
    attempt, target, absent = ADMIN_CASES[case], id_of(owner), str(uuid.uuid4())
    try:
        assert attempt(admin, target).status_code == 200
    finally:
        assert admin.post(f"/api/v1/admin/users/{target}:enable", json={}).status_code == 200
    foreign, missing = attempt(other, target), attempt(other, absent)
    assert (foreign.status_code, missing.status_code) == (403, 403)
    assert foreign.text == missing.text
    with stack.client() as program:
        assert attempt(program, target).status_code == 401
        program.headers["x-api-key"] = key_of(admin)
        assert attempt(program, target).status_code == 403
    assert attempt(admin, absent).status_code == (200 if case[0] in READS else 404)
    assert owner.get("/api/v1/auth/me").json()["tier"] == "REGISTERED"


def test_an_admin_owns_nothing_of_others(admin: httpx.Client, owner: httpx.Client):
    private, key = make_portfolio(owner), make_api_key(owner)
    for path in ("/api/v1/management/portfolios", "/api/v1/auth/api-keys"):
        taken, kept = (private, key) if path.endswith("portfolios") else (key, private)
        absent = str(uuid.uuid4())
        foreign, missing = admin.delete(f"{path}/{taken}"), admin.delete(f"{path}/{absent}")
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert foreign.text.replace(taken, "") == missing.text.replace(absent, "")
        assert kept not in admin.get(path).text
        assert taken not in admin.get(path).text
    assert owner.get(f"/api/v1/management/portfolios/{private}").status_code == 200
    assert owner.delete(f"/api/v1/auth/api-keys/{key}").status_code == 200


def test_a_key_opens_its_owners_things_alone(stack: Running, owner: httpx.Client, other: httpx.Client):
    private = make_portfolio(owner)
    path = f"/api/v1/management/portfolios/{private}"
    with stack.client() as mine, stack.client() as foreign:
        mine.headers["x-api-key"], foreign.headers["x-api-key"] = key_of(owner), key_of(other)
        assert mine.get(path).status_code == 200
        assert foreign.get(path).status_code == 404
        assert foreign.patch(path, json={"benchmark": "SPX"}).status_code == 404
        assert foreign.delete(path).status_code == 404
        assert private not in foreign.get("/api/v1/management/portfolios").text
        assert mine.patch(path, json={"benchmark": "SPX"}).json()["benchmark"] == "SPX"


def test_a_page_token_leads_to_the_own_pages_alone(owner: httpx.Client, other: httpx.Client):
    for client in (owner, other):
        make_api_key(client)
        key_of(client)
    path = "/api/v1/auth/api-keys"
    token = owner.get(path, params={"page_size": 1}).json()["next_page_token"]
    mine = {key["api_key_id"] for key in owner.get(path).json()["api_keys"]}
    found = [
        key["api_key_id"] for key in other.get(path, params={"page_size": 1, "page_token": token}).json()["api_keys"]
    ]
    assert not mine & set(found)
    assert {key["api_key_id"] for key in owner.get(path, params={"page_token": token}).json()["api_keys"]} < mine


def test_internal_calls_are_for_services_alone(stack: Running, admin: httpx.Client):
    """Each of them, with the token of an admin, at the gateway and past it. An empty request reads as any other."""
    metadata = [("authorization", admin.headers["authorization"])]
    internal = [method.containing_service.full_name + "/" + method.name for _, method in rpcs(MethodPolicy.INTERNAL)]
    assert internal
    for path in internal:
        package = path.split(".")[1]
        server = "portfolio" if package == "identity" else package
        assert code_of(stack.address("gateway"), path, metadata) == grpc.StatusCode.UNIMPLEMENTED, path
        assert code_of(stack.address(server), path, metadata) == grpc.StatusCode.PERMISSION_DENIED, path


def code_of(address: str, path: str, metadata: Any) -> grpc.StatusCode:
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary(f"/{path}", request_serializer=None, response_deserializer=None)
        return ask.future(b"", metadata=metadata, timeout=PATIENCE_SECONDS).code()
