"""Guessing passwords: limited for a client and for an account, and nobody else is slowed down or kept out."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from sqlalchemy import event

from chassis.counters import Counters
from chassis.database import Database
from chassis.errors import RateLimited, Unauthenticated
from chassis.server import Server
from plimsoll.identity.v1.account_service_pb2 import ChangePasswordRequest
from plimsoll.identity.v1.identity_service_pb2 import GetJwksRequest, GetMeRequest, LoginRequest, RegisterRequest
from services.portfolio.application.login_attempts import AT_ACCOUNT, OF_CLIENT, OF_CLIENT_AT_ACCOUNT, LoginAttempts
from services.portfolio.wiring import build, now
from services.portfolio.wiring_identity import identity_of
from tests.services.portfolio.conftest import PASSWORD, Client, logged_in, refused

EMAIL = "alice@example.com"
Code = grpc.StatusCode


@pytest.fixture
def attempts() -> LoginAttempts:
    return LoginAttempts(Counters("test", clock=lambda: 600.0), limited=True)


async def allowed(attempts, account, client, tries):
    for number in range(tries):
        try:
            await attempts.take(account, client)
        except RateLimited:
            return number
    return tries


async def test_a_client_has_a_few_tries_at_an_account(attempts):
    assert await allowed(attempts, EMAIL, "1.1.1.1", 50) == OF_CLIENT_AT_ACCOUNT
    assert await allowed(attempts, EMAIL, "2.2.2.2", 1) == 1, "the owner, from elsewhere, is not kept out"


async def test_a_client_has_more_tries_over_all_accounts(attempts):
    tries = [await allowed(attempts, f"{number}@example.com", "1.1.1.1", 1) for number in range(OF_CLIENT + 20)]
    assert sum(tries) == OF_CLIENT


async def test_many_clients_together_have_a_limit_at_one_account(attempts):
    tries = [await allowed(attempts, EMAIL, f"1.1.1.{number}", 1) for number in range(AT_ACCOUNT + 20)]
    assert sum(tries) == AT_ACCOUNT


@asynccontextmanager
async def served(settings, **changed) -> AsyncIterator[Client]:
    limited = dataclasses.replace(settings, rate_limits="on", **changed)
    server = Server(build(limited), limited)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield Client(channel)
    finally:
        await server.stop()


def from_address(client: Client, address: str) -> Client:
    """A client as the gateway announces it."""
    return Client(client.channel, [*client.metadata, ("x-envoy-external-address", address)])


async def guess(client, password="a wrong password", email=EMAIL):
    call = client.identity.Login(LoginRequest(email=email, password=password))
    headers = {str(key): str(value) for key, value in await call.initial_metadata()}
    return await call.code(), headers


async def test_guessing_ends_with_a_time_to_come_back(settings, alice):
    async with served(settings, calls_per_second=100, calls_per_minute_public=1000) as nobody:
        thief = from_address(nobody, "6.6.6.6")
        answers = [await guess(thief) for _ in range(2 * OF_CLIENT_AT_ACCOUNT + 2)]  # a minute may end in between
        codes = [code for code, _ in answers]
        assert codes[:OF_CLIENT_AT_ACCOUNT].count(Code.UNAUTHENTICATED) >= OF_CLIENT_AT_ACCOUNT - 1
        assert Code.RESOURCE_EXHAUSTED in codes
        refusal = answers[codes.index(Code.RESOURCE_EXHAUSTED)][1]
        assert 1 <= int(refusal["retry-after"]) <= 60
        assert (await guess(from_address(nobody, "5.5.5.5"), PASSWORD))[0] == Code.OK


async def test_an_unknown_account_is_limited_just_the_same(settings, alice):
    async with served(settings, calls_per_second=100, calls_per_minute_public=1000) as nobody:
        outcomes = {}
        for email, address in ((EMAIL, "6.6.6.6"), ("nobody@example.com", "7.7.7.7")):
            client = from_address(nobody, address)
            outcomes[email] = [(await guess(client, email=email))[0] for _ in range(2 * OF_CLIENT_AT_ACCOUNT + 2)]
    known, unknown = outcomes.values()
    assert Code.RESOURCE_EXHAUSTED in known
    assert Code.RESOURCE_EXHAUSTED in unknown
    assert set(known) == set(unknown)


async def test_the_present_password_is_not_guessed_either(settings, alice):
    async with served(settings, calls_per_second=100, calls_per_minute_registered=1000) as nobody:
        mine = await logged_in(nobody, EMAIL)
        wrong = ChangePasswordRequest(current_password="a wrong password", new_password="x" * 12)
        codes = [await mine.account.ChangePassword(wrong).code() for _ in range(2 * OF_CLIENT_AT_ACCOUNT + 2)]
    assert Code.RESOURCE_EXHAUSTED in codes


async def test_a_flood_of_wrong_passwords_leaves_everybody_else_alone(settings, alice):
    async with served(settings) as nobody:
        mine = await logged_in(from_address(nobody, "5.5.5.5"), EMAIL)
        thieves = [from_address(nobody, f"6.6.6.{number}") for number in range(10)]
        flood = [
            thief.identity.Login(LoginRequest(email=EMAIL, password="wrong")) for thief in thieves for _ in range(40)
        ]
        async with asyncio.timeout(20):
            for _ in range(5):
                assert (await mine.identity.GetMe(GetMeRequest())).email == EMAIL
            codes = await asyncio.gather(*(attempt.code() for attempt in flood))
        # On a busy machine some are still waiting to be checked when their time is over.
        assert set(codes) - {Code.DEADLINE_EXCEEDED} == {Code.UNAUTHENTICATED, Code.RESOURCE_EXHAUSTED}
        assert codes.count(Code.UNAUTHENTICATED) <= 200, "two minutes of what one account takes"


async def test_registering_is_limited_by_address_and_the_keys_are_free(settings, alice):
    async with served(settings, calls_per_minute_public=2, calls_per_second=100) as nobody:
        codes = [
            await nobody.identity.Register(RegisterRequest(email=f"u{n}@example.com", password=PASSWORD)).code()
            for n in range(6)
        ]
        assert Code.RESOURCE_EXHAUSTED in codes
        for _ in range(30):
            assert (await nobody.identity.GetJwks(GetJwksRequest())).data


async def test_a_direct_caller_is_known_by_its_own_address(settings, alice):
    """Who reaches the port without the gateway gets no more than who comes through it."""
    async with served(settings, calls_per_minute_public=2, calls_per_second=100) as nobody:
        codes = [(await guess(nobody))[0] for _ in range(6)]
    assert Code.RESOURCE_EXHAUSTED in codes


async def test_a_role_or_tier_in_a_body_is_nothing(settings, alice, nobody):
    """Fields that the message does not have are dropped on the way, as unknown ones are."""
    raw = RegisterRequest(email="eve@example.com", password=PASSWORD).SerializeToString()
    # Fields 9 and 10 with the numbers that would be ADMIN and PAID.
    forged = RegisterRequest.FromString(raw + bytes([9 << 3, 2, 10 << 3, 3]))
    made = await nobody.identity.Register(forged)
    assert (made.user.role, made.user.tier) == (1, 2)
    assert (await refused(nobody.identity.Register(forged))).reason == "RESOURCE_EXISTS"


async def test_an_unknown_address_costs_the_database_what_a_wrong_password_costs(settings, alice):
    """The hash is verified either way (Passwords.verify); this is the other half of taking equally long."""
    database = Database(settings.database_url, "portfolio")
    accounts = identity_of(settings, database, now).accounts
    statements: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *ran: statements.append(ran[2]))
    ran = {}
    try:
        for email in (EMAIL, EMAIL, "nobody@example.com"):  # the first time also opens a connection
            statements.clear()
            with pytest.raises(Unauthenticated):
                await accounts.login(email, "a wrong password", "1.1.1.1")
            ran[email] = list(statements)
    finally:
        await database.close()
    known, unknown = ran.values()
    assert len(known) >= 2
    assert known == unknown
