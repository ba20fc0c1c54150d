"""Syncing, sealing, and keeping the calendar: on a real PostgreSQL, with a small provider."""

from datetime import UTC, date, datetime, time

import numpy as np
import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.errors import InvalidFields
from services.marketdata.application.seal import Sealed, seal
from services.marketdata.domain.bars import Bar, BarSeries
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.storage import calendar, instruments, prices, versions
from tests.services.marketdata.market import (
    FIRST,
    TODAY,
    Bringing,
    FakeCalendar,
    FakeProvider,
    SyncsOf,
    days,
    ids_of,
    listing,
    provider_of,
    row_count,
    standing,
)

ADJUSTED = PriceBasis.TOTAL_RETURN_ADJUSTED


# --- syncing ---


async def test_a_sync_stores_what_is_new_and_again_nothing(database: Database, syncs_of: SyncsOf):
    syncs = syncs_of(provider_of(A={19: 1.0, 20: 2.0}, B={20: 5.0}))
    first = await syncs.sync()
    assert (first.data_version, first.last_session) == (1, days(20)[0])
    assert [(one.symbol, one.stored_count, one.reason) for one in first.outcomes] == [("A", 2, ""), ("B", 1, "")]

    again = await syncs.sync()
    assert (again.data_version, again.last_session) == (0, days(20)[0])
    assert [one.stored_count for one in again.outcomes] == [0, 0]
    assert (await standing(database), await row_count(database)) == (1, 3)


async def test_only_missing_and_changed_bars_are_stored(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider_of(A={19: 1.0, 20: 2.0, 22: 4.0})).sync()
    second = await syncs_of(provider_of(A={19: 1.0, 20: 2.5, 21: 3.0, 22: 4.0})).sync()
    assert (second.data_version, second.outcomes[0].stored_count) == (2, 2)
    assert await row_count(database) == 5
    async with database.transaction() as connection:
        row = (await connection.execute(text("SELECT * FROM data_versions WHERE version = 2"))).one()
    assert (row.provider, row.row_count) == ("fake", 2)
    assert (row.first_session_date, row.last_session_date) == tuple(days(20, 21))


async def test_nothing_staged_is_left_behind(database: Database, syncs_of: SyncsOf):
    syncs = syncs_of(provider_of(A={19: 1.0}))
    for _ in range(2):
        await syncs.sync()
        assert await row_count(database, "staged_bars") == 0


async def test_one_bad_symbol_does_not_stop_the_others(database: Database, syncs_of: SyncsOf):
    source = provider_of(GOOD={19: 1.0}, ZERO={19: 0.0}, SUNDAY={18: 1.0})
    source.listed["EMPTY"] = listing("EMPTY")
    synced = await syncs_of(source).sync("fake", ["zero", "NOPE", "Good", "EMPTY", "SUNDAY", "GOOD"])
    assert [
        (one.symbol, one.stored_count, one.quarantined_count, one.provider, one.reason) for one in synced.outcomes
    ] == [
        ("ZERO", 0, 1, "fake", ""),
        ("NOPE", 0, 0, "", "unknown_symbol"),
        ("GOOD", 1, 0, "fake", ""),
        ("EMPTY", 0, 0, "", "no_history"),
        ("SUNDAY", 0, 1, "fake", ""),
    ]
    assert await row_count(database) == 1


async def test_an_unknown_provider_is_refused_by_name(syncs_of: SyncsOf):
    with pytest.raises(InvalidFields, match=r"provider: 'tea leaves'.*fake"):
        await syncs_of(provider_of()).sync("tea leaves")


async def test_a_listing_that_changed_is_replaced_and_keeps_its_id(database: Database, syncs_of: SyncsOf):
    source = provider_of(A={19: 1.0})
    await syncs_of(source).sync()
    before = await ids_of(database, "A")
    source.listed = {"A": listing("A", sector="Utilities"), "B": listing("B")}
    await syncs_of(source).sync()
    async with database.transaction() as connection:
        found = await instruments.by_symbols(connection, ["A", "B"])
    assert found["A"].listing.sector == "Utilities"
    assert [found["A"].instrument_id] == before


async def test_syncing_again_uses_up_no_ids(database: Database, syncs_of: SyncsOf):
    source = provider_of(A={19: 1.0})
    for _ in range(5):
        await syncs_of(source).sync()
    source.listed["B"] = listing("B")
    await syncs_of(source).sync()
    assert await ids_of(database, "A", "B") == [1, 2]


async def test_columns_a_source_lacks_are_null_and_the_others_are_kept(database: Database, syncs_of: SyncsOf):
    full = BarSeries(
        "A",
        np.array(days(19, 20), dtype="datetime64[D]"),
        np.array([2.0, 3.0]),
        ADJUSTED,
        open=np.array([1.5, np.nan]),
        high=np.array([2.5, np.nan]),
        low=np.array([1.25, 2.75]),
        volume=np.array([0.0, 1e9]),
    )
    source = FakeProvider([listing("A")], [full])
    await syncs_of(source).sync()
    assert (await syncs_of(source).sync()).data_version == 0
    (instrument_id,) = await ids_of(database, "A")
    async with database.transaction() as connection:
        bars = await prices.bars(connection, instrument_id, ADJUSTED, (date.min, date.max), 1, 10)
    assert bars == [
        Bar(days(19)[0], 1.5, 2.5, 1.25, 2.0, 0.0, "fake", 1),
        Bar(days(20)[0], None, None, 2.75, 3.0, 1e9, "fake", 1),
    ]


# --- calendar and seals ---


async def test_the_calendar_is_filled_once_and_again_when_its_source_changes(database: Database):
    source = FakeCalendar("1")
    syncs = Bringing(database, provider_of(A={19: 1.0}), calendar=source)
    await syncs.sync()
    await syncs.sync()
    assert len(source.asked) == 1
    async with database.transaction() as connection:
        reach = await calendar.reach(connection)
        assert reach is not None
        assert (reach.last_date - TODAY).days >= 365
        assert not await calendar.is_session(connection, date(2023, 1, 2))

    mourning = date(2023, 3, 1)
    source.version, source.closed = "2", {mourning}
    await syncs.sync()
    async with database.transaction() as connection:
        assert not await calendar.is_session(connection, mourning)
        assert await calendar.is_session(connection, date(2023, 1, 2))
        dates = await calendar.session_dates(connection, FIRST, date(2022, 12, 28))
    assert [day.day for day in dates] == [19, 20, 21, 22, 23, 26, 27, 28]


async def test_the_calendar_is_filled_again_before_it_ends(database: Database):
    source = FakeCalendar()
    for today, fillings in ((TODAY, 1), (date(2024, 1, 8), 1), (date(2024, 3, 1), 2)):
        now = datetime.combine(today, time(12), UTC)
        await Bringing(database, provider_of(A={19: 1.0}), calendar=source, now=now).sync()
        assert len(source.asked) == fillings


async def test_seals_move_forward_alone(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider_of(A={19: 1.0, 20: 2.0, 21: 3.0})).sync()
    assert await seal(database, days(20)[0]) == Sealed(days(20)[0], 1)
    assert await seal(database, days(20)[0]) == Sealed(days(20)[0], 1)
    assert await seal(database, days(19)[0]) == Sealed(days(20)[0], 1)
    assert await row_count(database, "seals") == 1
    assert await seal(database, days(21)[0]) == Sealed(days(21)[0], 1)

    await syncs_of(provider_of(A={21: 3.5})).sync()
    assert await seal(database, days(21)[0]) == Sealed(days(21)[0], 2)
    assert await row_count(database, "seals") == 3


@pytest.mark.parametrize(("day", "rule"), [(24, "is not a session"), (22, "newest session that has any is 2022-12-21")])
async def test_what_has_no_prices_is_not_sealed(database: Database, syncs_of: SyncsOf, day: int, rule: str):
    await syncs_of(provider_of(A={21: 1.0})).sync()
    with pytest.raises(InvalidFields, match=f"session_date: '2022-12-{day}'.*{rule}"):
        await seal(database, days(day)[0])
    assert await row_count(database, "seals") == 0


async def test_a_day_means_the_session_on_or_before_it(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider_of(A={22: 1.0, 23: 2.0, 27: 3.0})).sync()
    await seal(database, days(27)[0])
    found = {}
    async with database.transaction() as connection:
        for day in (None, *days(21, 22, 23, 25, 27)):
            _, session, previous = await versions.session_on_or_before(connection, day)
            assert session is not None
            found[day.day if day else None] = session.session_date.day, previous.day if previous else None
    assert found == {None: (27, 23), 21: (21, None), 22: (22, None), 23: (23, 22), 25: (23, 22), 27: (27, 23)}
