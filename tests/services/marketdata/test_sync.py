"""Syncs from vendors: what they are asked for, whom to believe, and what is left when something fails midway."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.errors import InvalidFields
from services.marketdata.domain.corporate_actions import ActionKind, CorporateAction
from services.marketdata.domain.fetched import Reason, RejectedRow, RowKind
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.storage import ingestion, ingestions, ledger, quarantine
from tests.services.marketdata.conftest import wait_for_waiter
from tests.services.marketdata.market import (
    Bringing,
    FakeVendor,
    days,
    listing,
    price_at,
    provider_of,
    row_count,
    series,
    standing,
    vendor_of,
)

RAW, ADJUSTED = PriceBasis.RAW, PriceBasis.TOTAL_RETURN_ADJUSTED
NOW = datetime(2022, 12, 28, 22, tzinfo=UTC)
"""An hour after the close of a session."""
CALENDAR_BEGINS = date(1990, 1, 1)
TO_28 = dict.fromkeys((1, 2, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23, 27, 28), 1.0)
"""Closes of all sessions of December so far."""


def bringing(database: Database, *providers: object, now: datetime = NOW) -> Bringing:
    return Bringing(database, *providers, now=now)


async def all_rows(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.transaction() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


def action(symbol: str, day: int, kind: ActionKind, value: float) -> CorporateAction:
    return CorporateAction(symbol, days(day)[0], kind, value)


# --- only what is missing ---


async def test_a_vendor_is_asked_for_what_is_missing_alone(database: Database):
    vendor = vendor_of(A=TO_28)
    first = await bringing(database, vendor).sync("", ["A"])
    assert (first.outcomes[0].stored_count, first.outcomes[0].provider) == (19, "vendor")
    assert vendor.asked == [(["A"], CALENDAR_BEGINS, days(28)[0])]

    vendor.asked.clear()
    again = await bringing(database, vendor).sync("", ["A"])
    assert (again.data_version, again.outcomes[0].reason, again.outcomes[0].provider) == (0, "", "")
    assert vendor.asked == []

    vendor.bars = [series("A", days(29, 30), [1.0, 1.0], RAW)]
    later = await bringing(database, vendor, now=datetime(2022, 12, 30, 22, tzinfo=UTC)).sync("", ["A"])
    assert (later.data_version, later.last_session) == (2, days(30)[0])
    assert vendor.asked == [(["A"], days(29)[0], days(30)[0])]


async def test_symbols_that_lack_different_days_are_asked_for_separately(database: Database):
    vendor = vendor_of(A=TO_28, B=TO_28)
    await bringing(database, vendor).sync("", ["A"])
    vendor.asked.clear()
    await bringing(database, vendor, now=datetime(2022, 12, 29, 22, tzinfo=UTC)).sync("", ["A", "B"])
    assert sorted(vendor.asked) == [
        (["A"], days(29)[0], days(29)[0]),
        (["B"], CALENDAR_BEGINS, days(29)[0]),
    ]


async def test_a_gap_is_filled_when_the_vendor_has_it(database: Database):
    vendor = vendor_of(A={day: close for day, close in TO_28.items() if day != 27})
    await bringing(database, vendor).sync("", ["A"])
    vendor.bars = [series("A", days(*TO_28), list(TO_28.values()), RAW)]
    vendor.asked.clear()
    again = await bringing(database, vendor).sync("", ["A"])
    assert vendor.asked == [(["A"], days(27)[0], days(27)[0])]
    assert again.outcomes[0].stored_count == 1


async def test_a_day_that_nobody_has_is_not_asked_for_for_ever(database: Database):
    """The day is asked for while it is new; after that only somebody who wants certain sessions asks again."""
    vendor = vendor_of(A={19: 1.0})
    await bringing(database, vendor).sync("", ["A"])
    vendor.asked.clear()
    much_later = datetime(2023, 2, 28, 22, tzinfo=UTC)
    vendor.bars = [series("A", [date(2023, 2, n) for n in range(1, 29)], [1.0] * 28, RAW)]
    await bringing(database, vendor, now=much_later).sync("", ["A"])
    assert vendor.asked[0][1] > days(28)[0]
    vendor.asked.clear()
    assert (await bringing(database, vendor, now=much_later).sync("", ["A"])).outcomes[0].reason == ""
    assert vendor.asked == []
    await bringing(database, vendor, now=much_later).sync("", ["A"], session_count=60)
    assert vendor.asked != []


async def test_all_from_a_day_on_is_brought_anew_when_asked_for(database: Database):
    vendor = vendor_of(A=TO_28)
    await bringing(database, vendor).sync("", ["A"])
    vendor.bars = [series("A", days(20, 21), [1.0, 1.25], RAW)]
    corrected = await bringing(database, vendor).sync("", ["A"], first=days(20)[0])
    assert (corrected.data_version, corrected.outcomes[0].stored_count) == (2, 1)
    assert (await price_at(database, "A", 21, 1), await price_at(database, "A", 21, 2)) == (1.0, 1.25)


async def test_files_are_read_whole_each_time(database: Database):
    file = provider_of(A={19: 1.0, 20: 2.0})
    await bringing(database, file).sync()
    file.bars = [series("A", days(19, 20), [1.5, 2.0])]
    assert (await bringing(database, file).sync()).outcomes[0].stored_count == 1


async def test_the_bar_of_a_session_that_has_not_closed_is_no_bar_yet(database: Database):
    vendor = vendor_of(A=TO_28)
    await bringing(database, vendor, now=datetime(2022, 12, 28, 20, tzinfo=UTC)).sync("", ["A"])
    assert await row_count(database) == 18
    assert await row_count(database, "quarantine") == 0


async def test_who_lists_nothing_must_be_told_the_symbols(database: Database):
    with pytest.raises(InvalidFields, match="symbols must name some: vendor cannot list"):
        await bringing(database, vendor_of(A=TO_28)).sync("")


# --- whom to believe ---


async def test_a_vendor_that_is_down_costs_nothing_that_was_there(database: Database):
    vendor = vendor_of(A=TO_28)
    await bringing(database, vendor).sync("", ["A"])
    next_day = datetime(2022, 12, 29, 22, tzinfo=UTC)
    vendor.down = Reason.UNAVAILABLE
    failed = await bringing(database, vendor, now=next_day).sync("", ["A"])
    assert [(one.reason, one.provider) for one in failed.outcomes] == [("provider_unavailable", "")]
    assert (failed.data_version, failed.last_session) == (0, days(28)[0])
    assert await price_at(database, "A", 28, 1) == 1.0

    vendor.down, vendor.bars = None, [series("A", days(29), [2.0], RAW)]
    assert (await bringing(database, vendor, now=next_day).sync("", ["A"])).outcomes[0].stored_count == 1


async def test_a_failed_vendor_is_asked_again_for_all_of_it(database: Database):
    vendor = vendor_of(A=TO_28)
    vendor.down = Reason.RATE_LIMITED
    vendor.listed = {}
    await bringing(database, provider_of(A={}), vendor).sync("vendor", ["A"])
    assert await row_count(database, "history_checks") == 0


async def test_the_next_vendor_answers_what_the_first_could_not(database: Database):
    first, second = vendor_of("first", A=TO_28), vendor_of("second", A={19: 5.0}, B=TO_28)
    synced = await bringing(database, first, second).sync("", ["A", "B", "C"])
    assert [(one.symbol, one.provider, one.reason) for one in synced.outcomes] == [
        ("A", "first", ""),
        ("B", "second", ""),
        ("C", "", "unknown_symbol"),
    ]
    assert await all_rows(database, "SELECT DISTINCT instrument_id, source FROM daily_bars ORDER BY 1") == [
        (1, "first"),
        (2, "second"),
    ]
    assert await all_rows(database, "SELECT provider FROM data_versions") == [("first,second",)]


async def test_who_stands_in_may_not_change_the_basis(database: Database):
    first = vendor_of("first", A=TO_28)
    other = vendor_of("other", ADJUSTED, A={19: 0.9, 29: 0.9})
    await bringing(database, first).sync("", ["A"])
    first.down = Reason.UNAVAILABLE
    synced = await bringing(database, first, other, now=datetime(2022, 12, 29, 22, tzinfo=UTC)).sync("", ["A"])
    assert [(one.stored_count, one.reason) for one in synced.outcomes] == [(0, "other_price_basis")]


async def test_who_leads_changes_the_basis_of_the_whole_history(database: Database):
    await bringing(database, vendor_of("leading", ADJUSTED, A=TO_28)).sync("", ["A"])
    leading = vendor_of("leading", A={**dict.fromkeys(TO_28, 2.0), 29: 2.0})
    synced = await bringing(database, leading, now=datetime(2022, 12, 29, 22, tzinfo=UTC)).sync("", ["A"])
    assert leading.asked == [
        (["A"], days(29)[0], days(29)[0]),
        (["A"], CALENDAR_BEGINS, days(29)[0]),
    ]
    assert synced.outcomes[0].stored_count == 20
    assert (await price_at(database, "A", 20, 1), await price_at(database, "A", 20, 2)) == (1.0, 2.0)


async def test_a_known_instrument_is_asked_for_once_and_one_without_a_name_again(database: Database):
    vendor = vendor_of(A=TO_28, B=TO_28)
    vendor.listed["B"] = listing("B").__class__("B", Kind.STOCK, "", "", "USD", "", "", 1.0)
    for _ in range(2):
        await bringing(database, vendor).sync("", ["A", "B"])
    assert vendor.asked_listings == ["A", "B", "B"]


# --- corporate actions ---


async def test_actions_come_with_the_bars_under_one_version(database: Database):
    vendor = vendor_of(A=TO_28)
    vendor.actions = [action("A", 21, ActionKind.DIVIDEND, 0.25)]
    synced = await bringing(database, vendor).sync("", ["A"])
    assert (synced.data_version, synced.outcomes[0].stored_count) == (1, 20)
    rows = await all_rows(
        database, "SELECT instrument_id, ex_date, kind, value, source, data_version FROM corporate_actions"
    )
    assert rows == [(1, days(21)[0], 2, 0.25, "vendor", 1)]
    assert (await bringing(database, vendor).sync("", ["A"])).data_version == 0


async def test_an_action_that_is_taken_back_is_a_new_row_without_a_value(database: Database):
    vendor = vendor_of(A=TO_28)
    vendor.actions = [action("A", 21, ActionKind.SPLIT, 2.0), action("A", 22, ActionKind.DIVIDEND, 0.25)]
    await bringing(database, vendor).sync("", ["A"])
    vendor.actions = [action("A", 22, ActionKind.DIVIDEND, 0.3)]
    assert (await bringing(database, vendor).sync("", ["A"])).outcomes[0].stored_count == 2
    rows = await all_rows(
        database, "SELECT extract(day FROM ex_date)::int, value, data_version FROM corporate_actions ORDER BY 1, 3"
    )
    assert rows == [(21, 2.0, 1), (21, None, 2), (22, 0.25, 1), (22, 0.3, 2)]
    assert (await bringing(database, vendor).sync("", ["A"])).data_version == 0


async def test_a_jump_is_stored_with_its_split_and_set_aside_without(database: Database):
    closes = {19: 600.0, 20: 600.0, 21: 600.0, 22: 2.0, 23: 2.0}
    vendor = vendor_of(A=closes, B=closes)
    vendor.actions = [action("A", 22, ActionKind.SPLIT, 300.0)]
    synced = await bringing(database, vendor).sync("", ["A", "B"])
    assert [(one.stored_count, one.quarantined_count) for one in synced.outcomes] == [(6, 0), (3, 2)]
    async with database.transaction() as connection:
        rows = await quarantine.page(connection, "B", 0, 10)
    assert {row.reason for row in rows} == {"jump_without_split"}


async def test_where_nobody_was_asked_for_actions_nobody_knows_of_any(database: Database):
    class BarsAlone(FakeVendor):
        fetch_corporate_actions = None

    await bringing(database, BarsAlone([listing("A")], [series("A", days(19), [1.0], RAW)], "bars")).sync("", ["A"])
    assert await all_rows(database, "SELECT kind, sources FROM history_checks") == [("bars", "bars")]


# --- bad rows ---


async def test_bad_rows_are_kept_with_their_reasons_once(database: Database):
    bad = {19: 1.0, 20: float("nan"), 21: 0.0, 22: -1.0, 23: 100.0, 24: 1.0, 27: 1.0, 28: 1.0}
    vendor = vendor_of(A=bad)
    vendor.bars = [
        series("A", [*days(*bad), date(2030, 1, 2)], [*bad.values(), 1.0], RAW),
    ]
    vendor.careless = True
    for number in range(2):
        synced = await bringing(database, vendor).sync("", ["A"], first=days(19)[0])
        assert (synced.outcomes[0].stored_count, synced.outcomes[0].quarantined_count) == (0 if number else 3, 5)
    async with database.transaction() as connection:
        rows = await quarantine.page(connection, "A", 0, 10)
    assert [(str(row.row_date), row.reason) for row in reversed(rows)] == [
        ("2022-12-21", "not_positive"),
        ("2022-12-22", "not_positive"),
        ("2022-12-23", "jump_without_split"),
        ("2022-12-24", "not_a_session"),
        ("2030-01-02", "future_date"),
    ]
    assert {(row.kind, row.source, row.symbol) for row in rows} == {("bar", "vendor", "A")}
    assert await price_at(database, "A", 23, 1) == 1.0


async def test_rows_that_the_source_itself_could_not_read_are_kept_too(database: Database):
    vendor = vendor_of(A=TO_28)
    vendor.rejected = [RejectedRow(RowKind.BAR, "A", days(27)[0], '{"c": "NaN"}', "vendor", "not_a_number", "c")]
    synced = await bringing(database, vendor).sync("", ["A"], first=days(19)[0])
    assert (synced.outcomes[0].stored_count, synced.outcomes[0].quarantined_count) == (7, 1)
    rows = await all_rows(database, "SELECT row_json::text, reason FROM quarantine")
    assert rows == [('{"c": "NaN"}', "not_a_number")]


# --- midway ---


async def test_a_sync_that_is_cut_off_leaves_nothing_and_can_be_repeated(database: Database):
    vendor = vendor_of(A=TO_28)
    vendor.actions = [action("A", 21, ActionKind.DIVIDEND, 0.25)]
    async with database.transaction() as holder:
        await ledger.next_version(holder)
        syncing = asyncio.create_task(bringing(database, vendor).sync("", ["A"]))
        await wait_for_waiter(database)
        syncing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await syncing
    for table in ("daily_bars", "corporate_actions", "data_versions", "staged_bars", "history_checks"):
        assert await row_count(database, table) == 0
    async with database.transaction() as connection:
        (entry,) = await ingestions.page(connection, 0, 10)
    assert (entry.finished_at, entry.symbol_count, entry.done_count) == (None, 1, 0)

    assert (await bringing(database, vendor).sync("", ["A"])).outcomes[0].stored_count == 20
    assert await standing(database) == 1


async def test_who_comes_second_stores_only_what_the_first_did_not(database: Database):
    """Both have compared with an empty history; the second is told so by the version, and compares again."""
    await bringing(database, vendor_of(A={19: 1.0})).sync("", ["A"])
    told = ingestion.SourcedBars(1, series("A", days(20, 21), [2.0, 3.0], RAW), "slow")
    async with database.transaction() as connection:
        first = ingestion.SourcedBars(1, series("A", days(20), [2.0], RAW), "fast")
        assert (await ingestion.store(connection, ingestion.Batch([first], known_version=1))).bars == {1: 1}
    async with database.transaction() as connection:
        stored = await ingestion.store(connection, ingestion.Batch([told], known_version=1))
    assert (stored.data_version, stored.bars) == (3, {1: 1})
    assert await all_rows(
        database, "SELECT extract(day FROM session_date)::int, source FROM daily_bars ORDER BY 1"
    ) == [
        (19, "vendor"),
        (20, "fast"),
        (21, "slow"),
    ]


async def test_repeating_a_sync_writes_no_row_anywhere_but_in_the_book(database: Database):
    vendor = vendor_of(A=TO_28, B={19: 0.0, 20: 1.0})
    vendor.actions = [action("A", 21, ActionKind.DIVIDEND, 0.25)]
    await bringing(database, vendor).sync("", ["A", "B"])
    before = await _written(database)
    await bringing(database, vendor).sync("", ["A", "B"], first=days(19)[0])
    after = await _written(database)
    assert {table: after[table] - count for table, count in before.items() if after[table] != count} == {
        "ingestions": 2
    }


async def _written(database: Database) -> dict[str, int]:
    """Count the rows that were ever inserted, updated or deleted, by table."""
    for connection in await asyncio.gather(*(database.engine.connect() for _ in range(8))):
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
        await connection.close()
    query = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'marketdata'"
    return dict(await all_rows(database, query))  # type: ignore[arg-type]


# --- the book ---


async def test_the_book_says_what_came_of_each_act(database: Database):
    vendor = vendor_of(A=TO_28, B={19: 0.0})
    await bringing(database, vendor).sync("", ["A", "B", "NOPE"])
    async with database.transaction() as connection:
        (entry,) = await ingestions.page(connection, 0, 10)
    assert (entry.kind, list(entry.providers), entry.data_version) == ("bars", ["vendor"], 1)
    assert (entry.symbol_count, entry.done_count, entry.failed_count) == (3, 3, 1)
    assert (entry.stored_count, entry.quarantined_count) == (19, 1)
    assert entry.finished_at is not None
    assert entry.finished_at > entry.started_at
