"""Snapshots as the service keeps and lists them, and what it answers about the past."""

import uuid
from contextlib import AsyncExitStack

import grpc
import pytest

from chassis.settings import Secret
from plimsoll.risk.v1.analytics_service_pb2 import (
    CreateSnapshotRequest,
    GetAttributionRequest,
    GetPerformanceRequest,
    GetPnlExplainRequest,
    ListSnapshotsRequest,
)
from plimsoll.risk.v1.result_service_pb2 import ReplayResultRequest, ReplayResultResponse
from services.risk.application import snapshots
from services.risk.settings import Settings
from tests.services.risk import servers
from tests.services.risk.books import AAPL, PORTFOLIO_ID, SOLD, XOM
from tests.services.risk.conftest import refused, running
from tests.services.risk.past_servers import PastMarketData, PastPortfolio
from tests.services.risk.pasts import DAYS, LONG_AGO, on

CLOSES = {1: [100.0, 102.0, 101.0, 105.0, 107.0], 2: [50.0, 49.0, 48.0, 52.0, 51.0]}
SOLD_ONCE = on(SOLD, DAYS[1], instrument_id=2, quantity=200.0, entry_price=49.5, exit_price=51.0)


@pytest.fixture
async def stack(database_url):
    held = (on(AAPL, DAYS[0], entry_price=100.0), on(XOM, DAYS[1], entry_price=50.0))
    portfolio = PastPortfolio(held, ((SOLD_ONCE, DAYS[3]),), cash=[("USD", 5_000.0)])
    marketdata = PastMarketData(CLOSES)
    async with AsyncExitStack() as opened:
        settings = Settings(
            listen_address="127.0.0.1:0",
            service_key=servers.SERVICE_KEY,
            database_url=Secret(database_url("risk")),
            drain_seconds=0.0,
            rate_limits="off",
            portfolio_address=await opened.enter_async_context(servers.serving_portfolio(portfolio)),
            marketdata_address=await opened.enter_async_context(servers.serving_marketdata(marketdata)),
        )
        yield await opened.enter_async_context(running(settings, portfolio, marketdata))


def create(stack, user_id=servers.OWNER, portfolio_id=PORTFOLIO_ID, **request):
    asked = CreateSnapshotRequest(portfolio_id=portfolio_id, **request)
    return stack.analytics.CreateSnapshot(asked, metadata=servers.metadata(user_id))


def listed(stack, user_id=servers.OWNER, portfolio_id=PORTFOLIO_ID, **request):
    asked = ListSnapshotsRequest(portfolio_id=portfolio_id, **request)
    return stack.analytics.ListSnapshots(asked, metadata=servers.metadata(user_id))


def counts(answer):
    return answer.created_count, answer.replaced_count, answer.unchanged_count


async def test_a_snapshot_of_the_newest_session_says_what_the_overview_says(stack):
    made = await create(stack)
    assert (counts(made), made.start_date, made.end_date) == ((1, 0, 0), DAYS[4].isoformat(), DAYS[4].isoformat())
    overview, snapshot = await stack.overview(), made.snapshot
    assert snapshot.total_value == overview.total_value
    assert snapshot.gross_exposure == overview.exposures.gross_exposure
    assert snapshot.cumulative_pnl == overview.pnl.total_pnl
    assert snapshot.realized_pnl == overview.pnl.realized_pnl
    assert snapshot.position_count == overview.position_count.total_positions
    assert not snapshot.backfilled


async def test_the_same_again_is_one_row_with_the_same_bytes(stack):
    first = await create(stack)
    again = await create(stack)
    assert counts(again) == (0, 0, 1)
    assert again.snapshot.SerializeToString(deterministic=True) == first.snapshot.SerializeToString(deterministic=True)
    assert len((await listed(stack)).snapshots) == 1


async def test_a_range_begins_before_the_first_trade_at_the_earliest_and_reads_histories_once(stack):
    made = await create(stack, start_date=LONG_AGO.isoformat())
    assert counts(made) == (6, 0, 0)
    assert stack.marketdata.matrix_calls == 3
    assert stack.marketdata.mark_calls == 1
    found = (await listed(stack)).snapshots
    assert [snapshot.snapshot_date for snapshot in found][1:] == [day.isoformat() for day in DAYS]
    assert [snapshot.backfilled for snapshot in found] == [True] * 5 + [False]
    assert (found[0].position_count, found[0].total_value, found[0].market_value) == (0, found[0].cash_value, 0.0)
    assert found[-1].total_value - found[0].total_value == pytest.approx(found[-1].cumulative_pnl)


async def test_what_time_does_not_suffice_for_is_said_and_done_by_the_next_call(stack, monkeypatch):
    monkeypatch.setattr(snapshots, "AT_ONCE", 6)  # two sessions of three positions
    monkeypatch.setattr(snapshots, "SPARE_SECONDS", 1_000.0)  # more than a call ever has
    made = await create(stack, start_date=LONG_AGO.isoformat())
    first = DAYS[0].replace(day=DAYS[0].day - 1)
    assert (counts(made), made.remaining_count, made.next_start_date) == ((2, 0, 0), 4, DAYS[1].isoformat())
    assert (made.start_date, made.end_date) == (first.isoformat(), DAYS[0].isoformat())
    assert made.snapshot.snapshot_date == made.end_date
    assert [snapshot.snapshot_date for snapshot in (await listed(stack)).snapshots] == [made.start_date, made.end_date]
    more = await create(stack, start_date=made.next_start_date)
    last = await create(stack, start_date=more.next_start_date)
    assert (counts(more), counts(last)) == ((2, 0, 0), (2, 0, 0))
    assert (last.end_date, last.remaining_count, last.next_start_date) == (DAYS[4].isoformat(), 0, "")
    monkeypatch.undo()
    assert counts(await create(stack, start_date=LONG_AGO.isoformat())) == (0, 0, 6)


async def test_a_snapshot_of_the_day_stays_until_the_portfolio_changes(stack):
    await create(stack)
    stack.marketdata.closes[1][4] = 108.0
    assert counts(await create(stack, start_date=DAYS[3].isoformat())) == (1, 1, 0)  # corrected on its own day
    stack.portfolio.change(on(AAPL, DAYS[0], quantity=50.0, entry_price=100.0))
    assert counts(await create(stack, start_date=DAYS[3].isoformat())) == (0, 2, 0)
    assert (await listed(stack)).snapshots[-1].portfolio_revision == 4


async def test_pages_and_ranges(stack):
    await create(stack, start_date=DAYS[0].isoformat())
    first = await listed(stack, page_size=2)
    assert [snapshot.snapshot_date for snapshot in first.snapshots] == [day.isoformat() for day in DAYS[:2]]
    second = await listed(stack, page_size=2, page_token=first.next_page_token)
    assert [snapshot.snapshot_date for snapshot in second.snapshots] == [day.isoformat() for day in DAYS[2:4]]
    third = await listed(stack, page_size=2, page_token=second.next_page_token)
    assert (len(third.snapshots), third.next_page_token) == (1, "")
    inside = await listed(stack, start_date=DAYS[1].isoformat(), end_date=DAYS[2].isoformat())
    assert len(inside.snapshots) == 2


async def test_another_user_sees_and_makes_nothing(stack):
    await create(stack)
    stranger = str(uuid.uuid4())
    assert (await refused(create(stack, stranger)))[0] is grpc.StatusCode.NOT_FOUND
    assert (await refused(listed(stack, stranger)))[0] is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"start_date": "2022-12-29", "end_date": "2022-12-28"}, "start_date"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"end_date": "2022-02-30"}, "end_date"),
        ({"portfolio_id": "mine"}, "portfolio_id"),
    ],
)
async def test_bad_ranges_are_refused_by_name(stack, request_, field):
    code, _, fields = await refused(create(stack, **request_))
    assert (code, fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_more_than_ten_years_are_refused(stack):
    stack.portfolio.change(on(AAPL, LONG_AGO.replace(year=1999)))
    code, _, fields = await refused(create(stack, start_date="2000-01-01"))
    assert (code, fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["start_date"])


async def test_a_foreign_token_is_refused(stack):
    assert (await refused(listed(stack, page_token="nonsense")))[2] == ["page_token"]


def performance(stack, user_id=servers.OWNER, **request):
    asked = GetPerformanceRequest(portfolio_id=PORTFOLIO_ID, **request)
    return stack.analytics.GetPerformance(asked, metadata=servers.metadata(user_id))


async def test_performance_follows_the_snapshots_and_not_the_cache(stack):
    assert (await performance(stack)).reason == "no_snapshots"
    await create(stack, start_date=LONG_AGO.isoformat())
    found, rows = await performance(stack), (await listed(stack)).snapshots
    assert (found.available, found.performance_basis, found.snapshot_count) == (True, "funded_from_cash", 6)
    assert found.metrics.total_return == pytest.approx(rows[-1].total_value / rows[0].total_value - 1.0)
    assert not found.served.cached
    assert (await performance(stack)).served.cached
    stack.portfolio.change(on(AAPL, DAYS[0], quantity=50.0, entry_price=100.0))
    await create(stack, start_date=LONG_AGO.isoformat())
    other = await performance(stack, portfolio_revision=4)
    assert other.metrics.total_return != found.metrics.total_return


async def test_a_performance_is_replayed_to_the_last_bit_until_a_snapshot_changes(stack):
    await create(stack, start_date=LONG_AGO.isoformat())
    name = (await performance(stack)).metadata.result_id

    async def replay():
        request = ReplayResultRequest(result_id=name)
        return await stack.results.ReplayResult(request, metadata=servers.metadata())

    assert (await replay()).verdict == ReplayResultResponse.IDENTICAL
    stack.marketdata.closes[2][2] = 47.0
    await create(stack, start_date=LONG_AGO.isoformat())
    replayed = await replay()
    assert (replayed.verdict, list(replayed.changed)) == (ReplayResultResponse.INPUT_CHANGED, ["snapshots"])


def attribution(stack, user_id=servers.OWNER, **request):
    asked = GetAttributionRequest(portfolio_id=PORTFOLIO_ID, **request)
    return stack.analytics.GetAttribution(asked, metadata=servers.metadata(user_id))


async def test_attribution_adds_to_what_the_overview_says(stack):
    found, overview = await attribution(stack, group_by="type"), await stack.overview()
    assert found.total_pnl == pytest.approx(overview.pnl.total_pnl)
    assert found.realized_pnl == overview.pnl.realized_pnl
    assert {group.name: group.total_pnl for group in found.groups} == {"LONG": 700.0 + 300.0, "SHORT": -50.0}


async def test_attribution_since_a_day_is_what_the_snapshots_gained(stack):
    await create(stack, start_date=LONG_AGO.isoformat())
    rows = {snapshot.snapshot_date: snapshot for snapshot in (await listed(stack)).snapshots}
    start = DAYS[2].isoformat()
    found = await attribution(stack, start_date=start)
    gained = rows[DAYS[4].isoformat()].total_value - rows[start].total_value
    assert found.total_pnl == pytest.approx(gained)
    assert found.start_value == pytest.approx(rows[start].total_value)
    assert found.start_date == start


def pnl_explain(stack, user_id=servers.OWNER, **request):
    asked = GetPnlExplainRequest(portfolio_id=PORTFOLIO_ID, **request)
    return stack.analytics.GetPnlExplain(asked, metadata=servers.metadata(user_id))


async def test_the_explained_profit_is_that_of_the_snapshot(stack):
    snapshot, found = (await create(stack)).snapshot, await pnl_explain(stack)
    assert (found.start_date, found.end_date) == (DAYS[3].isoformat(), DAYS[4].isoformat())
    assert found.total_pnl == pytest.approx(snapshot.daily_pnl)
    assert found.factor_reason == "no_factor_data"
    assert sum(getattr(found.parts, part.name) for part in found.parts.DESCRIPTOR.fields) == pytest.approx(
        found.total_pnl
    )


@pytest.mark.parametrize("ask", [attribution, pnl_explain])
async def test_a_beginning_that_is_not_before_the_end_is_refused(stack, ask):
    code, _, fields = await refused(ask(stack, start_date=DAYS[4].isoformat()))
    assert (code, fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["start_date"])
    code, _, fields = await refused(ask(stack, start_date="2022-13-01"))
    assert (code, fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["start_date"])


@pytest.mark.parametrize("ask", [performance, attribution, pnl_explain])
async def test_the_past_of_another_user_is_not_found(stack, ask):
    assert (await refused(ask(stack, str(uuid.uuid4()))))[0] is grpc.StatusCode.NOT_FOUND
