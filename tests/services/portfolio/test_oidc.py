"""Logging in with the word of another identity provider: a local one, over real HTTP."""

import asyncio
import dataclasses
import time

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.warnings import InsecureKeyLengthWarning

from chassis.errors import Unauthenticated, Unavailable
from chassis.public_keys import REFETCH_SECONDS, RETRY_SECONDS
from chassis.server import Server
from chassis.settings import SettingsError, read
from plimsoll.identity.v1.account_service_pb2 import ChangePasswordRequest
from plimsoll.identity.v1.api_key_pb2 import ApiKey
from plimsoll.identity.v1.api_key_service_pb2 import CreateApiKeyRequest, ListApiKeysRequest
from plimsoll.identity.v1.identity_service_pb2 import (
    GetMeRequest,
    LoginRequest,
    LoginWithOidcRequest,
    RefreshRequest,
    RegisterRequest,
)
from plimsoll.portfolio.v1.portfolio_service_pb2 import ListPortfoliosRequest
from services.portfolio.administration import create_admin, set_open
from services.portfolio.clients.oidc import OidcProvider
from services.portfolio.settings import Settings
from services.portfolio.wiring import build
from tests.chassis.clock import Clock
from tests.services.portfolio import oidc_issuer
from tests.services.portfolio.conftest import PASSWORD, Client, refused, signed_in
from tests.services.portfolio.oidc_issuer import CLIENT_ID, NONCE

Code = grpc.StatusCode
EMAIL = "ann@example.com"


@pytest.fixture
def issuer():
    with oidc_issuer.serving() as serving:
        yield serving


@pytest.fixture
def settings(settings, issuer):
    return dataclasses.replace(settings, oidc_issuer=issuer.url, oidc_client_id=CLIENT_ID)


async def login(client, token, nonce=NONCE):
    return await client.identity.LoginWithOidc(LoginWithOidcRequest(id_token=token, nonce=nonce))


async def user_of(client, session):
    bearer = Client(client.channel, [("authorization", f"Bearer {session.access_token}")])
    return await bearer.identity.GetMe(GetMeRequest())


async def rejected(client, token, nonce=NONCE):
    error = await refused(login(client, token, nonce))
    assert error.code == Code.UNAUTHENTICATED
    assert token not in error.message
    return error


@pytest.mark.parametrize("kid", ["rsa", "ec"])
async def test_a_first_login_makes_an_account(nobody, issuer, kid):
    session = await login(nobody, issuer.token(kid))
    user = await user_of(nobody, session)
    assert (user.email, user.display_name) == (EMAIL, "Ann")
    ann = Client(nobody.channel, [("authorization", f"Bearer {session.access_token}")])
    assert len((await ann.portfolios.ListPortfolios(ListPortfoliosRequest())).portfolios) == 1
    await nobody.identity.Refresh(RefreshRequest(refresh_token=session.refresh_token))
    call = nobody.identity.LoginWithOidc(LoginWithOidcRequest(id_token=issuer.token(kid), nonce=NONCE))
    assert dict(await call.initial_metadata())["set-cookie"].startswith("auth_token=ey")


async def test_later_logins_open_the_same_account_whatever_the_address(nobody, issuer):
    first = await user_of(nobody, await login(nobody, issuer.token()))
    moved = issuer.token(email="ann@elsewhere.example", email_verified=False)
    assert await user_of(nobody, await login(nobody, moved)) == first
    other = await user_of(nobody, await login(nobody, issuer.token(sub="subject-2", email="bob@example.com")))
    assert other.user_id != first.user_id


async def test_an_account_without_a_password_is_opened_by_none(nobody, issuer):
    await login(nobody, issuer.token())
    for password in ("nobody has this password", "", "None"):
        attempt = nobody.identity.Login(LoginRequest(email=EMAIL, password=password or "x"))
        assert (await refused(attempt)).reason == "CREDENTIALS_INVALID"


async def test_such_an_account_can_be_given_a_password_just_after_a_login(nobody, issuer):
    session = await login(nobody, issuer.token())
    ann = Client(nobody.channel, [("authorization", f"Bearer {session.access_token}")])
    await ann.account.ChangePassword(ChangePasswordRequest(new_password=PASSWORD))
    await nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD))


async def test_an_account_made_by_somebody_else_beforehand_is_taken_from_them(nobody, issuer):
    """Whoever registers another's address must not keep a way in once its owner comes."""
    thief = await signed_in(nobody, EMAIL)
    thief_id = (await thief.identity.GetMe(GetMeRequest())).user_id
    session = await nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD))
    await thief.keys.CreateApiKey(CreateApiKeyRequest(name="k", scope=ApiKey.WRITE))
    owner = await login(nobody, issuer.token())
    assert (await user_of(nobody, owner)).user_id == thief_id, "the address is linked"
    assert (await refused(nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD)))).reason == (
        "CREDENTIALS_INVALID"
    )
    renewal = nobody.identity.Refresh(RefreshRequest(refresh_token=session.refresh_token))
    assert (await refused(renewal)).reason == "TOKEN_INVALID"
    ann = Client(nobody.channel, [("authorization", f"Bearer {owner.access_token}")])
    assert list((await ann.keys.ListApiKeys(ListApiKeysRequest())).api_keys) == []


async def test_an_account_whose_address_is_proved_keeps_its_password(nobody, issuer, settings):
    await create_admin(settings, EMAIL, PASSWORD)
    session = await login(nobody, issuer.token())
    assert (await user_of(nobody, session)).email == EMAIL
    await nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD))


@pytest.mark.parametrize(
    "changed",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": "false"},
        {"email_verified": 1},
        {"email": None},
        {"email": ""},
    ],
)
async def test_an_address_that_is_not_verified_links_to_nothing(nobody, issuer, changed):
    await signed_in(nobody, EMAIL)
    assert (await rejected(nobody, issuer.token(**changed))).reason == "CREDENTIALS_INVALID"
    await nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "http://127.0.0.1:1"}, "TOKEN_INVALID"),
        ({"iss": None}, "TOKEN_INVALID"),
        ({"aud": "another client"}, "TOKEN_INVALID"),
        ({"aud": None}, "TOKEN_INVALID"),
        ({"aud": [CLIENT_ID, "another"]}, "TOKEN_INVALID"),
        ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "TOKEN_INVALID"),
        ({"exp": 1}, "TOKEN_EXPIRED"),
        ({"exp": None}, "TOKEN_INVALID"),
        ({"iat": None}, "TOKEN_INVALID"),
        ({"iat": int(time.time()) + 3600}, "TOKEN_INVALID"),
        ({"nbf": int(time.time()) + 3600}, "TOKEN_INVALID"),
        ({"nonce": "another nonce"}, "TOKEN_INVALID"),
        ({"nonce": None}, "TOKEN_INVALID"),
        ({"sub": None}, "TOKEN_INVALID"),
    ],
)
async def test_a_token_must_be_meant_for_us_and_for_now(nobody, issuer, changed, reason):
    assert (await rejected(nobody, issuer.token(**changed))).reason == reason


async def test_a_token_for_several_audiences_names_who_asked_for_it(nobody, issuer):
    await login(nobody, issuer.token(aud=[CLIENT_ID, "another"], azp=CLIENT_ID))


async def test_the_nonce_of_the_request_is_the_tokens(nobody, issuer):
    assert (await rejected(nobody, issuer.token(), "some other nonce")).reason == "TOKEN_INVALID"
    error = await refused(login(nobody, issuer.token(), "short"))
    assert (error.code, list(error.fields)) == (Code.INVALID_ARGUMENT, ["nonce"])
    assert "short" not in error.message.replace("shorter", "")


async def test_a_token_is_used_once(nobody, issuer):
    token = issuer.token()
    codes = await asyncio.gather(
        *(nobody.identity.LoginWithOidc(LoginWithOidcRequest(id_token=token, nonce=NONCE)).code() for _ in range(5))
    )
    assert codes.count(Code.OK) == 1
    assert (await rejected(nobody, token)).reason == "TOKEN_INVALID"


async def test_several_first_logins_at_once_make_one_account(nobody, issuer):
    tokens = [issuer.token() for _ in range(6)]
    answers = await asyncio.gather(*(login(nobody, token) for token in tokens), return_exceptions=True)
    opened = [answer for answer in answers if not isinstance(answer, Exception)]
    assert opened
    assert len({(await user_of(nobody, session)).user_id for session in opened}) == 1
    refusals = {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
    assert refusals <= {Code.ABORTED, Code.ALREADY_EXISTS}
    await login(nobody, issuer.token())


def forged(issuer) -> dict[str, str]:
    """Tokens that somebody else could make."""
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    public = issuer.keys["rsa"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    theirs = rsa.generate_private_key(65537, 2048)
    own_keys = {"jwk": {"kty": "oct", "k": "AAAA"}, "jku": "http://169.254.169.254/keys", "x5u": "http://127.0.0.1:1/"}
    return {
        "alg none": oidc_issuer.unsigned(claims, {"alg": "none", "kid": "rsa"}),
        "alg none without a key": oidc_issuer.unsigned(claims, {"alg": "none"}),
        "a key of theirs": issuer.token(key=theirs),
        "HS256 with the public key": _hs256(claims, pem),
        "the EC key's id on an RSA signature": issuer.token("rsa", headers={"kid": "ec"}),
        "the RSA key's id on an EC signature": issuer.token("ec", headers={"kid": "rsa"}),
        "RS512": issuer.token(algorithm="RS512"),
        "PS256": issuer.token(algorithm="PS256"),
        "no key id": issuer.token(""),
        "an unknown key id": issuer.token(headers={"kid": "../../keys"}),
        "keys in the header": issuer.token(key=theirs, headers=own_keys),
        "no token": "not.a.token",
        "nothing": "x",
        "cut": issuer.token()[:-5],
        "ES256 of another curve point": issuer.token("ec", key=ec.generate_private_key(ec.SECP256R1())),
    }


def _hs256(claims, secret: bytes) -> str:
    import base64
    import hashlib
    import hmac

    unsigned = oidc_issuer.unsigned(claims, {"alg": "HS256", "kid": "rsa"}).rstrip(".")
    signature = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def test_a_forged_token_opens_nothing_and_makes_us_ask_nobody(nobody, issuer):
    for name, token in forged(issuer).items():
        error = await rejected(nobody, token)
        assert error.reason == "TOKEN_INVALID", name
    assert set(issuer.asked) == {"/.well-known/openid-configuration", "/keys"}
    assert issuer.asked.count("/.well-known/openid-configuration") == 1
    # An unknown key id makes us ask again, at a bounded rate.
    assert issuer.asked.count("/keys") <= 2
    await login(nobody, issuer.token())


async def test_a_short_rsa_key_is_not_taken(nobody, issuer):
    issuer.keys["weak"] = rsa.generate_private_key(65537, 1024)
    with pytest.warns(InsecureKeyLengthWarning):
        token = issuer.token("weak")
    assert "1024 bits" in (await rejected(nobody, token)).message


async def test_a_new_key_is_found_a_little_later(issuer):
    clock = Clock()
    provider = OidcProvider(issuer.url, CLIENT_ID, clock)
    await provider.verify(issuer.token(), NONCE)
    issuer.keys["next"] = rsa.generate_private_key(65537, 2048)
    with pytest.raises(Unauthenticated):
        await provider.verify(issuer.token("next"), NONCE)
    clock.advance(REFETCH_SECONDS)
    assert (await provider.verify(issuer.token("next"), NONCE)).subject == "subject-1"
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys", "/keys"]


async def test_a_provider_that_comes_back_is_asked_again(issuer):
    clock = Clock()
    provider = OidcProvider(issuer.url, CLIENT_ID, clock)
    issuer.answers["/keys"] = FAULTS["500"]
    with pytest.raises(Unavailable):
        await provider.verify(issuer.token(), NONCE)
    issuer.answers.clear()
    with pytest.raises(Unavailable):
        await provider.verify(issuer.token(), NONCE)
    clock.advance(RETRY_SECONDS)
    await provider.verify(issuer.token(), NONCE)


HUGE = b'{"keys": [' + b" " * (300 << 10) + b"]}"
FAULTS = {
    "500": (500, {}, b"{}"),
    "404": (404, {}, b"{}"),
    "HTML": (200, {"content-type": "text/html"}, b"<html>maintenance</html>"),
    "cut": (200, {}, b'{"issuer": "http'),
    "a list": (200, {}, b"[]"),
    "huge": (200, {}, HUGE),
    "a redirect": (302, {"location": "http://169.254.169.254/latest/meta-data"}, b""),
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_provider_that_fails_makes_logins_unavailable_and_no_more(nobody, issuer, path, fault):
    issuer.answers[path] = FAULTS[fault]
    error = await refused(login(nobody, issuer.token()))
    assert (error.code, error.reason) == (Code.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
    assert issuer.url not in error.message
    await nobody.identity.Register(RegisterRequest(email="bob@example.com", password=PASSWORD))


async def test_a_slow_provider_holds_up_nobody_for_long(nobody, issuer):
    issuer.pause_seconds = 0.2
    async with asyncio.timeout(10):
        error = await refused(login(nobody, issuer.token()))
    assert error.code == Code.UNAVAILABLE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("says_issuer", "https://accounts.example.com"),
        ("says_keys_at", "http://169.254.169.254/keys"),
        ("says_keys_at", "http://keys.example.com/keys"),
        ("says_keys_at", "file:///etc/passwd"),
        ("says_keys_at", "keys"),
    ],
)
async def test_a_discovery_document_leads_nowhere_else(nobody, issuer, field, value):
    setattr(issuer, field, value)
    assert (await refused(login(nobody, issuer.token()))).code == Code.UNAVAILABLE
    assert issuer.asked == ["/.well-known/openid-configuration"]


async def test_a_closed_account_is_not_opened(nobody, issuer, settings):
    await login(nobody, issuer.token())
    await set_open(settings, EMAIL, is_open=False)
    assert (await rejected(nobody, issuer.token())).reason == "CREDENTIALS_INVALID"
    assert (await rejected(nobody, issuer.token(sub="subject-9"))).reason == "CREDENTIALS_INVALID"


async def test_closed_registration_is_closed_here_too(issuer, settings):
    closed = dataclasses.replace(settings, registration="closed")
    server = Server(build(closed), closed)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            client = Client(channel)
            error = await refused(login(client, issuer.token()))
            assert (error.code, error.reason) == (Code.PERMISSION_DENIED, "REGISTRATION_CLOSED")
            await create_admin(closed, EMAIL, PASSWORD)
            await login(client, issuer.token())
    finally:
        await server.stop()


async def test_without_a_provider_there_are_no_such_logins(issuer, settings):
    off = dataclasses.replace(settings, oidc_issuer="")
    server = Server(build(off), off)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            error = await refused(login(Client(channel), issuer.token()))
    finally:
        await server.stop()
    assert (error.code, error.reason) == (Code.FAILED_PRECONDITION, "OIDC_OFF")
    assert issuer.asked == []


NEEDED = {
    "DATABASE_URL": "postgresql://h/d",
    "PLIMSOLL_SERVICE_KEY": "k" * 32,
    "PLIMSOLL_KEY_SECRET": "s" * 32,
    "PLIMSOLL_OIDC_CLIENT_ID": CLIENT_ID,
}


@pytest.mark.parametrize(
    "url", ["http://accounts.example.com", "accounts.google.com", "ftp://x", "http://127.0.0.1.example.com", "https://"]
)
def test_an_issuer_is_reached_by_https(url):
    with pytest.raises(SettingsError, match="PLIMSOLL_OIDC_ISSUER"):
        read(Settings, {**NEEDED, "PLIMSOLL_OIDC_ISSUER": url})


def test_an_issuer_needs_a_client_id():
    known = {name: value for name, value in NEEDED.items() if "CLIENT" not in name}
    with pytest.raises(SettingsError, match="PLIMSOLL_OIDC_CLIENT_ID is required where PLIMSOLL_OIDC_ISSUER is set"):
        read(Settings, {**known, "PLIMSOLL_OIDC_ISSUER": "https://accounts.google.com"})
    assert read(Settings, {**NEEDED, "PLIMSOLL_OIDC_ISSUER": "https://accounts.google.com"}).oidc_issuer
