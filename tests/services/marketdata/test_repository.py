"""What the database promises: versions, corrections, one row per symbol, rights. On a real PostgreSQL."""

import asyncio
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from chassis.database import Database
from chassis.errors import InvalidFields
from services.marketdata.application import prices as pricing
from services.marketdata.application.seal import Sealed, seal
from services.marketdata.application.sync import Syncs
from services.marketdata.domain.bars import Bar, BarSeries
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.storage import binary, calendar, ingestion, instruments, prices, versions
from tests.services.marketdata.market import FIRST, TODAY, FakeCalendar, FakeProvider, days, listing, series

ADJUSTED = PriceBasis.TOTAL_RETURN_ADJUSTED
SyncsOf = Callable[[FakeProvider], Syncs]


def provider(**closes: dict[int, float]) -> FakeProvider:
    """A provider of symbols with closes by day of December 2022."""
    bars = [series(symbol, days(*by_day), list(by_day.values())) for symbol, by_day in closes.items()]
    return FakeProvider([listing(symbol) for symbol in closes], bars)


async def ids_of(database: Database, *symbols: str) -> list[int]:
    async with database.transaction() as connection:
        found = await instruments.by_symbols(connection, symbols)
    return [found[symbol].instrument_id for symbol in symbols]


async def price_at(database: Database, symbol: str, day: int, version: int) -> float | None:
    (mark,) = await pricing.marks(database, await ids_of(database, symbol), days(day)[0], version)
    return mark.price


async def row_count(database: Database, table: str = "daily_bars") -> int:
    async with database.transaction() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")))


async def standing(database: Database) -> int:
    async with database.transaction() as connection:
        return (await versions.standing(connection)).data_version


# --- syncing ---


async def test_a_sync_stores_what_is_new_and_again_nothing(database: Database, syncs_of: SyncsOf):
    syncs = syncs_of(provider(A={19: 1.0, 20: 2.0}, B={20: 5.0}))
    first = await syncs.sync("fake", [])
    assert (first.data_version, first.last_session) == (1, days(20)[0])
    assert [(one.symbol, one.stored_count, one.reason) for one in first.outcomes] == [("A", 2, ""), ("B", 1, "")]

    again = await syncs.sync("fake", [])
    assert (again.data_version, again.last_session) == (0, days(20)[0])
    assert [one.stored_count for one in again.outcomes] == [0, 0]
    assert (await standing(database), await row_count(database)) == (1, 3)


async def test_only_missing_and_changed_bars_are_stored(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider(A={19: 1.0, 20: 2.0, 22: 4.0})).sync("fake", [])
    second = await syncs_of(provider(A={19: 1.0, 20: 2.5, 21: 3.0, 22: 4.0})).sync("fake", [])
    assert (second.data_version, second.outcomes[0].stored_count) == (2, 2)
    assert await row_count(database) == 5
    async with database.transaction() as connection:
        row = (await connection.execute(text("SELECT * FROM data_versions WHERE version = 2"))).one()
    assert (row.provider, row.row_count) == ("fake", 2)
    assert (row.first_session_date, row.last_session_date) == tuple(days(20, 21))


async def test_nothing_staged_is_left_behind(database: Database, syncs_of: SyncsOf):
    syncs = syncs_of(provider(A={19: 1.0}))
    await syncs.sync("fake", [])
    await syncs.sync("fake", [])
    assert await row_count(database, "staged_bars") == 0


async def test_one_bad_symbol_does_not_stop_the_others(database: Database, syncs_of: SyncsOf):
    source = provider(GOOD={19: 1.0}, ZERO={19: 0.0}, SUNDAY={18: 1.0})
    source.listed["EMPTY"] = listing("EMPTY")
    synced = await syncs_of(source).sync("fake", ["zero", "NOPE", "Good", "EMPTY", "SUNDAY", "GOOD"])
    assert [(one.symbol, one.stored_count, one.reason) for one in synced.outcomes] == [
        ("ZERO", 0, "impossible_price"),
        ("NOPE", 0, "unknown_symbol"),
        ("GOOD", 1, ""),
        ("EMPTY", 0, "no_history"),
        ("SUNDAY", 0, "day_not_a_session"),
    ]
    assert await row_count(database) == 1


async def test_an_unknown_provider_is_refused_by_name(syncs_of: SyncsOf):
    with pytest.raises(InvalidFields, match=r"provider: 'tea leaves'.*fake"):
        await syncs_of(provider()).sync("tea leaves", [])


async def test_a_listing_that_changed_is_replaced_and_keeps_its_id(database: Database, syncs_of: SyncsOf):
    source = provider(A={19: 1.0})
    await syncs_of(source).sync("fake", [])
    before = await ids_of(database, "A")
    source.listed = {"A": listing("A", sector="Utilities"), "B": listing("B")}
    await syncs_of(source).sync("fake", [])
    async with database.transaction() as connection:
        found = await instruments.by_symbols(connection, ["A", "B"])
    assert found["A"].listing.sector == "Utilities"
    assert [found["A"].instrument_id] == before


async def test_syncing_again_uses_up_no_ids(database: Database, syncs_of: SyncsOf):
    source = provider(A={19: 1.0})
    for _ in range(5):
        await syncs_of(source).sync("fake", [])
    source.listed["B"] = listing("B")
    await syncs_of(source).sync("fake", [])
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
    await syncs_of(source).sync("fake", [])
    assert (await syncs_of(source).sync("fake", [])).data_version == 0
    (instrument_id,) = await ids_of(database, "A")
    async with database.transaction() as connection:
        bars = await prices.bars(connection, instrument_id, ADJUSTED, (date.min, date.max), 1, 10)
    assert bars == [
        Bar(days(19)[0], 1.5, 2.5, 1.25, 2.0, 0.0, "fake", 1),
        Bar(days(20)[0], None, None, 2.75, 3.0, 1e9, "fake", 1),
    ]


# --- versions ---


async def test_a_correction_changes_todays_answer_and_not_the_earlier_one(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider(A={19: 1.0, 20: 2.0})).sync("fake", [])
    await syncs_of(provider(A={19: 1.0, 20: 2.5})).sync("fake", [])
    assert await price_at(database, "A", 20, version=1) == 2.0
    assert await price_at(database, "A", 20, version=2) == 2.5

    ids = await ids_of(database, "A")
    closes = {
        version: (await pricing.matrix(database, ids, days(20)[0], 2, version))[0].closes[:, 0].tolist()
        for version in (0, 1, 2)
    }
    assert closes == {0: [1.0, 2.5], 1: [1.0, 2.0], 2: [1.0, 2.5]}
    async with database.transaction() as connection:
        for version, expected in ((1, [(1.0, 1), (2.0, 1)]), (2, [(1.0, 1), (2.5, 2)])):
            bars = await prices.bars(connection, ids[0], ADJUSTED, (date.min, date.max), version, 10)
            assert [(bar.close, bar.data_version) for bar in bars] == expected


async def test_the_matrix_names_the_newest_version_that_it_read(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider(A={19: 1.0})).sync("fake", [])
    await syncs_of(provider(B={19: 1.0})).sync("fake", [])
    first, second = await ids_of(database, "A", "B")
    day = days(19)[0]
    assert [(await pricing.matrix(database, ids, day, 1, 0))[1] for ids in ([first], [first, second], [99])] == [
        1,
        2,
        0,
    ]


async def test_a_version_is_given_to_one_ingestion_at_a_time(database: Database):
    """The second waits for the first to commit, so its version is higher and becomes visible later."""
    first_id, second_id = await _prepare(database, "A", "B")
    async with database.transaction() as holder:
        await ingestion.store_bars(holder, "fake", [(first_id, series("A", days(19), [1.0]))])
        second = asyncio.create_task(_store(database, second_id, series("B", days(19), [1.0])))
        await _wait_for_waiter(database)
        assert not second.done()
        assert await standing(database) == 0
    assert await second == 2
    assert await standing(database) == 2


async def test_a_failed_ingestion_leaves_no_version_behind(database: Database):
    (instrument_id,) = await _prepare(database, "A")
    with pytest.raises(IntegrityError):
        await _store(database, instrument_id, series("A", days(19, 20), [1.0, -1.0]))
    assert (await standing(database), await row_count(database)) == (0, 0)
    assert await _store(database, instrument_id, series("A", days(19), [1.0])) == 1


async def test_who_sees_a_version_sees_every_one_before(database: Database):
    symbols = [f"S{number}" for number in range(24)]
    ids = await _prepare(database, *symbols)
    seen: list[list[int]] = []
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            async with database.transaction() as connection:
                rows = await connection.execute(text("SELECT DISTINCT data_version FROM daily_bars ORDER BY 1"))
                seen.append(list(rows.scalars()))

    watcher = asyncio.create_task(watch())
    writes = [_store(database, one, series(symbol, days(19), [1.0])) for one, symbol in zip(ids, symbols, strict=True)]
    given = await asyncio.gather(*writes)
    done.set()
    await watcher
    assert sorted(given) == list(range(1, len(symbols) + 1))
    assert all(found == list(range(1, len(found) + 1)) for found in seen)
    assert seen


async def test_concurrent_syncs_store_each_session_once(database: Database, syncs_of: SyncsOf):
    closes = {19: 1.0, 20: 2.0, 21: 3.0}
    results = await asyncio.gather(*(syncs_of(provider(A=closes, B=closes)).sync("fake", []) for _ in range(6)))
    assert sorted(result.data_version for result in results) == [0, 0, 0, 0, 0, 1]
    assert (await row_count(database), await row_count(database, "instruments")) == (6, 2)


# --- marks and quotes ---


async def test_a_mark_is_the_newest_close_on_or_before_the_session(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider(A={20: 2.0, 22: 4.0}, B={27: 7.0})).sync("fake", [])
    first, second = await ids_of(database, "A", "B")
    found = {day: await pricing.marks(database, [first], days(day)[0], 1) for day in (19, 20, 21, 22, 27, 28)}
    assert {day: (mark.price, mark.price_date, mark.age_sessions) for day, (mark,) in found.items()} == {
        19: (None, None, 0),
        20: (2.0, days(20)[0], 0),
        21: (2.0, days(20)[0], 1),
        22: (4.0, days(22)[0], 0),
        27: (4.0, days(22)[0], 2),  # the 23rd and the 27th: a weekend and a holiday lie between
        28: (4.0, days(22)[0], 3),
    }
    assert [mark.reason for mark in found[19]] == ["no_price"]
    both = await pricing.marks(database, [second, 99, first, second], days(27)[0], 1)
    assert [(mark.instrument_id, mark.price, mark.reason) for mark in both] == [
        (second, 7.0, ""),
        (99, None, "unknown_instrument"),
        (first, 4.0, ""),
        (second, 7.0, ""),
    ]
    assert [(mark.price_basis, mark.data_version, mark.currency) for mark in both[:1]] == [(ADJUSTED, 1, "USD")]


@pytest.mark.parametrize(
    ("day", "version", "field"), [(24, 1, "as_of_date"), (26, 1, "as_of_date"), (20, 2, "data_version")]
)
async def test_a_session_or_version_that_does_not_exist_is_refused(
    database: Database, syncs_of: SyncsOf, day: int, version: int, field: str
):
    await syncs_of(provider(A={20: 2.0})).sync("fake", [])
    ids = await ids_of(database, "A")
    for read in (
        pricing.marks(database, ids, days(day)[0], version),
        pricing.matrix(database, ids, days(day)[0], 5, version),
    ):
        with pytest.raises(InvalidFields) as caught:
            await read
        assert [one.field for one in caught.value.violations] == [field]


async def test_a_quote_compares_with_the_session_before(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider(A={22: 8.0, 23: 10.0}, GAP={21: 8.0, 23: 10.0}, ONE={20: 3.0})).sync("fake", [])
    await seal(database, days(23)[0])
    async with database.transaction() as connection:
        first, gap, one, unknown = await prices.quotes(connection, ["A", "GAP", "ONE", "NOPE"])
    assert (first.last, first.previous_close, first.change, first.change_percent) == (10.0, 8.0, 2.0, 25.0)
    assert (first.age_sessions, first.source, first.currency) == (0, "fake", "USD")
    assert first.quote_time is not None
    assert first.quote_time.isoformat() == "2022-12-23T21:00:00+00:00"
    assert (gap.last, gap.previous_close, gap.change) == (10.0, None, None)
    assert (one.last, one.previous_close, one.age_sessions) == (3.0, None, 3)
    assert (unknown.last, unknown.reason) == (None, "unknown_instrument")


async def test_a_previous_close_on_another_basis_is_none(database: Database, syncs_of: SyncsOf):
    (instrument_id,) = await _prepare(database, "A")
    await _store(database, instrument_id, series("A", days(22), [8.0], PriceBasis.RAW))
    await _store(database, instrument_id, series("A", days(23), [4.0]))
    async with database.transaction() as connection:
        (quote,) = await prices.quotes(connection, ["A"])
        assert await prices.bases(connection, instrument_id, 2) == [ADJUSTED, PriceBasis.RAW]
    assert (quote.last, quote.previous_close) == (4.0, None)


# --- calendar and seals ---


async def test_the_calendar_is_filled_once_and_again_when_its_source_changes(database: Database):
    source = FakeCalendar("1")
    syncs = Syncs(database, [provider(A={19: 1.0})], source, lambda: TODAY)
    await syncs.sync("fake", [])
    await syncs.sync("fake", [])
    assert len(source.asked) == 1
    async with database.transaction() as connection:
        reach = await calendar.reach(connection)
        assert reach is not None
        assert (reach.last_date - TODAY).days >= 365
        assert not await calendar.is_session(connection, date(2023, 1, 2))

    mourning = date(2023, 3, 1)
    source.version, source.closed = "2", {mourning}
    await syncs.sync("fake", [])
    async with database.transaction() as connection:
        assert not await calendar.is_session(connection, mourning)
        assert await calendar.is_session(connection, date(2023, 1, 2))
        dates = await calendar.session_dates(connection, FIRST, date(2022, 12, 28))
    assert [day.day for day in dates] == [19, 20, 21, 22, 23, 26, 27, 28]


async def test_the_calendar_is_filled_again_before_it_ends(database: Database):
    source = FakeCalendar()
    today = [TODAY]
    syncs = Syncs(database, [provider(A={19: 1.0})], source, lambda: today[0])
    for today[0], fillings in ((TODAY, 1), (date(2024, 1, 8), 1), (date(2024, 3, 1), 2)):
        await syncs.sync("fake", [])
        assert len(source.asked) == fillings


async def test_seals_move_forward_alone(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider(A={19: 1.0, 20: 2.0, 21: 3.0})).sync("fake", [])
    assert await seal(database, days(20)[0]) == Sealed(days(20)[0], 1)
    assert await seal(database, days(20)[0]) == Sealed(days(20)[0], 1)
    assert await seal(database, days(19)[0]) == Sealed(days(20)[0], 1)
    assert await row_count(database, "seals") == 1
    assert await seal(database, days(21)[0]) == Sealed(days(21)[0], 1)

    await syncs_of(provider(A={21: 3.5})).sync("fake", [])
    assert await seal(database, days(21)[0]) == Sealed(days(21)[0], 2)
    assert await row_count(database, "seals") == 3


@pytest.mark.parametrize(("day", "rule"), [(24, "is not a session"), (22, "newest session that has any is 2022-12-21")])
async def test_what_has_no_prices_is_not_sealed(database: Database, syncs_of: SyncsOf, day: int, rule: str):
    await syncs_of(provider(A={21: 1.0})).sync("fake", [])
    with pytest.raises(InvalidFields, match=f"session_date: '2022-12-{day}'.*{rule}"):
        await seal(database, days(day)[0])
    assert await row_count(database, "seals") == 0


async def test_a_day_means_the_session_on_or_before_it(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider(A={22: 1.0, 23: 2.0, 27: 3.0})).sync("fake", [])
    await seal(database, days(27)[0])
    found = {}
    async with database.transaction() as connection:
        for day in (None, *days(21, 22, 23, 25, 27)):
            _, session, previous = await versions.session_on_or_before(connection, day)
            assert session is not None
            found[day.day if day else None] = session.session_date.day, previous.day if previous else None
    assert found == {None: (27, 23), 21: (21, None), 22: (22, None), 23: (23, 22), 25: (23, 22), 27: (27, 23)}


# --- rights ---


@pytest.mark.parametrize("table", ["daily_bars", "data_versions", "seals"])
@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0}"])
async def test_history_cannot_be_changed(database: Database, table: str, statement: str):
    column = "provider" if table == "data_versions" else "data_version"
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.transaction() as connection:
            await connection.execute(text(statement.format(table, column)))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("close", "0"),
        ("close", "'NaN'"),
        ("close", "'infinity'"),
        ("low", "-1"),
        ("volume", "-1"),
        ("price_basis", "0"),
    ],
)
async def test_what_is_no_price_is_not_taken(database: Database, column: str, value: str):
    columns = {"instrument_id": "1", "session_date": "'2022-12-19'", "data_version": "1", "close": "1"}
    columns |= {"price_basis": "1", "source": "'x'", column: value}
    statement = f"INSERT INTO daily_bars ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"
    with pytest.raises(IntegrityError, match="check constraint"):
        async with database.transaction() as connection:
            await connection.execute(text(statement))


# --- the binary form ---


@given(st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False)), min_size=1, max_size=20))
def test_rows_are_encoded_as_postgresql_documents(rows):
    import struct

    numbers, values = zip(*rows, strict=True)
    encoded = binary.encode_rows(
        {"n": (binary.INTEGER, np.array(numbers)), "x": (binary.DOUBLE, np.array(values, dtype=float))}
    )
    assert encoded == b"".join(struct.pack(">hiiid", 2, 4, number, 8, value) for number, value in rows)


@given(st.lists(st.dates(date(1900, 1, 1), date(2200, 1, 1)), max_size=20))
def test_days_are_counted_from_the_year_2000(dates):
    kind, counted = binary.day_field(np.array(dates, dtype="datetime64[D]"))
    assert counted.tolist() == [(day - date(2000, 1, 1)).days for day in dates]
    assert binary.read_days([counted.astype(kind).tobytes()]).tolist() == dates


async def _prepare(database: Database, *symbols: str) -> list[int]:
    """Record some stocks and the calendar, without bars."""
    await Syncs(database, [FakeProvider([], [])], FakeCalendar(), lambda: TODAY).sync("fake", [])
    async with database.transaction() as connection:
        await instruments.record_listings(connection, [listing(symbol, Kind.STOCK) for symbol in symbols])
    return await ids_of(database, *symbols)


async def _store(database: Database, instrument_id: int, bars: BarSeries) -> int:
    async with database.transaction() as connection:
        return (await ingestion.store_bars(connection, "fake", [(instrument_id, bars)])).data_version


async def _wait_for_waiter(database: Database) -> None:
    """Wait until a transaction waits for an advisory lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with asyncio.timeout(30):
        while True:
            async with database.transaction() as connection:
                if await connection.scalar(waiting):
                    return
