"""Accounts and sessions, through the service as it is wired."""

import asyncio
import dataclasses
import json

import grpc
import jwt
import pytest

from chassis.errors import CannotStart
from chassis.server import Server
from chassis.settings import Secret
from plimsoll.identity.v1.identity_service_pb2 import (
    GetJwksRequest,
    GetMeRequest,
    LoginRequest,
    LogoutRequest,
    RefreshRequest,
    RegisterRequest,
)
from plimsoll.portfolio.v1.portfolio_service_pb2 import ListPortfoliosRequest
from services.portfolio.administration import create_admin, rotate_signing_key
from services.portfolio.wiring import build
from tests.services.portfolio.conftest import PASSWORD, Client, refused, signed_in

EMAIL = "ann@example.com"


async def login(client: Client, password: str = PASSWORD, email: str = EMAIL):
    return await client.identity.Login(LoginRequest(email=email, password=password))


async def test_register_makes_an_account_with_a_first_empty_portfolio(nobody):
    made = await nobody.identity.Register(RegisterRequest(email="Ann@Example.com", password=PASSWORD))
    assert made.user.email == EMAIL
    session = await login(nobody, email="ANN@example.com")
    ann = Client(nobody.channel, [("authorization", f"Bearer {session.access_token}")])
    assert (await ann.identity.GetMe(GetMeRequest())).user_id == made.user.user_id
    listed = await ann.portfolios.ListPortfolios(ListPortfoliosRequest())
    assert [(p.portfolio_id, p.revision, p.position_count) for p in listed.portfolios] == [(made.portfolio_id, 1, 0)]


async def test_an_address_has_one_account(nobody, alice):
    error = await refused(nobody.identity.Register(RegisterRequest(email="ALICE@example.com", password=PASSWORD)))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RESOURCE_EXISTS")


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [("not an address", PASSWORD, "email"), (EMAIL, "short", "password"), ("", PASSWORD, "email")],
)
async def test_register_names_the_field_and_never_shows_the_password(nobody, email, password, field):
    error = await refused(nobody.identity.Register(RegisterRequest(email=email, password=password)))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert list(error.fields) == [field]
    assert password not in error.message
    assert field == "password" or email in error.message


async def test_login_sets_a_cookie_that_scripts_cannot_read(nobody, alice):
    call = nobody.identity.Login(LoginRequest(email="alice@example.com", password=PASSWORD))
    cookie = dict(await call.initial_metadata())["set-cookie"]
    session = await call
    assert cookie == f"auth_token={session.access_token}; Path=/; Max-Age=900; HttpOnly; SameSite=Lax"
    assert (session.token_type, session.expires_in) == ("Bearer", 900)


async def test_a_wrong_password_and_an_unknown_address_look_the_same(nobody, alice):
    wrong = await refused(login(nobody, "a wrong password", "alice@example.com"))
    unknown = await refused(login(nobody, "a wrong password", "nobody@example.com"))
    assert wrong.code == grpc.StatusCode.UNAUTHENTICATED
    assert (wrong.reason, wrong.message) == (unknown.reason, unknown.message)


async def test_tokens_are_signed_by_a_published_key(nobody, alice):
    body = await nobody.identity.GetJwks(GetJwksRequest())
    keys = json.loads(body.data)["keys"]
    session = await login(nobody, email="alice@example.com")
    header = jwt.get_unverified_header(session.access_token)
    assert header["alg"] == "EdDSA"
    assert header["kid"] in {key["kid"] for key in keys}
    assert all("d" not in key for key in keys), "a private key was published"
    claims = jwt.decode(session.access_token, options={"verify_signature": False})
    assert set(claims) == {"iss", "aud", "sub", "iat", "exp", "jti", "role", "scope", "tier", "auth_time"}


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(nobody, alice):
    first = await login(nobody, email="alice@example.com")
    second = await nobody.identity.Refresh(RefreshRequest(refresh_token=first.refresh_token))
    assert second.refresh_token != first.refresh_token
    reused = await refused(nobody.identity.Refresh(RefreshRequest(refresh_token=first.refresh_token)))
    assert (reused.code, reused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")
    after = await refused(nobody.identity.Refresh(RefreshRequest(refresh_token=second.refresh_token)))
    assert after.reason == "TOKEN_INVALID", "the session must have ended for the thief and the owner alike"


async def test_of_parallel_refreshes_one_wins(nobody, alice):
    session = await login(nobody, email="alice@example.com")
    request = RefreshRequest(refresh_token=session.refresh_token)
    answers = await asyncio.gather(*(nobody.identity.Refresh(request) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1


async def test_logout_ends_the_session_and_clears_the_cookie(nobody, alice):
    session = await login(nobody, email="alice@example.com")
    call = nobody.identity.Logout(LogoutRequest(refresh_token=session.refresh_token))
    assert dict(await call.initial_metadata())["set-cookie"].startswith("auth_token=; Path=/; Max-Age=0")
    await call
    error = await refused(nobody.identity.Refresh(RefreshRequest(refresh_token=session.refresh_token)))
    assert error.reason == "TOKEN_INVALID"
    await nobody.identity.Logout(LogoutRequest(refresh_token="never given out"))


async def test_a_flood_of_wrong_passwords_is_refused_and_others_are_served(nobody, alice):
    flood = asyncio.gather(*(login(nobody, "a wrong password") for _ in range(80)), return_exceptions=True)
    me = await alice.identity.GetMe(GetMeRequest())
    codes = {error.code() for error in await flood if isinstance(error, grpc.aio.AioRpcError)}
    assert me.email == "alice@example.com"
    # On a busy machine some are still waiting to be checked when their time is over.
    assert codes - {grpc.StatusCode.DEADLINE_EXCEEDED} == {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }


async def test_no_token_no_answer(nobody):
    error = await refused(nobody.identity.GetMe(GetMeRequest()))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")


async def test_the_token_of_a_disabled_account_opens_nothing(nobody, alice, settings, admin_url):
    import asyncpg

    connection = await asyncpg.connect(admin_url(settings.database_url))
    await connection.execute("UPDATE portfolio.users SET disabled_time = now()")
    await connection.close()
    assert (await refused(login(nobody, email="alice@example.com"))).reason == "CREDENTIALS_INVALID"
    assert (await refused(alice.identity.GetMe(GetMeRequest()))).reason == "TOKEN_INVALID"


async def test_registration_can_be_closed_and_an_admin_made(settings):
    closed = dataclasses.replace(settings, registration="closed")
    server = Server(build(closed), closed)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            client = Client(channel)
            error = await refused(client.identity.Register(RegisterRequest(email=EMAIL, password=PASSWORD)))
            assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "REGISTRATION_CLOSED")
            assert (await create_admin(closed, "Root@example.com", PASSWORD)).role == "admin"
            session = await login(client, email="root@example.com")
            assert jwt.decode(session.access_token, options={"verify_signature": False})["role"] == "admin"
    finally:
        await server.stop()


async def test_a_rotated_key_is_published_before_it_signs(nobody, alice, settings):
    kid = await rotate_signing_key(settings)
    closed = dataclasses.replace(settings)
    server = Server(build(closed), closed)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            client = Client(channel)
            keys = json.loads((await client.identity.GetJwks(GetJwksRequest())).data)["keys"]
            session = await login(client, email="alice@example.com")
    finally:
        await server.stop()
    assert kid in {key["kid"] for key in keys}
    assert jwt.get_unverified_header(session.access_token)["kid"] != kid


async def test_another_key_secret_is_a_clear_refusal_to_start(server, settings):
    other = dataclasses.replace(settings, key_secret=Secret("another key secret, also long enough"))
    with pytest.raises(CannotStart, match="PLIMSOLL_KEY_SECRET"):
        await Server(build(other), other).start()


async def test_two_users_do_not_share_sessions(nobody, alice):
    bob = await signed_in(nobody, "bob@example.com")
    assert (await bob.identity.GetMe(GetMeRequest())).email == "bob@example.com"
    assert (await alice.identity.GetMe(GetMeRequest())).email == "alice@example.com"
