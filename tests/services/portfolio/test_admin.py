"""What admins see and do, through the service as it is wired."""

import grpc
import jwt
import pytest

from chassis.pagination import encode_page
from plimsoll.identity.v1.admin_service_pb2 import (
    DisableUserRequest,
    EnableUserRequest,
    ListAuditLogRequest,
    ListUsersRequest,
    SetTierRequest,
)
from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest, LoginRequest, RefreshRequest
from plimsoll.identity.v1.user_pb2 import User
from tests.services.portfolio.conftest import PASSWORD, refused, signed_in

Code = grpc.StatusCode
ABSENT = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"


async def me(client):
    return await client.identity.GetMe(GetMeRequest())


async def login(client, email="alice@example.com"):
    return await client.identity.Login(LoginRequest(email=email, password=PASSWORD))


async def test_all_accounts_by_address_in_pages(root, nobody):
    for name in ("carol", "alice", "bob"):
        await signed_in(nobody, f"{name}@example.com")
    found, token, pages = [], "", 0
    while pages == 0 or token:
        page = await root.admin.ListUsers(ListUsersRequest(page_size=2, page_token=token))
        found += list(page.users)
        token, pages = page.next_page_token, pages + 1
    assert [user.email.partition("@")[0] for user in found] == ["alice", "bob", "carol", "root"]
    assert pages == 2
    assert [(user.role, user.tier) for user in found] == [(User.MEMBER, User.REGISTERED)] * 3 + [
        (User.ADMIN, User.REGISTERED)
    ]


async def test_a_tier_is_set_and_counts_with_the_next_token(root, alice, nobody):
    session = await login(nobody)
    user_id = (await me(alice)).user_id
    changed = await root.admin.SetTier(SetTierRequest(user_id=user_id, tier=User.PAID))
    assert (changed.user_id, changed.tier) == (user_id, User.PAID)
    assert (await me(alice)).tier == User.PAID
    renewed = await nobody.identity.Refresh(RefreshRequest(refresh_token=session.refresh_token))
    tiers = [
        jwt.decode(token, options={"verify_signature": False})["tier"]
        for token in (session.access_token, renewed.access_token)
    ]
    assert tiers == ["registered", "paid"]


async def test_a_closed_account_opens_nothing_until_it_is_opened(root, alice, nobody):
    session, user_id = await login(nobody), (await me(alice)).user_id
    closed = await root.admin.DisableUser(DisableUserRequest(user_id=user_id))
    assert closed.HasField("disabled_time")
    assert (await refused(login(nobody))).reason == "CREDENTIALS_INVALID"
    renewal = nobody.identity.Refresh(RefreshRequest(refresh_token=session.refresh_token))
    assert (await refused(renewal)).reason == "TOKEN_INVALID"
    assert (await refused(me(alice))).reason == "TOKEN_INVALID"
    assert await root.admin.DisableUser(DisableUserRequest(user_id=user_id)) == closed, "since the first time"
    opened = await root.admin.EnableUser(EnableUserRequest(user_id=user_id))
    assert not opened.HasField("disabled_time")
    await login(nobody)


async def test_an_admin_does_not_close_the_own_account(root):
    user_id = (await me(root)).user_id
    error = await refused(root.admin.DisableUser(DisableUserRequest(user_id=user_id)))
    assert (error.code, list(error.fields)) == (Code.INVALID_ARGUMENT, ["user_id"])
    assert user_id in error.message


async def test_an_unknown_account_is_not_found(root):
    for call in (
        root.admin.SetTier(SetTierRequest(user_id=ABSENT, tier=User.PAID)),
        root.admin.DisableUser(DisableUserRequest(user_id=ABSENT)),
        root.admin.EnableUser(EnableUserRequest(user_id=ABSENT)),
    ):
        error = await refused(call)
        assert (error.code, error.info.metadata["id"]) == (Code.NOT_FOUND, ABSENT)


async def test_a_repeated_change_is_one(root, alice):
    user_id = (await me(alice)).user_id
    request = SetTierRequest(user_id=user_id, tier=User.PAID, request_id="once")
    first = await root.admin.SetTier(request)
    await root.admin.SetTier(SetTierRequest(user_id=user_id, tier=User.PUBLIC))
    assert await root.admin.SetTier(request) == first
    assert (await me(alice)).tier == User.PUBLIC


async def test_members_administer_nothing(alice, root):
    user_id = (await me(alice)).user_id
    for call in (
        alice.admin.ListUsers(ListUsersRequest()),
        alice.admin.SetTier(SetTierRequest(user_id=user_id, tier=User.PAID)),
        alice.admin.DisableUser(DisableUserRequest(user_id=user_id)),
        alice.admin.EnableUser(EnableUserRequest(user_id=user_id)),
        alice.admin.ListAuditLog(ListAuditLogRequest()),
    ):
        error = await refused(call)
        assert (error.code, dict(error.info.metadata)) == (Code.PERMISSION_DENIED, {"needs": "admin"})
    assert (await me(alice)).tier == User.REGISTERED


@pytest.mark.parametrize("tier", [0, 99])
async def test_a_tier_that_is_none_is_named(root, tier):
    error = await refused(root.admin.SetTier(SetTierRequest(user_id=ABSENT, tier=tier)))
    assert list(error.fields) == ["tier"]


@pytest.mark.parametrize("position", [{"event_id": "x"}, {"event_id": "9" * 30}, {"event_id": "-1"}, {"email": "a"}])
async def test_a_foreign_page_token_is_named(root, position):
    error = await refused(root.admin.ListAuditLog(ListAuditLogRequest(page_token=encode_page(position))))
    assert (error.code, list(error.fields)) == (Code.INVALID_ARGUMENT, ["page_token"])
