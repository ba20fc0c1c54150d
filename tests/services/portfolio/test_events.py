"""The outbox, through the service as it is wired: every change is told once, in the order of the commits."""

import asyncio

import asyncpg
import grpc
import pytest

from chassis import outbox
from chassis.database import Database
from chassis.pagination import encode_page
from plimsoll.identity.v1.event_pb2 import Event
from plimsoll.identity.v1.event_service_pb2 import ListEventsRequest
from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import (
    CreatePortfolioRequest,
    DeletePortfolioRequest,
    UpdatePortfolioRequest,
)
from tests.services.portfolio.conftest import as_service, refused


async def listed(client, token="", size=1000):
    answer = await client.events.ListEvents(ListEventsRequest(page_token=token, page_size=size))
    assert answer.next_page_token
    return list(answer.events), answer.next_page_token


async def test_changes_of_portfolios_are_told_in_order(alice):
    service = as_service(alice)
    user_id = (await alice.identity.GetMe(GetMeRequest())).user_id
    _, reached = await listed(service)
    made = await alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="Core"))
    await alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=made.portfolio_id, benchmark="SPX"))
    await alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=made.portfolio_id))
    events, after = await listed(service, reached)
    assert [(e.kind, e.portfolio_revision) for e in events] == [
        (Event.PORTFOLIO_CHANGED, 1),
        (Event.PORTFOLIO_CHANGED, 2),
        (Event.PORTFOLIO_DELETED, 0),
    ]
    assert {(e.user_id, e.portfolio_id) for e in events} == {(user_id, made.portfolio_id)}
    assert all(e.HasField("created_time") for e in events)
    assert await listed(service, after) == ([], after)


async def test_a_refused_change_is_not_told(alice):
    service = as_service(alice)
    await alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="Core"))
    _, reached = await listed(service)
    await refused(alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="Core")))
    assert (await listed(service, reached))[0] == []


async def test_a_repeated_change_is_told_once(alice):
    service = as_service(alice)
    _, reached = await listed(service)
    for _ in range(3):
        await alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="Core", request_id="once"))
    assert len((await listed(service, reached))[0]) == 1


async def test_every_lister_sees_every_event_once_and_in_the_same_order(alice):
    """Several write while several list: nobody misses what was committed late, and nobody sees anything twice."""
    service, writers, each = as_service(alice), 6, 5
    _, start = await listed(service)
    done = asyncio.Event()

    async def write(number):
        for n in range(each):
            await alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name=f"{number}-{n}"))

    async def follow():
        seen, token = [], start
        while True:
            finished = done.is_set()
            events, token = await listed(service, token, size=3)
            seen += [event.event_id for event in events]
            if finished and not events:
                return seen

    followers = [asyncio.create_task(follow()) for _ in range(3)]
    await asyncio.gather(*map(write, range(writers)))
    done.set()
    first, *others = await asyncio.gather(*followers)
    assert len(first) == len(set(first)) == writers * each
    assert all(other == first for other in others)


async def test_what_is_committed_late_comes_after_what_was_listed(alice, settings, server):
    """A transaction that began first and ends last: its event must not slip in before one that was listed already."""
    service = as_service(alice)
    _, reached = await listed(service)
    database = Database(settings.database_url, "portfolio")
    try:
        async with database.transaction() as connection:
            await outbox.append(connection, "user_deleted", {"user_id": "slow"})
            async with database.transaction() as other:
                await outbox.append(other, "user_deleted", {"user_id": "quick"})
            events, reached = await listed(service, reached)
            assert [event.user_id for event in events] == ["quick"]
    finally:
        await database.close()
    assert [event.user_id for event in (await listed(service, reached))[0]] == ["slow"]


async def test_old_events_are_forgotten_and_positions_go_on(alice, settings, admin_url):
    service = as_service(alice)
    _, reached = await listed(service)
    connection = await asyncpg.connect(admin_url(settings.database_url))
    await connection.execute("UPDATE portfolio.outbox SET created_time = now() - interval '91 days'")
    database = Database(settings.database_url, "portfolio")
    async with database.transaction() as transaction:
        await outbox.forget(transaction)
    await database.close()
    assert await connection.fetchval("SELECT count(*) FROM portfolio.outbox") == 0
    await connection.close()
    await alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="Core"))
    assert len((await listed(service, reached))[0]) == 1


async def test_only_services_may_ask(alice, nobody):
    for client in (alice, nobody):
        error = await refused(client.events.ListEvents(ListEventsRequest()))
        assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_INSUFFICIENT")


@pytest.mark.parametrize(
    "token", ["nonsense", encode_page({"position": "-1"}), encode_page({"position": "9" * 30}), encode_page({"a": "1"})]
)
async def test_a_foreign_token_is_named(alice, token):
    error = await refused(as_service(alice).events.ListEvents(ListEventsRequest(page_token=token)))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, ["page_token"])
