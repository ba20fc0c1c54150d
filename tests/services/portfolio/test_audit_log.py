"""The audit log: every event leaves a line, lines are chained, and what is personal goes with its person."""

import asyncio

import asyncpg
import grpc
import pytest
from sqlalchemy import text

from chassis.database import Database
from plimsoll.identity.v1.account_service_pb2 import ChangePasswordRequest, DeleteMeRequest, ExportMeRequest
from plimsoll.identity.v1.admin_service_pb2 import (
    DisableUserRequest,
    EnableUserRequest,
    ListAuditLogRequest,
    SetTierRequest,
)
from plimsoll.identity.v1.api_key_pb2 import ApiKey
from plimsoll.identity.v1.api_key_service_pb2 import CreateApiKeyRequest, DeleteApiKeyRequest
from plimsoll.identity.v1.audit_event_pb2 import AuditEvent
from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest, LoginRequest, LogoutRequest, RefreshRequest
from plimsoll.identity.v1.user_pb2 import User
from services.portfolio.administration import reset_password, verify_audit_log
from services.portfolio.application.audit_chain import AuditChain
from services.portfolio.storage.audit_log import LONGEST_TRANSACTION
from tests.services.portfolio.conftest import PASSWORD, logged_in, refused, signed_in

EMAIL = "alice@example.com"
OTHER = "another long password"


async def lines(root, user_id="", size=500):
    answer = await root.admin.ListAuditLog(ListAuditLogRequest(user_id=user_id, page_size=size))
    return list(answer.events)


async def id_of(client):
    return (await client.identity.GetMe(GetMeRequest())).user_id


@pytest.fixture
async def database(settings):
    opened = Database(settings.database_url, "portfolio")
    yield opened
    await opened.close()


@pytest.fixture
async def superuser(settings, admin_url):
    connection = await asyncpg.connect(admin_url(settings.database_url), server_settings={"search_path": "portfolio"})
    yield connection
    await connection.close()


async def test_what_happens_to_an_account_is_told(root, nobody, settings):
    alice = await signed_in(nobody, EMAIL)
    user_id, admin_id = await id_of(alice), await id_of(root)
    session = await nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD))
    await refused(nobody.identity.Login(LoginRequest(email=EMAIL, password="a wrong password")))
    await nobody.identity.Refresh(RefreshRequest(refresh_token=session.refresh_token))
    await refused(nobody.identity.Refresh(RefreshRequest(refresh_token=session.refresh_token)))
    other = await nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD))
    await nobody.identity.Logout(LogoutRequest(refresh_token=other.refresh_token))
    key = await alice.keys.CreateApiKey(CreateApiKeyRequest(name="k", scope=ApiKey.READ))
    await alice.keys.DeleteApiKey(DeleteApiKeyRequest(api_key_id=key.api_key.api_key_id))
    await alice.account.ChangePassword(ChangePasswordRequest(current_password=PASSWORD, new_password=OTHER))
    await root.admin.SetTier(SetTierRequest(user_id=user_id, tier=User.PAID))
    await root.admin.DisableUser(DisableUserRequest(user_id=user_id))
    await root.admin.EnableUser(EnableUserRequest(user_id=user_id))
    await reset_password(settings, EMAIL, PASSWORD)
    alice = await logged_in(nobody, EMAIL)
    await alice.account.ExportMe(ExportMeRequest())
    found = (await lines(root, user_id))[::-1]
    assert [event.action for event in found] == [
        *("account_created", "session_opened", "session_opened", "login_refused", "session_copied"),
        *("session_opened", "session_ended", "api_key_created", "api_key_deleted", "password_changed"),
        *("tier_set", "user_disabled", "user_enabled", "password_reset", "session_opened", "account_exported"),
    ]
    assert {event.subject_id for event in found} == {user_id}
    by_admin = [event for event in found if event.actor_id == admin_id]
    assert [event.action for event in by_admin] == ["tier_set", "user_disabled", "user_enabled"]
    by_operator = [event for event in found if event.origin == AuditEvent.OPERATOR]
    assert [(event.action, event.actor_id) for event in by_operator] == [("password_reset", "")]


async def test_a_line_holds_who_where_and_under_which_request(root, nobody):
    metadata = [("x-envoy-external-address", "203.0.113.7"), ("x-request-id", "the-request")]
    alice = await signed_in(nobody, EMAIL)
    await nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD), metadata=metadata)
    opened, _, created = await lines(root, await id_of(alice))
    assert dict(opened.details) == {"by": "password", "client_address": "203.0.113.7", "request_id": "the-request"}
    assert (created.details["email"], created.details["role"]) == (EMAIL, "member")
    assert opened.origin == AuditEvent.USER


async def test_what_is_personal_is_not_readable_in_the_table(root, alice, superuser):
    rows = await superuser.fetch("SELECT to_jsonb(e)::text AS row FROM audit_events e")
    everything = "".join(row["row"] for row in rows) + "".join(
        bytes(row["sealed_payload"]).decode("latin-1")
        for row in await superuser.fetch("SELECT sealed_payload FROM audit_events WHERE sealed_payload IS NOT NULL")
    )
    assert len(rows) >= 2
    assert EMAIL not in everything
    assert "127.0.0.1" not in everything


async def test_an_unknown_address_leaves_a_line_and_no_trace_of_itself(root, nobody, superuser):
    await refused(nobody.identity.Login(LoginRequest(email="typo@example.com", password="a wrong password")))
    (newest, *_) = await lines(root)
    assert (newest.action, newest.subject_id, dict(newest.details)) == ("login_refused", "", {})


async def test_a_deleted_user_cannot_be_read_any_more(root, alice, superuser):
    user_id = await id_of(alice)
    assert all(event.details for event in await lines(root, user_id))
    await alice.account.DeleteMe(DeleteMeRequest())
    found = await lines(root, user_id)
    assert [event.action for event in found] == ["account_deleted", "session_opened", "account_created"]
    assert [(dict(event.details), event.details_reason) for event in found] == [
        ({}, ""),
        ({}, "erased"),
        ({}, "erased"),
    ]
    assert await superuser.fetchval("SELECT count(*) FROM user_keys WHERE user_id = $1", user_id) == 0


async def test_lines_come_in_pages_the_newest_first(root, alice):
    whole = await lines(root)
    found, token = [], ""
    while not found or token:
        page = await root.admin.ListAuditLog(ListAuditLogRequest(page_size=2, page_token=token))
        found += list(page.events)
        token = page.next_page_token
    assert found == whole
    numbers = [int(event.event_id) for event in found]
    assert numbers == sorted(numbers, reverse=True)


async def test_the_role_of_the_service_changes_and_deletes_nothing(alice, database):
    for table in ("audit_events", "audit_seals", "user_keys"):
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(Exception, match="permission denied"):
                async with database.transaction() as connection:
                    await connection.execute(text(statement))
    for column in ("action", "actor_id", "event_time", "sealed_payload"):
        with pytest.raises(Exception, match="permission denied"):
            async with database.transaction() as connection:
                await connection.execute(text(f"UPDATE audit_events SET {column} = NULL"))


async def sealed(settings):
    found = await verify_audit_log(settings, None)
    assert found.sound, found.problems
    return found


async def test_lines_are_sealed_in_the_background(root, alice):
    async def newest_is_sealed() -> bool:
        return (await lines(root))[-1].seal_number > 0

    async with asyncio.timeout(30):
        while not await newest_is_sealed():  # noqa: ASYNC110 - it happens in another task, on a clock of its own
            await asyncio.sleep(0.1)


async def test_a_chain_grows_and_stays_sound(settings, alice, nobody):
    first = await sealed(settings)
    await logged_in(nobody, EMAIL)
    second = await sealed(settings)
    assert second.events == first.events + 1
    assert second.head != first.head
    assert (await verify_audit_log(settings, first.head)).sound
    assert (await sealed(settings)).head == second.head, "nothing new, no seal"
    assert not (await verify_audit_log(settings, b"x" * 32)).sound


@pytest.mark.parametrize(
    ("tampering", "complaint"),
    [
        ("UPDATE audit_events SET action = 'nothing' WHERE event_id = 1", "one of its"),
        ("UPDATE audit_events SET event_time = event_time - interval '1 microsecond' WHERE event_id = 1", "one of its"),
        ("UPDATE audit_events SET actor_id = gen_random_uuid() WHERE event_id = 2", "one of its"),
        ("UPDATE audit_events SET sealed_payload = '\\x00' WHERE event_id = 2", "one of its"),
        ("DELETE FROM audit_events WHERE event_id = 1", "1 of its lines are missing, the first is 1"),
        ("UPDATE audit_seals SET hash = sha256(hash) WHERE seal_number = 1", "was changed, or the seal itself"),
        ("UPDATE audit_seals SET previous_hash = sha256(hash) WHERE seal_number = 2", "seal 2 does not follow"),
        ("UPDATE audit_seals SET event_ids = event_ids || 1::bigint WHERE seal_number = 2", "line 1 was sealed before"),
        ("DELETE FROM audit_seals WHERE seal_number = 1", "seal 1 is missing"),
    ],
)
async def test_tampering_is_found(settings, alice, nobody, superuser, server, tampering, complaint):
    await server.stop()  # its own sealing must not come in between
    await sealed(settings)
    await superuser.execute("INSERT INTO audit_events (event_time, action, origin) VALUES (now(), 'tier_set', 'user')")
    await sealed(settings)
    await superuser.execute(tampering)
    found = await verify_audit_log(settings, None)
    assert not found.sound
    assert any(complaint in problem for problem in found.problems), found.problems


async def test_a_line_that_is_slipped_in_is_found(settings, alice, superuser):
    await sealed(settings)
    late = LONGEST_TRANSACTION * 2
    await superuser.execute(
        "INSERT INTO audit_events (event_time, action, origin) VALUES (now() - $1::interval, 'tier_set', 'user')", late
    )
    found = await verify_audit_log(settings, None)
    assert found.problems == ["1 lines are in no seal although later ones are: they were slipped in"]


async def test_a_dropped_end_is_found_by_what_was_noted(settings, alice, nobody, superuser, server):
    await server.stop()
    await sealed(settings)
    await superuser.execute("INSERT INTO audit_events (event_time, action, origin) VALUES (now(), 'tier_set', 'user')")
    noted = (await sealed(settings)).head
    await superuser.execute("DELETE FROM audit_events WHERE action = 'tier_set'")
    await superuser.execute("DELETE FROM audit_seals WHERE hash = $1", noted)
    assert (await verify_audit_log(settings, None)).sound, "the rest still fits together"
    assert not (await verify_audit_log(settings, noted)).sound


async def test_a_line_that_commits_late_is_sealed_later(settings, alice, database):
    async with database.transaction() as connection:
        await connection.execute(
            text("INSERT INTO audit_events (event_time, action, origin) VALUES (now(), 'tier_set', 'user')")
        )
        before = await sealed(settings)
    after = await sealed(settings)
    assert after.events == before.events + 1


async def test_of_several_sealers_one_seals(settings, alice, database):
    chain = AuditChain(database)
    await asyncio.gather(*(chain.seal() for _ in range(6)))
    assert (await sealed(settings)).waiting == 0


async def test_a_refused_call_leaves_no_line_of_success(root, alice):
    user_id = await id_of(alice)
    error = await refused(root.admin.DisableUser(DisableUserRequest(user_id=await id_of(root))))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert "user_disabled" not in {event.action for event in await lines(root, user_id)}
