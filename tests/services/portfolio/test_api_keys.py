"""API keys, through the service as it is wired: made, shown once, used, expired, deleted."""

import asyncio
import datetime

import asyncpg
import grpc
import jwt
import pytest

from chassis.api_keys import KEY
from chassis.pagination import encode_page
from plimsoll.identity.v1.account_service_pb2 import ChangePasswordRequest, DeleteMeRequest
from plimsoll.identity.v1.admin_service_pb2 import ListUsersRequest
from plimsoll.identity.v1.api_key_pb2 import ApiKey
from plimsoll.identity.v1.api_key_service_pb2 import CreateApiKeyRequest, DeleteApiKeyRequest, ListApiKeysRequest
from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest
from plimsoll.identity.v1.token_service_pb2 import ExchangeApiKeyRequest, MintTokenRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import CreatePortfolioRequest, ListPortfoliosRequest
from services.portfolio.administration import set_open
from tests.services.portfolio.conftest import PASSWORD, Client, as_service, refused

READ, WRITE = ApiKey.READ, ApiKey.WRITE
Code = grpc.StatusCode


async def make(client, scope=WRITE, **more):
    return await client.keys.CreateApiKey(CreateApiKeyRequest(name="a program", scope=scope, **more))


def by_key(client: Client, key: str) -> Client:
    return Client(client.channel, [("x-api-key", key)])


async def stored(settings, admin_url, statement, *arguments):
    connection = await asyncpg.connect(admin_url(settings.database_url))
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


async def exchange(client, key):
    return await as_service(client).tokens.ExchangeApiKey(ExchangeApiKeyRequest(key=key))


async def test_a_key_acts_as_its_owner(alice):
    made = await make(alice)
    program = by_key(alice, made.key)
    assert (await program.identity.GetMe(GetMeRequest())).email == "alice@example.com"
    created = await program.portfolios.CreatePortfolio(CreatePortfolioRequest(name="By a program"))
    listed = await alice.portfolios.ListPortfolios(ListPortfoliosRequest())
    assert created.portfolio_id in {portfolio.portfolio_id for portfolio in listed.portfolios}


async def test_a_key_that_reads_does_not_write(alice):
    program = by_key(alice, (await make(alice, READ)).key)
    await program.portfolios.ListPortfolios(ListPortfoliosRequest())
    error = await refused(program.portfolios.CreatePortfolio(CreatePortfolioRequest(name="x")))
    assert (error.code, dict(error.info.metadata)) == (Code.PERMISSION_DENIED, {"needs": "write"})


async def test_a_key_is_shown_once_and_kept_as_a_hash(alice, settings, admin_url):
    made = await make(alice)
    assert KEY.fullmatch(made.key)
    assert made.key.startswith(made.api_key.prefix)
    listed = (await alice.keys.ListApiKeys(ListApiKeysRequest())).api_keys
    assert list(listed) == [made.api_key]
    assert made.key not in str(listed)
    (row,) = await stored(settings, admin_url, "SELECT to_jsonb(k)::text AS row FROM portfolio.api_keys k")
    assert made.key not in row["row"]
    log = await stored(settings, admin_url, "SELECT to_jsonb(e)::text AS row FROM portfolio.audit_events e")
    assert made.key not in str(log)


async def test_the_same_call_makes_two_keys_and_no_answer_is_stored(alice, settings, admin_url):
    request, once = CreateApiKeyRequest(name="k", scope=READ), [("idempotency-key", "once")]
    first = await alice.keys.CreateApiKey(request, metadata=once)
    second = await alice.keys.CreateApiKey(request, metadata=once)
    assert first.key != second.key
    assert await stored(settings, admin_url, "SELECT 1 FROM portfolio.idempotency_keys") == []


async def test_a_key_lives_as_long_as_was_asked(alice):
    for asked, days in ((0, 90), (1, 1), (365, 365)):
        made = (await make(alice, life_days=asked)).api_key
        life = made.expires_time.ToDatetime() - made.created_time.ToDatetime()
        assert life == datetime.timedelta(days=days)


async def test_an_expired_key_is_refused(alice, settings, admin_url):
    made = await make(alice)
    await stored(settings, admin_url, "UPDATE portfolio.api_keys SET expires_time = now()")
    error = await refused(by_key(alice, made.key).identity.GetMe(GetMeRequest()))
    assert (error.code, error.reason) == (Code.UNAUTHENTICATED, "TOKEN_INVALID")


async def test_a_deleted_key_is_refused(alice):
    made = await make(alice)
    await exchange(alice, made.key)
    await alice.keys.DeleteApiKey(DeleteApiKeyRequest(api_key_id=made.api_key.api_key_id))
    assert (await refused(exchange(alice, made.key))).reason == "TOKEN_INVALID"
    assert (await refused(by_key(alice, made.key).identity.GetMe(GetMeRequest()))).reason == "TOKEN_INVALID"
    again = DeleteApiKeyRequest(api_key_id=made.api_key.api_key_id)
    assert (await refused(alice.keys.DeleteApiKey(again))).code == Code.NOT_FOUND


async def test_a_closed_accounts_key_is_refused(alice, settings):
    made = await make(alice)
    await set_open(settings, "alice@example.com", is_open=False)
    assert (await refused(exchange(alice, made.key))).reason == "TOKEN_INVALID"
    assert (await refused(make(alice))).reason == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "key", ["", "nonsense", "plim_" + "A" * 43, "plim_" + "A" * 44, "x" * 5000, "plim_" + "é" * 43]
)
async def test_an_unknown_key_is_refused(alice, nobody, key):
    error = await refused(by_key(nobody, key.encode("unicode_escape").decode()).identity.GetMe(GetMeRequest()))
    assert error.code == Code.UNAUTHENTICATED
    assert error.reason == ("TOKEN_INVALID" if key else "TOKEN_MISSING")


async def test_a_bearer_goes_before_a_key(alice, mallory):
    key = [("x-api-key", (await make(mallory)).key)]
    assert (await alice.identity.GetMe(GetMeRequest(), metadata=key)).email == "alice@example.com"
    bad = Client(alice.channel, [("authorization", "Bearer nonsense"), *key])
    assert (await refused(bad.identity.GetMe(GetMeRequest()))).reason == "TOKEN_INVALID"


async def test_last_use_is_written_once_a_minute(alice, settings, admin_url):
    made = await make(alice)
    assert not made.api_key.HasField("last_used_time")

    async def last_used():
        (key,) = (await alice.keys.ListApiKeys(ListApiKeysRequest())).api_keys
        return key.last_used_time.ToDatetime()

    await exchange(alice, made.key)
    first = await last_used()
    await exchange(alice, made.key)
    assert await last_used() == first
    await stored(settings, admin_url, "UPDATE portfolio.api_keys SET last_used_time = now() - interval '61 s'")
    await exchange(alice, made.key)
    assert await last_used() >= first


async def test_who_has_only_a_key_has_no_way_to_more(alice):
    made = await make(alice)
    program = by_key(alice, made.key)
    for call in (
        program.keys.CreateApiKey(CreateApiKeyRequest(name="another", scope=WRITE)),
        program.keys.DeleteApiKey(DeleteApiKeyRequest(api_key_id=made.api_key.api_key_id)),
        program.account.ChangePassword(ChangePasswordRequest(current_password=PASSWORD, new_password="x" * 12)),
        program.account.DeleteMe(DeleteMeRequest()),
    ):
        error = await refused(call)
        assert (error.code, error.info.metadata["needs"]) == (Code.PERMISSION_DENIED, "a signed-in user")


async def test_the_key_of_an_admin_is_no_admin(root):
    program = by_key(root, (await make(root)).key)
    await root.admin.ListUsers(ListUsersRequest())
    error = await refused(program.admin.ListUsers(ListUsersRequest()))
    assert (error.code, error.info.metadata["needs"]) == (Code.PERMISSION_DENIED, "admin")


async def test_the_token_of_a_key_is_short_and_says_whose_and_what(alice):
    made = await make(alice, READ)
    answer = await exchange(alice, made.key)
    claims = jwt.decode(answer.access_token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 120
    assert answer.expires_time.seconds == claims["exp"]
    assert (claims["scope"], claims["role"], claims["tier"]) == ("read", "member", "registered")
    assert claims["act"] == {"sub": f"api_key:{made.api_key.api_key_id}"}
    assert "auth_time" not in claims


async def test_another_users_key_is_as_good_as_none(alice, mallory):
    made = await make(alice)
    error = await refused(mallory.keys.DeleteApiKey(DeleteApiKeyRequest(api_key_id=made.api_key.api_key_id)))
    assert error.code == Code.NOT_FOUND
    assert list((await mallory.keys.ListApiKeys(ListApiKeysRequest())).api_keys) == []
    assert (await by_key(alice, made.key).identity.GetMe(GetMeRequest())).email == "alice@example.com"


async def test_there_is_a_limit_also_for_calls_at_once(alice, settings, admin_url):
    user = (await alice.identity.GetMe(GetMeRequest())).user_id
    await stored(
        settings,
        admin_url,
        "INSERT INTO portfolio.api_keys "
        "SELECT gen_random_uuid(), $1, sha256(n::text::bytea), n, 'plim_', 'read', now(), now(), NULL "
        "FROM generate_series(1, 47) AS n",
        user,
    )
    codes = await asyncio.gather(
        *(alice.keys.CreateApiKey(CreateApiKeyRequest(name="k", scope=READ)).code() for _ in range(8))
    )
    assert sorted(code.name for code in codes) == ["FAILED_PRECONDITION"] * 5 + ["OK"] * 3
    error = await refused(make(alice))
    assert (error.reason, dict(error.info.metadata)) == ("LIMIT_REACHED", {"resource": "API key", "limit": "50"})


async def test_keys_come_in_pages_the_newest_first(alice):
    made = [(await make(alice)).api_key.api_key_id for _ in range(5)]
    found, token, pages = [], "", 0
    while pages == 0 or token:
        page = await alice.keys.ListApiKeys(ListApiKeysRequest(page_size=2, page_token=token))
        found += [key.api_key_id for key in page.api_keys]
        token, pages = page.next_page_token, pages + 1
    assert (found, pages) == (made[::-1], 3)


@pytest.mark.parametrize(
    "position",
    [
        {"created_time": "yesterday", "api_key_id": "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"},
        {"created_time": "2022-01-01T00:00:00+00:00", "api_key_id": "x"},
        {"created_time": "0001-01-01T00:00:00+14:00", "api_key_id": "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"},
        {"created_time": "2022-01-01"},
    ],
)
async def test_a_foreign_page_token_is_named(alice, position):
    error = await refused(alice.keys.ListApiKeys(ListApiKeysRequest(page_token=encode_page(position))))
    assert (error.code, list(error.fields)) == (Code.INVALID_ARGUMENT, ["page_token"])


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (CreateApiKeyRequest(scope=READ), "name"),
        (CreateApiKeyRequest(name="  ", scope=READ), "name"),
        (CreateApiKeyRequest(name="x" * 101, scope=READ), "name"),
        (CreateApiKeyRequest(name="k"), "scope"),
        (CreateApiKeyRequest(name="k", scope=9), "scope"),
        (CreateApiKeyRequest(name="k", scope=READ, life_days=366), "life_days"),
        (CreateApiKeyRequest(name="k", scope=READ, life_days=-1), "life_days"),
    ],
)
async def test_a_wrong_value_is_named(alice, request_, field):
    assert list((await refused(alice.keys.CreateApiKey(request_))).fields) == [field]


async def test_users_do_not_exchange_keys_themselves(alice):
    made = await make(alice)
    error = await refused(alice.tokens.ExchangeApiKey(ExchangeApiKeyRequest(key=made.key)))
    assert error.code == Code.PERMISSION_DENIED


async def test_a_service_works_for_a_user_who_is_not_there(alice, nobody):
    user_id = (await alice.identity.GetMe(GetMeRequest())).user_id
    request = MintTokenRequest(user_id=user_id, audiences=["portfolio", "marketdata"], scope=READ)
    answer = await as_service(nobody).tokens.MintToken(request)
    claims = jwt.decode(answer.access_token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 300
    assert (claims["sub"], claims["aud"], claims["role"]) == (user_id, ["portfolio", "marketdata"], "member")
    assert (claims["act"], claims["scope"]) == ({"sub": "service:risk"}, "read")
    worker = Client(nobody.channel, [("authorization", f"Bearer {answer.access_token}")])
    await worker.portfolios.ListPortfolios(ListPortfoliosRequest())
    error = await refused(worker.portfolios.CreatePortfolio(CreatePortfolioRequest(name="x")))
    assert error.info.metadata["needs"] == "write"


async def test_a_token_for_another_service_is_not_taken(alice, nobody):
    user_id = (await alice.identity.GetMe(GetMeRequest())).user_id
    request = MintTokenRequest(user_id=user_id, audiences=["marketdata"], scope=READ)
    answer = await as_service(nobody).tokens.MintToken(request)
    worker = Client(nobody.channel, [("authorization", f"Bearer {answer.access_token}")])
    assert (await refused(worker.portfolios.ListPortfolios(ListPortfoliosRequest()))).reason == "TOKEN_INVALID"


async def test_nobody_works_for_who_is_gone_and_only_services_work(alice, nobody, settings):
    user_id = (await alice.identity.GetMe(GetMeRequest())).user_id
    request = MintTokenRequest(user_id=user_id, audiences=["portfolio"], scope=READ)
    for client in (alice, nobody):
        assert (await refused(client.tokens.MintToken(request))).code == Code.PERMISSION_DENIED
    await set_open(settings, "alice@example.com", is_open=False)
    assert (await refused(as_service(nobody).tokens.MintToken(request))).code == Code.NOT_FOUND
    somewhere = MintTokenRequest(user_id=user_id, audiences=["gateway"], scope=READ)
    assert list((await refused(as_service(nobody).tokens.MintToken(somewhere))).fields) == ["audiences[0]"]


async def test_the_database_shows_a_key_to_whom_it_was_shown_alone(alice, settings):
    """Row-level security: without the owner or the key itself, the role of the service sees no key."""
    from sqlalchemy import text

    from chassis.database import Database

    await make(alice)
    database = Database(settings.database_url, "portfolio")
    async with database.transaction() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM api_keys")) == 0
    await database.close()
