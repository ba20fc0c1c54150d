"""Changing a password, resetting it, closing and opening accounts."""

import asyncio

import grpc
import pytest

from chassis.errors import NotFound
from plimsoll.identity.v1.account_service_pb2 import ChangePasswordRequest
from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest, LoginRequest, RefreshRequest, Session
from services.portfolio.administration import reset_password, set_open
from tests.services.portfolio.conftest import PASSWORD, Client, refused

EMAIL = "alice@example.com"
OTHER = "another long password"


async def session(client: Client, password: str = PASSWORD) -> Session:
    return await client.identity.Login(LoginRequest(email=EMAIL, password=password))


async def renews(client: Client, opened: Session) -> bool:
    """Whether a session can still be renewed."""
    code = await client.identity.Refresh(RefreshRequest(refresh_token=opened.refresh_token)).code()
    assert code in (grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED)
    return code == grpc.StatusCode.OK


async def test_a_changed_password_ends_the_other_sessions(nobody, alice):
    mine, another = await session(nobody), await session(nobody)
    await alice.account.ChangePassword(
        ChangePasswordRequest(current_password=PASSWORD, new_password=OTHER, refresh_token=mine.refresh_token)
    )
    assert (await refused(session(nobody))).reason == "CREDENTIALS_INVALID"
    assert await renews(nobody, await session(nobody, OTHER))
    assert not await renews(nobody, another)
    assert await renews(nobody, mine)


async def test_without_a_token_to_keep_every_session_ends(nobody, alice):
    mine = await session(nobody)
    await alice.account.ChangePassword(ChangePasswordRequest(current_password=PASSWORD, new_password=OTHER))
    assert not await renews(nobody, mine)


async def test_a_foreign_token_keeps_nobodys_session(nobody, alice, mallory):
    mine = await session(nobody)
    theirs = await nobody.identity.Login(LoginRequest(email="mallory@example.com", password=PASSWORD))
    await alice.account.ChangePassword(
        ChangePasswordRequest(current_password=PASSWORD, new_password=OTHER, refresh_token=theirs.refresh_token)
    )
    assert not await renews(nobody, mine)
    assert await renews(nobody, theirs)


@pytest.mark.parametrize("current", ["", "a wrong password"])
async def test_the_present_password_is_needed(nobody, alice, current):
    mine = await session(nobody)
    error = await refused(
        alice.account.ChangePassword(ChangePasswordRequest(current_password=current, new_password=OTHER))
    )
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")
    assert await renews(nobody, mine)
    await session(nobody)


async def test_a_short_password_is_refused_and_not_shown(alice):
    error = await refused(
        alice.account.ChangePassword(ChangePasswordRequest(current_password=PASSWORD, new_password="short"))
    )
    assert list(error.fields) == ["new_password"]
    assert "short" not in error.message.replace("shorter", "")


async def test_nothing_of_a_password_is_stored_for_repetitions(alice, settings, admin_url):
    import asyncpg

    key = [("idempotency-key", "once")]
    await alice.account.ChangePassword(
        ChangePasswordRequest(current_password=PASSWORD, new_password=OTHER), metadata=key
    )
    connection = await asyncpg.connect(admin_url(settings.database_url))
    assert await connection.fetchval("SELECT count(*) FROM portfolio.idempotency_keys") == 0
    await connection.close()


async def test_an_operator_resets_a_password(nobody, alice, settings):
    mine = await session(nobody)
    await reset_password(settings, "ALICE@example.com", OTHER)
    assert not await renews(nobody, mine)
    assert (await refused(session(nobody))).reason == "CREDENTIALS_INVALID"
    await session(nobody, OTHER)
    with pytest.raises(NotFound, match=r"nobody@example\.com"):
        await reset_password(settings, "nobody@example.com", OTHER)


async def test_an_operator_closes_and_opens_an_account(nobody, alice, settings):
    mine = await session(nobody)
    await set_open(settings, EMAIL, is_open=False)
    assert (await refused(session(nobody))).reason == "CREDENTIALS_INVALID"
    assert not await renews(nobody, mine)
    assert (await refused(alice.identity.GetMe(GetMeRequest()))).reason == "TOKEN_INVALID"
    await set_open(settings, EMAIL, is_open=True)
    assert not await renews(nobody, mine), "the sessions from before stay ended"
    await session(nobody)


async def test_a_closed_account_changes_no_password(alice, settings):
    await set_open(settings, EMAIL, is_open=False)
    change = ChangePasswordRequest(current_password=PASSWORD, new_password=OTHER)
    assert (await refused(alice.account.ChangePassword(change))).reason == "TOKEN_INVALID"


async def test_a_changed_password_is_one_of_two_at_once(nobody, alice):
    """Two changes at once that both know the present password: one of the two new ones counts, and it can be used."""
    changes = [ChangePasswordRequest(current_password=PASSWORD, new_password=f"{OTHER} {n}") for n in range(2)]
    await asyncio.gather(*map(alice.account.ChangePassword, changes), return_exceptions=True)
    opened = await asyncio.gather(*(session(nobody, f"{OTHER} {n}") for n in range(2)), return_exceptions=True)
    assert sum(isinstance(answer, Session) for answer in opened) == 1


async def test_a_password_hash_of_other_parameters_is_renewed_at_login(nobody, alice, settings, admin_url):
    import asyncpg
    from argon2 import PasswordHasher

    connection = await asyncpg.connect(admin_url(settings.database_url))
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    await connection.execute("UPDATE portfolio.users SET password_hash = $1", weak)
    await session(nobody)
    renewed = await connection.fetchval("SELECT password_hash FROM portfolio.users")
    await connection.close()
    assert renewed != weak
    assert "m=19456,t=2,p=1" in renewed
    await session(nobody)
