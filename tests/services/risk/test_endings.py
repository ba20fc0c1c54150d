"""Rows of portfolios and accounts go when these end: once in effect, whoever reads the events, however often."""

import asyncio
import dataclasses
import itertools
import typing
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta

import asyncpg
import grpc
import pytest

from chassis import contract
from chassis.channels import Channels
from chassis.database import Database
from chassis.settings import Secret
from plimsoll.identity.v1.event_pb2 import Event
from plimsoll.risk.v1.analytics_service_pb2 import CreateSnapshotRequest, ListSnapshotsRequest
from plimsoll.risk.v1.result_service_pb2 import GetResultRequest
from services.portfolio.settings import Settings as PortfolioSettings
from services.risk.application.endings import AFTER_CALLS, AFTER_TOKENS, AT_ONCE, Forgetting
from services.risk.clients.events import EventsClient
from services.risk.domain.endings import Ending, EventPage
from services.risk.domain.ledger import StoredResult
from services.risk.settings import Settings
from services.risk.storage.endings import StoredEndings
from services.risk.storage.results import Results
from tests.services.risk import servers
from tests.services.risk.books import AAPL, PORTFOLIO_ID
from tests.services.risk.conftest import refused, running
from tests.services.risk.past_servers import PastMarketData, PastPortfolio
from tests.services.risk.pasts import DAYS, on

OWNER, OTHER = servers.OWNER, "9e4d7f20-1111-4222-8333-123456789abc"
P1, P2 = PORTFOLIO_ID, "5b0d1f2e-0000-4000-8000-000000000002"
GONE = (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND", [])
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
NUMBERS = itertools.count(1)


@pytest.fixture
async def database(database_url):
    opened = Database(Secret(database_url("risk")), "risk")
    yield opened
    await opened.close()


async def add(database, owner_id, portfolio_id):
    result = StoredResult(
        result_id=f"{next(NUMBERS):064x}",
        owner_id=owner_id,
        kind="overview",
        portfolio_id=portfolio_id,
        portfolio_revision=1,
        as_of_date=date(2026, 1, 2),
        pinned_data_version=1,
        model_version="1",
        platform="",
        parameters={},
        digests={},
        payload=b"",
        calculated_time=NOW,
    )
    await Results(database).add(result)


@pytest.fixture
async def kept(database):
    """Results of two users: of two portfolios, of all of them as one, and of none."""
    for owner_id in (OWNER, OTHER):
        for portfolio_id in (P1, P2, "all", ""):
            await add(database, owner_id, portfolio_id)
    return StoredEndings(database)


async def left(database, admin_url):
    """Give whose results are there, and of which portfolios."""
    connection = await asyncpg.connect(admin_url(database.engine.url.render_as_string(hide_password=False)))
    try:
        rows = await connection.fetch("SELECT owner_id::text, portfolio_id FROM risk.results")
    finally:
        await connection.close()
    return sorted(map(tuple, rows))


def page(*endings, place="1"):
    return EventPage((NOW,) * len(endings), endings, place)


def everything(owner_id):
    return [(owner_id, portfolio_id) for portfolio_id in ("", P2, P1, "all")]


async def test_a_portfolio_takes_its_own_rows_and_the_account_the_others(database, kept, admin_url):
    assert await kept.forget("r", "", page(Ending(OWNER, P1)))
    expected = sorted([*everything(OWNER), *everything(OTHER)])
    expected.remove((OWNER, P1))
    assert await left(database, admin_url) == expected
    assert await kept.forget("r", "1", page(Ending(OWNER, P2), Ending(OWNER, ""), place="2"))
    assert await left(database, admin_url) == sorted(everything(OTHER))


async def test_one_page_ends_things_of_several_users(database, kept, admin_url):
    assert await kept.forget("r", "", page(Ending(OWNER, P1), Ending(OTHER, ""), Ending(OWNER, P2)))
    assert await left(database, admin_url) == [(OWNER, ""), (OWNER, "all")]


async def test_a_portfolio_that_another_user_names_is_not_touched(database, kept, admin_url):
    """An event names the owner; what the portfolio is called decides nothing alone."""
    await kept.forget("r", "", page(Ending(OTHER, P1)))
    assert (OWNER, P1) in await left(database, admin_url)


async def test_a_page_is_applied_by_one_of_many_who_read_it(database, kept):
    done = await asyncio.gather(*(kept.forget("r", "", page(Ending(OWNER, P1))) for _ in range(6)))
    assert sorted(done) == [False] * 5 + [True]
    assert await kept.reached("r") == "1"
    assert await kept.reached("another") == ""


async def test_who_comes_late_neither_deletes_nor_goes_back(database, kept, admin_url):
    await kept.forget("r", "", page(place="1"))
    await kept.forget("r", "1", page(place="2"))
    assert not await kept.forget("r", "1", page(Ending(OWNER, ""), place="3"))
    assert await kept.reached("r") == "2"
    assert len(await left(database, admin_url)) == 8


async def test_a_place_is_reached_only_with_what_it_ends(database, kept, admin_url):
    with pytest.raises(Exception, match="uuid"):
        await kept.forget("r", "", page(Ending(OWNER, P1), Ending("no uuid", P1)))
    assert await kept.reached("r") == ""
    assert len(await left(database, admin_url)) == 8


async def test_every_table_with_rows_of_users_is_emptied(database, admin_url):
    """A table that is added later, with an owner, has to be named in the storage of endings."""
    connection = await asyncpg.connect(admin_url(database.engine.url.render_as_string(hide_password=False)))
    try:
        rows = await connection.fetch("""
            SELECT DISTINCT table_name FROM information_schema.columns
            WHERE table_schema = 'risk' AND column_name IN ('owner_id', 'user_id')""")
    finally:
        await connection.close()
    assert {row["table_name"] for row in rows} == {"results", "snapshots"}


@pytest.fixture
async def events():
    return servers.Events()


@pytest.fixture
async def read(events, kept):
    """Read the events of a stub of the portfolio service, as one reader and at one time."""
    portfolio = servers.Portfolio(None)
    portfolio.events = events
    channels = Channels("risk", servers.SERVICE_KEY)
    async with servers.serving_portfolio(portfolio) as address:
        client = EventsClient(channels.channel("portfolio", address))
        yield lambda reader, now=NOW: Forgetting(client, kept, reader, lambda: now).catch_up()
        await channels.close()


async def test_all_pages_are_read_and_the_next_time_only_what_is_new(database, read, events, admin_url):
    for _ in range(250):
        events.tell(Event.PORTFOLIO_CHANGED, OWNER, P1)
    events.tell(Event.PORTFOLIO_DELETED, OWNER, P1)
    await read(AT_ONCE)
    assert events.asked == ["", "100", "200", "251"]
    assert (OWNER, P1) not in await left(database, admin_url)
    events.tell(Event.USER_DELETED, OWNER)
    await read(AT_ONCE)
    assert events.asked[4:] == ["251", "252"]
    assert await left(database, admin_url) == sorted(everything(OTHER))


async def test_what_is_no_end_ends_nothing(database, read, events, admin_url):
    for kind in (Event.PORTFOLIO_CHANGED, Event.IMPORT_COMPLETED):
        events.tell(kind, OWNER, P1)
    await read(AT_ONCE)
    assert len(await left(database, admin_url)) == 8


async def test_two_at_once_come_to_the_same_end(database, kept, read, events, admin_url):
    for _ in range(300):
        events.tell(Event.PORTFOLIO_DELETED, OWNER, P1)
    await asyncio.gather(*(read(AT_ONCE) for _ in range(4)))
    assert await kept.reached(AT_ONCE.name) == "300"
    assert len(await left(database, admin_url)) == 7


async def test_what_a_call_under_way_kept_after_the_end_goes_too(database, read, events, admin_url):
    events.tell(Event.PORTFOLIO_DELETED, OWNER, P1, NOW)
    events.tell(Event.PORTFOLIO_DELETED, OWNER, P2, NOW + timedelta(minutes=1))
    await read(AT_ONCE)
    await add(database, OWNER, P1)
    await add(database, OWNER, P2)
    await read(AFTER_CALLS, NOW + AFTER_CALLS.delay - timedelta(seconds=1))
    assert {(OWNER, P1), (OWNER, P2)} < set(await left(database, admin_url))
    await read(AFTER_CALLS, NOW + AFTER_CALLS.delay)
    now_left = await left(database, admin_url)
    assert (OWNER, P1) not in now_left
    assert (OWNER, P2) in now_left
    await read(AFTER_CALLS, NOW + timedelta(hours=1))
    assert (OWNER, P2) not in await left(database, admin_url)


def test_late_readers_come_after_whatever_can_still_write():
    longest_call = max(
        policy.seconds or 0.0 for policy in contract.methods(contract.services_of("risk")).values() if policy
    )
    assert 0 < longest_call < AFTER_CALLS.delay.total_seconds()
    life = typing.get_type_hints(PortfolioSettings, include_extras=True)["access_token_seconds"].__metadata__[0].le
    assert life + longest_call < AFTER_TOKENS.delay.total_seconds()


@pytest.mark.parametrize(
    ("kind", "user_id", "portfolio_id"),
    [(Event.PORTFOLIO_DELETED, OWNER, ""), (Event.USER_DELETED, OWNER, P1), (Event.USER_DELETED, "", "")],
)
async def test_an_end_of_nothing_known_is_refused_and_not_passed_over(kept, read, events, kind, user_id, portfolio_id):
    """Read as the end of an account, a portfolio's event without a portfolio would take everything of its owner."""
    events.tell(kind, user_id, portfolio_id)
    with pytest.raises(ValueError, match="does not say what has ended"):
        await read(AT_ONCE)
    assert await kept.reached(AT_ONCE.name) == ""


@dataclasses.dataclass
class Behind:
    """What stands behind the service, and a portfolio service that can be stopped."""

    settings: Settings
    portfolio: PastPortfolio
    marketdata: PastMarketData
    portfolio_service: AsyncExitStack

    def running(self):
        """Run the service."""
        return running(self.settings, self.portfolio, self.marketdata)


@pytest.fixture
async def behind(database_url):
    portfolio = PastPortfolio((on(AAPL, DAYS[0], entry_price=100.0),), cash=[("USD", 5_000.0)])
    marketdata = PastMarketData({1: [100.0, 102.0, 101.0, 105.0, 107.0]})
    async with AsyncExitStack() as opened, AsyncExitStack() as portfolio_service:
        settings = Settings(
            listen_address="127.0.0.1:0",
            service_key=servers.SERVICE_KEY,
            database_url=Secret(database_url("risk")),
            drain_seconds=0.0,
            rate_limits="off",
            events_seconds=0.01,
            portfolio_address=await portfolio_service.enter_async_context(servers.serving_portfolio(portfolio)),
            marketdata_address=await opened.enter_async_context(servers.serving_marketdata(marketdata)),
        )
        yield Behind(settings, portfolio, marketdata, portfolio_service)


@pytest.fixture
async def stack(behind):
    async with behind.running() as opened:
        yield opened


async def until(condition, *arguments):
    """Ask until it is so."""
    async with asyncio.timeout(60):
        while not await condition(*arguments):  # noqa: ASYNC110 - the rows of another task tell nobody
            await asyncio.sleep(0.01)


def result(stack, result_id):
    return stack.results.GetResult(GetResultRequest(result_id=result_id), metadata=servers.metadata())


async def is_gone(stack, result_id):
    try:
        await result(stack, result_id)
    except grpc.aio.AioRpcError:
        assert await refused(result(stack, result_id)) == GONE
        return True
    return False


async def rows(stack, admin_url):
    connection = await asyncpg.connect(admin_url(str(stack.settings.database_url)))
    try:
        return [await connection.fetchval(f"SELECT count(*) FROM risk.{table}") for table in ("results", "snapshots")]
    finally:
        await connection.close()


async def fill(stack):
    """Ask for a result and a snapshot; give the result's id."""
    asked = CreateSnapshotRequest(portfolio_id=PORTFOLIO_ID)
    await stack.analytics.CreateSnapshot(asked, metadata=servers.metadata())
    return (await stack.overview()).metadata.result_id


async def test_results_and_snapshots_of_a_deleted_portfolio_are_gone_and_no_cache_has_them(stack, admin_url):
    first = await fill(stack)
    everything_of_the_owner = (await stack.overview(portfolio_id="all")).metadata.result_id
    assert (await stack.overview()).served.cached
    stack.portfolio.deleted = True
    # Answers and the book are still in memory; before the event is heard of, and after it, that helps nobody.
    assert await stack.refusal() == GONE
    stack.portfolio.events.tell(Event.PORTFOLIO_DELETED, OWNER, PORTFOLIO_ID)
    await until(is_gone, stack, first)
    assert await rows(stack, admin_url) == [1, 0]
    assert await result(stack, everything_of_the_owner)
    assert await stack.refusal() == GONE
    asked = ListSnapshotsRequest(portfolio_id=PORTFOLIO_ID)
    assert await refused(stack.analytics.ListSnapshots(asked, metadata=servers.metadata())) == GONE
    now_all = await stack.overview(portfolio_id="all")
    assert now_all.metadata.result_id != everything_of_the_owner
    assert now_all.reason == "no_portfolio"


async def test_an_account_ends_with_all_that_is_kept_of_it(stack, admin_url):
    first = await fill(stack)
    of_all = (await stack.overview(portfolio_id="all")).metadata.result_id
    stack.portfolio.events.tell(Event.USER_DELETED, OWNER)
    await until(is_gone, stack, first)
    assert await is_gone(stack, of_all)
    assert await rows(stack, admin_url) == [0, 0]


async def test_a_portfolio_service_that_is_away_is_told_once_and_waited_for(behind, stack, caplog):
    first = await fill(stack)
    await behind.portfolio_service.aclose()

    def told():
        return [line for line in caplog.messages if line.startswith("forgetting what ended, at once, failed")]

    async def noticed():
        return bool(told())

    await until(noticed)
    stack.portfolio.events.tell(Event.PORTFOLIO_DELETED, OWNER, PORTFOLIO_ID)
    async with servers.serving_portfolio(stack.portfolio, address=stack.settings.portfolio_address):
        await until(is_gone, stack, first)
        assert len(told()) == 1


async def test_a_restarted_service_goes_on_where_it_was(behind):
    events = behind.portfolio.events
    events.tell(Event.PORTFOLIO_DELETED, OWNER, PORTFOLIO_ID)

    async def asked_after(place):
        return place in events.asked

    async with behind.running() as first:
        await until(asked_after, "1")
        kept = await fill(first)
    events.asked.clear()
    events.tell(Event.PORTFOLIO_CHANGED, OWNER, PORTFOLIO_ID)
    async with behind.running() as again:
        await until(asked_after, "2")
        assert await result(again, kept), "an event that was applied is not applied again"
