"""Accounts at brokers, through the service as it is wired and the real client, before a local Plaid."""

import dataclasses
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import asyncpg
import grpc
import pytest

from chassis.server import Server
from chassis.settings import Secret
from plimsoll.portfolio.v1.cash_service_pb2 import GetCashBalancesRequest
from plimsoll.portfolio.v1.plaid_pb2 import PlaidItem
from plimsoll.portfolio.v1.plaid_service_pb2 import (
    CreateLinkTokenRequest,
    ExchangePublicTokenRequest,
    GetPlaidAccountsRequest,
    GetPlaidPositionsRequest,
    ImportPlaidRequest,
)
from services.portfolio.settings import Settings
from services.portfolio.wiring import build
from tests.services.portfolio import plaid_stub
from tests.services.portfolio.books import NO_SUCH, enter, listed, make
from tests.services.portfolio.conftest import Client, refused, signed_in
from tests.services.portfolio.plaid_stub import BROKERAGE, PUBLIC_TOKEN, RETIREMENT, PlaidStub, error, right


@pytest.fixture
def plaid() -> Iterator[PlaidStub]:
    with plaid_stub.running(PlaidStub()) as stub:
        yield stub


@pytest.fixture
async def connected(settings: Settings, marketdata_address: str, plaid: PlaidStub) -> AsyncIterator[Client]:
    """A stranger, before a service that is set up for Plaid."""
    wired = dataclasses.replace(
        settings,
        marketdata_address=marketdata_address,
        plaid_client_id=plaid_stub.CLIENT_ID,
        plaid_secret=Secret(plaid_stub.SECRET),
        plaid_base_url=plaid.url,
    )
    server = Server(build(wired), wired)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield Client(channel)
    await server.stop()


@pytest.fixture
async def ann(connected: Client) -> Client:
    return await signed_in(connected, "ann@example.com")


async def login(client: Client) -> str:
    """A login at the broker: its id."""
    kept: PlaidItem = await client.plaid.ExchangePublicToken(ExchangePublicTokenRequest(public_token=PUBLIC_TOKEN))
    return kept.plaid_item_id


async def imported(client: Client, item: str, **fields: object):
    given = {"portfolio_name": "At the broker"} | fields if "portfolio_id" not in fields else fields
    return await client.plaid.ImportPlaid(ImportPlaidRequest(plaid_item_id=item, **given))  # type: ignore[arg-type]


async def test_a_login_is_begun_with_nothing_that_the_user_chose(ann, plaid):
    token = await ann.plaid.CreateLinkToken(CreateLinkTokenRequest())
    assert (token.link_token, token.expire_time.ToJsonString()) == ("link-sandbox-af1a0311", "2026-11-20T17:00:00Z")
    ((path, request),) = plaid.asked
    assert path == "/link/token/create"
    assert "ann" not in json.dumps(request)
    assert len(request["user"]["client_user_id"]) == 36


async def test_accounts_and_lines_are_as_the_broker_states_them(ann):
    item = await login(ann)
    accounts = (await ann.plaid.GetPlaidAccounts(GetPlaidAccountsRequest())).accounts
    assert [(a.plaid_item_id, a.name, a.subtype, a.current_balance) for a in accounts] == [
        (item, "Brokerage", "brokerage", 21_890.0),
        (item, "Retirement", "ira", 10_000.0),
    ], "and no checking account"
    found = await ann.plaid.GetPlaidPositions(GetPlaidPositionsRequest(plaid_item_id=item))
    assert list(found.warnings) == []
    assert [(p.ticker, p.stated_value, p.counted_value) for p in found.positions] == [
        ("AAPL", 1323.0, 1323.0),
        ("JPM", 20_000.0, 20_000.0),
        ("AAPL230120C00150000", 0.0, 0.0),
        ("CUR:USD", 567.0, 567.0),
        ("SPAXX", 9749.88, 9749.88),
        ("CUR:USD", 10_000.0, 250.12),
    ]


async def test_an_import_counts_a_sweep_fund_once_and_keeps_the_brokers_identifiers(ann, settings, admin_url):
    answer = await imported(ann, await login(ann))
    assert list(answer.report.errors) == []
    assert (answer.report.positions_saved_count, answer.report.cash_saved_count) == (3, 1)
    assert [(w.line, w.reason) for w in answer.report.warnings] == [
        (1, "entry_unknown"),
        (2, "entry_unknown"),
        (3, "entry_unknown"),
        (5, "taken_as_cash"),
        (6, "counted_once"),
    ]
    portfolio_id = answer.portfolio.portfolio_id
    assert (answer.portfolio.revision, answer.portfolio.position_count) == (2, 3)
    positions = await listed(ann, portfolio_id=portfolio_id)
    assert [(p.symbol, p.quantity, p.entry_price, p.entry_date) for p in positions] == [
        ("AAPL", 10.5, 100.0, "2022-12-28"),
        ("JPM", 100.0, 200.0, "2022-12-28"),
        ("AAPL230120C00150000", -2.0, 0.0, "2022-12-28"),
    ], "at the cost where it is known, else at the broker's price"
    (cash,) = (await ann.cash.GetCashBalances(GetCashBalancesRequest(portfolio_id=portfolio_id))).balances
    assert (cash.currency, cash.amount) == ("USD", 567.0 + 10_000.0)
    connection = await asyncpg.connect(admin_url(settings.database_url))
    try:
        query = "SELECT ticker, counted_value::float8 FROM portfolio.plaid_lines WHERE portfolio_id = $1 ORDER BY line"
        kept = [tuple(row) for row in await connection.fetch(query, portfolio_id)]
    finally:
        await connection.close()
    assert kept[3:] == [("CUR:USD", 567.0), ("SPAXX", 9749.88), ("CUR:USD", 250.12)]


async def test_accounts_are_imported_apart_and_once(ann):
    item = await login(ann)
    retirement = await imported(ann, item, accounts=[RETIREMENT], portfolio_name="Retirement", request_id="once")
    assert (retirement.report.positions_saved_count, retirement.report.cash_saved_count) == (0, 1)
    again = await imported(ann, item, accounts=[RETIREMENT], portfolio_name="Retirement", request_id="once")
    assert again == retirement
    empty = (await make(ann)).portfolio_id
    filled = await imported(ann, item, accounts=[BROKERAGE], portfolio_id=empty)
    assert filled.portfolio.position_count == 3
    again = await refused(imported(ann, item, accounts=[BROKERAGE], portfolio_id=empty))
    assert list(again.fields) == ["portfolio_id"]
    assert list((await refused(imported(ann, item, accounts=["checking-5Bvpj4QknlhVWk7G"]))).fields) == ["accounts"]


async def test_what_is_not_known_here_is_reported_and_what_cannot_be_saved_makes_no_portfolio(ann, plaid):
    plaid.lines = [plaid_stub.line(BROKERAGE, "sec-btc", 1, 500.0), plaid_stub.line(BROKERAGE, "sec-odd", 1, 500.0)]
    answer = await imported(ann, await login(ann))
    assert [(e.line, e.value, e.reason) for e in answer.report.errors] == [
        (1, "CUR:BTC", "no_symbol"),
        (2, "", "no_symbol"),
    ]
    assert not answer.HasField("portfolio"), "a coin is no cash"


async def test_access_tokens_are_sealed_and_logged_nowhere(ann, settings, admin_url, caplog):
    caplog.set_level(logging.DEBUG)
    await login(ann)
    await ann.plaid.GetPlaidAccounts(GetPlaidAccountsRequest())
    connection = await asyncpg.connect(admin_url(settings.database_url))
    try:
        (sealed,) = await connection.fetchrow("SELECT sealed_access_token FROM portfolio.plaid_items")
    finally:
        await connection.close()
    assert b"access-sandbox" not in bytes(sealed)
    assert "access-sandbox" not in caplog.text
    assert plaid_stub.SECRET not in caplog.text


async def test_a_damaged_token_and_that_of_another_user_open_nothing(ann, connected, settings, admin_url, plaid):
    item = await login(ann)
    ben = await signed_in(connected, "ben@example.com")
    other = await login(ben)
    assert other != item, "the same login at a broker is kept for each user apart"
    connection = await asyncpg.connect(admin_url(settings.database_url))
    try:
        await connection.execute(
            "UPDATE portfolio.plaid_items AS mine SET sealed_access_token = other.sealed_access_token"
            " FROM portfolio.plaid_items AS other WHERE other.plaid_item_id = $1 AND mine.plaid_item_id = $2",
            item,
            other,
        )
        asked = len(plaid.asked)
        swapped = await refused(ben.plaid.GetPlaidPositions(GetPlaidPositionsRequest(plaid_item_id=other)))
        await connection.execute("UPDATE portfolio.plaid_items SET sealed_access_token = 'x'")
        damaged = await refused(ben.plaid.GetPlaidPositions(GetPlaidPositionsRequest(plaid_item_id=other)))
    finally:
        await connection.close()
    assert (swapped.code, damaged.reason) == (grpc.StatusCode.NOT_FOUND, "PLAID_LOGIN_UNUSABLE")
    assert len(plaid.asked) == asked, "nothing went to Plaid"


async def test_anothers_login_is_as_good_as_none(ann, connected):
    item = await login(ann)
    ben = await signed_in(connected, "ben@example.com")
    for missing in (item, NO_SUCH):
        for call in (
            ben.plaid.GetPlaidAccounts(GetPlaidAccountsRequest(plaid_item_id=missing)),
            ben.plaid.GetPlaidPositions(GetPlaidPositionsRequest(plaid_item_id=missing)),
            imported(ben, missing),
        ):
            refusal = await refused(call)
            assert (refusal.code, refusal.message) == (grpc.StatusCode.NOT_FOUND, f"there is no plaid item {missing}")
    own = (await make(ann)).portfolio_id
    assert (await refused(imported(ben, await login(ben), portfolio_id=own))).code == grpc.StatusCode.NOT_FOUND


async def test_a_portfolio_with_something_in_it_is_not_filled(ann):
    portfolio_id = (await make(ann)).portfolio_id
    await enter(ann, portfolio_id)
    assert list((await refused(imported(ann, await login(ann), portfolio_id=portfolio_id))).fields) == ["portfolio_id"]


@pytest.mark.parametrize(
    "token", ["", "access-sandbox-0", "public-sandbox-\r\nhost: evil", "public-sandbox-" + "a" * 200, "http://evil/"]
)
async def test_what_is_no_public_token_goes_nowhere(ann, plaid, token: str):
    call = ann.plaid.ExchangePublicToken(ExchangePublicTokenRequest(public_token=token))
    assert list((await refused(call)).fields) == ["public_token"]
    assert plaid.asked == []


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        (error(400, "ITEM_ERROR", "ITEM_LOGIN_REQUIRED"), "FAILED_PRECONDITION", "PLAID_LOGIN_UNUSABLE"),
        (error(400, "ITEM_ERROR", "NO_INVESTMENT_ACCOUNTS"), "FAILED_PRECONDITION", "PLAID_LOGIN_UNUSABLE"),
        (error(400, "INVALID_INPUT", "INVALID_API_KEYS"), "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"),
        (error(429, "RATE_LIMIT_EXCEEDED", "RATE_LIMIT"), "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"),
        (error(500, "API_ERROR", "INTERNAL_SERVER_ERROR"), "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"),
        ((502, {}, b"<html>"), "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"),
        ((200, {}, b"<html>"), "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"),
        ((200, {}, b"[]"), "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"),
        (right({"accounts": []}), "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"),
        ((200, {}, b'{"accounts": [], "securities": [], "holdings": NaN}'), "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"),
        ((200, {}, b"{" + b" " * (17 << 20) + b"}"), "UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"),
    ],
)
async def test_what_plaid_fails_with_is_told_without_its_words(ann, plaid, answer, code: str, reason: str):
    item = await login(ann)
    plaid.answers["/investments/holdings/get"] = answer
    refusal = await refused(ann.plaid.GetPlaidPositions(GetPlaidPositionsRequest(plaid_item_id=item)))
    assert (refusal.code.name, refusal.reason) == (code, reason)
    assert "not for users" not in refusal.message


async def test_a_public_token_that_plaid_does_not_know(ann):
    call = ann.plaid.ExchangePublicToken(ExchangePublicTokenRequest(public_token="public-sandbox-0"))
    assert list((await refused(call)).fields) == ["public_token"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(ann, plaid, status: int):
    with plaid_stub.running(PlaidStub()) as elsewhere:
        item = await login(ann)
        address = {"location": f"{elsewhere.url}/investments/holdings/get"}
        plaid.answers["/investments/holdings/get"] = (status, address, b"")
        refusal = await refused(ann.plaid.GetPlaidPositions(GetPlaidPositionsRequest(plaid_item_id=item)))
        assert refusal.code == grpc.StatusCode.UNAVAILABLE
        assert elsewhere.asked == [], "neither secret nor token went to another host"


async def test_without_settings_every_call_says_so(alice):
    for call in (
        alice.plaid.CreateLinkToken(CreateLinkTokenRequest()),
        alice.plaid.ExchangePublicToken(ExchangePublicTokenRequest(public_token=PUBLIC_TOKEN)),
        alice.plaid.GetPlaidAccounts(GetPlaidAccountsRequest()),
        alice.plaid.GetPlaidPositions(GetPlaidPositionsRequest(plaid_item_id=NO_SUCH)),
        imported(alice, NO_SUCH),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PLAID_OFF")


def test_settings_by_half_stop_the_start(settings):
    with pytest.raises(ValueError, match="PLIMSOLL_PLAID_SECRET is required"):
        dataclasses.replace(settings, plaid_client_id="x")


def test_the_package_is_not_imported_with_the_service():
    heavy = "{'plaid', 'openpyxl', 'yaml', 'simplefix', 'urllib3'}"
    code = f"import services.portfolio.wiring, sys; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_set_up_for_plaid_without_its_package_the_service_does_not_start():
    code = """
import sys
sys.modules["plaid"] = None  # as where the extra is not installed
from services.portfolio.wiring import plaid_of
from types import SimpleNamespace
plaid_of(SimpleNamespace(plaid_client_id="x"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "plaid-python is missing: install the extra `plaid`" in done.stderr
