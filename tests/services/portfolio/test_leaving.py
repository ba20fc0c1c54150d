"""Everything that is kept of a user as one document, and the end of it, through the service as it is wired."""

import asyncio
import json
import time

import asyncpg
import grpc
import jwt
import pytest
from google.api.httpbody_pb2 import HttpBody

from plimsoll.identity.v1.account_service_pb2 import (
    DeleteMeRequest,
    ExportMeRequest,
    GetProfileRequest,
    UpdateProfileRequest,
)
from plimsoll.identity.v1.api_key_pb2 import ApiKey
from plimsoll.identity.v1.api_key_service_pb2 import CreateApiKeyRequest
from plimsoll.identity.v1.event_pb2 import Event
from plimsoll.identity.v1.event_service_pb2 import ListEventsRequest
from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest, LoginRequest, RefreshRequest, RegisterRequest
from plimsoll.identity.v1.profile_pb2 import Profile
from plimsoll.identity.v1.quota_service_pb2 import TakeQuotaRequest
from plimsoll.identity.v1.token_service_pb2 import ExchangeApiKeyRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import (
    CreatePortfolioRequest,
    ListPortfoliosRequest,
    UploadPortfolioRequest,
)
from services.portfolio.application.signing import Signer
from services.portfolio.storage.personal import NOT_TOLD
from services.portfolio.wiring import now
from tests.services.portfolio.conftest import PASSWORD, Client, as_service, refused

EMAIL = "alice@example.com"
CSV = (
    b"ticker,quantity,entry_price,entry_date,tags\n"
    b"AAPL,1410.9007,100.10,2022-01-03,core\nCUR:USD,-5078.62,,2022-01-03,\n"
)
Code = grpc.StatusCode


@pytest.fixture
async def superuser(settings, admin_url):
    connection = await asyncpg.connect(admin_url(settings.database_url), server_settings={"search_path": "portfolio"})
    yield connection
    await connection.close()


async def live(client: Client) -> str:
    """Leave a trace of every kind; give the API key."""
    await client.account.UpdateProfile(UpdateProfileRequest(risk_tolerance=Profile.MODERATE, request_id="once"))
    file = HttpBody(content_type="text/csv", data=CSV)
    await client.portfolios.UploadPortfolio(UploadPortfolioRequest(portfolio_name="Core", commit=True, file=file))
    await as_service(client).quotas.TakeQuota(TakeQuotaRequest(kind=TakeQuotaRequest.CHAT_MESSAGE))
    made = await client.keys.CreateApiKey(CreateApiKeyRequest(name="a program", scope=ApiKey.READ))
    return made.key


async def export(client: Client):
    call = client.account.ExportMe(ExportMeRequest())
    headers = dict(await call.initial_metadata())
    assert headers["content-disposition"] == 'attachment; filename="plimsoll-account.json"'
    body = await call
    assert body.content_type == "application/json"
    return body.data.decode()


async def owned_tables(superuser) -> dict[str, str]:
    """The tables whose rows belong to users, as row-level security says it, or a column; each with that column."""
    rows = await superuser.fetch("""
        SELECT table_name, min(column_name::text) FILTER (WHERE column_name IN ('owner_id', 'user_id')) AS owner
        FROM information_schema.columns JOIN pg_class ON relname = table_name
        WHERE table_schema = 'portfolio' AND relnamespace = 'portfolio'::regnamespace
        GROUP BY table_name HAVING bool_or(relrowsecurity) OR bool_or(column_name IN ('owner_id', 'user_id'))""")
    return {row["table_name"]: row["owner"] for row in rows}


async def test_everything_is_exported_whichever_tables_there_are(alice, superuser):
    await live(alice)
    document = json.loads(await export(alice))
    tables = await owned_tables(superuser)
    assert {name for name, owner in tables.items() if owner is None} == set(), "rows without a named owner"
    assert set(tables) - set(document) == set(NOT_TOLD)
    assert document["users"][0]["email"] == EMAIL
    assert document["profiles"][0]["risk_tolerance"] == "moderate"
    assert {row["name"] for row in document["portfolios"]} == {"My portfolio", "Core"}
    assert [(row["symbol"], row["tags"]) for row in document["positions"]] == [("AAPL", ["core"])]
    assert [row["name"] for row in document["api_keys"]] == ["a program"]
    actions = {line["action"]: line["details"] for line in document["audit_log"]}
    assert set(actions) == {"account_created", "session_opened", "api_key_created", "account_exported"}
    assert actions["account_created"]["email"] == EMAIL


async def test_numbers_keep_every_digit(alice):
    await live(alice)
    document = json.loads(await export(alice), parse_float=str)
    assert document["positions"][0]["quantity"] == "1410.9007"
    assert document["positions"][0]["entry_price"] == "100.10"
    assert "-5078.62" in [row["amount"] for row in document["cash_balances"]]


async def test_no_secret_is_exported(alice, superuser):
    key = await live(alice)
    document = await export(alice)
    hashes = await superuser.fetchrow(
        "SELECT encode(key_hash, 'hex') AS key, password_hash FROM api_keys JOIN users USING (user_id)"
    )
    assert key not in document
    assert PASSWORD not in document
    assert hashes["key"] not in document
    assert hashes["password_hash"] not in document
    assert "password" not in json.loads(document)["users"][0]


async def test_nothing_of_others_is_exported(alice, mallory):
    await live(mallory)
    document = await export(alice)
    assert "mallory" not in document
    assert json.loads(document)["positions"] == []


async def test_an_account_ends_with_everything_it_owns(alice, mallory, nobody, superuser):
    user_id = (await alice.identity.GetMe(GetMeRequest())).user_id
    key, their_key = await live(alice), await live(mallory)
    session = await nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD))
    tables = await owned_tables(superuser)

    async def counts(owner_is: str) -> dict[str, int]:
        return {
            name: await superuser.fetchval(f"SELECT count(*) FROM {name} WHERE {owner} {owner_is} $1", user_id)
            for name, owner in tables.items()
        }

    theirs = await counts("<>")
    filled = {name for name, count in (await counts("=")).items() if count}
    assert {"users", "portfolios", "positions", "profiles", "api_keys", "user_keys", "quota_uses"} <= filled
    await alice.account.DeleteMe(DeleteMeRequest())
    assert set((await counts("=")).values()) == {0}
    assert await counts("<>") == theirs
    assert await superuser.fetchval("SELECT count(*) FROM refresh_tokens") == 1, "that of the other user"
    assert (await refused(nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD)))).code == (
        Code.UNAUTHENTICATED
    )
    renewal = nobody.identity.Refresh(RefreshRequest(refresh_token=session.refresh_token))
    assert (await refused(renewal)).reason == "TOKEN_INVALID"
    assert (await refused(_exchange(nobody, key))).reason == "TOKEN_INVALID"
    await _exchange(nobody, their_key)


async def _exchange(client, key):
    return await as_service(client).tokens.ExchangeApiKey(ExchangeApiKeyRequest(key=key))


async def test_other_services_hear_of_it(alice, nobody):
    user_id = (await alice.identity.GetMe(GetMeRequest())).user_id
    await alice.account.DeleteMe(DeleteMeRequest())
    events = (await as_service(nobody).events.ListEvents(ListEventsRequest())).events
    assert [(event.kind, event.user_id) for event in events][-1] == (Event.USER_DELETED, user_id)
    assert [event.kind for event in events].count(Event.USER_DELETED) == 1


async def test_the_token_of_who_is_gone_opens_nothing(alice, superuser):
    await alice.account.DeleteMe(DeleteMeRequest())
    for call in (
        alice.identity.GetMe(GetMeRequest()),
        alice.account.GetProfile(GetProfileRequest()),
        alice.account.UpdateProfile(UpdateProfileRequest(display_name="A ghost")),
        alice.account.ExportMe(ExportMeRequest()),
        alice.keys.CreateApiKey(CreateApiKeyRequest(name="k", scope=ApiKey.READ)),
        alice.portfolios.ListPortfolios(ListPortfoliosRequest()),
        alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="A ghost's", request_id="once")),
    ):
        error = await refused(call)
        assert (error.code, error.reason) == (Code.UNAUTHENTICATED, "TOKEN_INVALID")
    assert await superuser.fetchval("SELECT count(*) FROM users") == 0


async def test_a_write_under_way_while_the_account_ends_leaves_nothing_and_is_no_defect(alice, superuser):
    """Whichever comes first, nothing is left of the account, and the other is told something it can act on."""
    creations = [
        alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name=f"P{n}", request_id=f"r{n}")) for n in range(20)
    ]
    end = alice.account.DeleteMe(DeleteMeRequest())
    codes = {await call.code() for call in creations}
    assert await end.code() in (Code.OK, Code.ABORTED)
    assert codes <= {Code.OK, Code.UNAUTHENTICATED, Code.ABORTED, Code.ALREADY_EXISTS}
    if await end.code() == Code.OK:
        assert await superuser.fetchval("SELECT count(*) FROM portfolios") == 0


async def test_an_end_comes_once_and_does_no_harm_twice(alice, nobody):
    codes = await asyncio.gather(*(alice.account.DeleteMe(DeleteMeRequest(request_id="once")).code() for _ in range(5)))
    assert set(codes) == {Code.OK}
    events = (await as_service(nobody).events.ListEvents(ListEventsRequest())).events
    assert [event.kind for event in events].count(Event.USER_DELETED) == 1


async def test_the_address_is_free_again_and_the_new_account_is_another(alice, nobody):
    first = (await alice.identity.GetMe(GetMeRequest())).user_id
    await alice.account.DeleteMe(DeleteMeRequest())
    made = await nobody.identity.Register(RegisterRequest(email=EMAIL, password=PASSWORD))
    assert made.user.user_id != first


async def with_login(client: Client, settings, database, ago_seconds: float) -> Client:
    """The same user, with a token whose session began some time ago."""
    user_id = (await client.identity.GetMe(GetMeRequest())).user_id
    signer = Signer(database, settings.key_secret, settings.token_issuer, 900, now)
    claims = {"aud": "plimsoll", "role": "member", "scope": "read write", "auth_time": int(time.time() - ago_seconds)}

    class Bare:
        def __init__(self) -> None:
            self.user_id, self.tier = user_id, "registered"

    token = await signer._sign(Bare(), claims, now().replace(year=now().year + 1))
    return Client(client.channel, [("authorization", f"Bearer {token}")])


async def test_an_old_session_does_not_end_an_account(alice, settings):
    from chassis.database import Database

    database = Database(settings.database_url, "portfolio")
    try:
        old = await with_login(alice, settings, database, 301)
        error = await refused(old.account.DeleteMe(DeleteMeRequest()))
        assert (error.code, error.reason) == (Code.UNAUTHENTICATED, "LOGIN_NOT_RECENT")
        assert dict(error.info.metadata) == {"limit_seconds": "300"}
        fresh = await with_login(alice, settings, database, 290)
        await fresh.account.DeleteMe(DeleteMeRequest())
    finally:
        await database.close()


async def test_a_renewed_token_is_as_old_as_its_login(nobody, alice):
    session = await nobody.identity.Login(LoginRequest(email=EMAIL, password=PASSWORD))
    renewed = await nobody.identity.Refresh(RefreshRequest(refresh_token=session.refresh_token))
    began, after = (
        jwt.decode(token, options={"verify_signature": False})["auth_time"]
        for token in (session.access_token, renewed.access_token)
    )
    assert began == after
