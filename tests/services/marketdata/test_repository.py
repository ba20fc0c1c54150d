"""What the database promises: versions, corrections, the prices it reads, rights. On a real PostgreSQL."""

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
from chassis.migrations import downgrade, head_revision, migrate
from services.marketdata.domain.matrix import price_matrix
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.storage import binary, ingestion, matrix, prices
from tests.services.marketdata.conftest import wait_for_waiter
from tests.services.marketdata.market import (
    FakeProvider,
    SyncsOf,
    batch_of,
    days,
    ids_of,
    listing,
    prepare,
    price_at,
    provider_of,
    row_count,
    series,
    standing,
    store,
)

ADJUSTED = PriceBasis.TOTAL_RETURN_ADJUSTED


async def closes_of(database: Database, ids: list[int], day: int, sessions: int, version: int) -> list[float]:
    """The closes of the first instrument, as a block has them."""
    async with database.transaction() as connection:
        block = await matrix.block(connection, ids, days(day)[0], sessions, version)
    return price_matrix(*block.unpack(), ADJUSTED).closes[:, 0].tolist()


# --- versions ---


async def test_a_correction_changes_todays_answer_and_not_the_earlier_one(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider_of(A={19: 1.0, 20: 2.0})).sync()
    await syncs_of(provider_of(A={19: 1.0, 20: 2.5})).sync()
    assert await price_at(database, "A", 20, version=1) == 2.0
    assert await price_at(database, "A", 20, version=2) == 2.5

    ids = await ids_of(database, "A")
    closes = {version: await closes_of(database, ids, 20, 2, version) for version in (0, 1, 2)}
    assert closes == {0: [1.0, 2.5], 1: [1.0, 2.0], 2: [1.0, 2.5]}
    async with database.transaction() as connection:
        for version, expected in ((1, [(1.0, 1), (2.0, 1)]), (2, [(1.0, 1), (2.5, 2)])):
            bars = await prices.bars(connection, ids[0], ADJUSTED, (date.min, date.max), version, 10)
            assert [(bar.close, bar.data_version) for bar in bars] == expected


async def test_the_matrix_names_the_newest_version_that_it_read(database: Database, syncs_of: SyncsOf):
    await syncs_of(provider_of(A={19: 1.0})).sync()
    await syncs_of(provider_of(B={19: 1.0})).sync()
    first, second = await ids_of(database, "A", "B")
    async with database.transaction() as connection:
        blocks = [await matrix.block(connection, ids, days(19)[0], 1, 0) for ids in ([first], [first, second], [99])]
    assert [block.data_version for block in blocks] == [1, 2, 0]


async def test_a_version_is_given_to_one_ingestion_at_a_time(database: Database):
    """The second waits for the first to commit, so its version is higher and becomes visible later."""
    first_id, second_id = await prepare(database, "A", "B")
    async with database.transaction() as holder:
        await ingestion.store(holder, batch_of((first_id, series("A", days(19), [1.0]))))
        second = asyncio.create_task(store(database, second_id, series("B", days(19), [1.0])))
        await wait_for_waiter(database)
        assert not second.done()
        assert await standing(database) == 0
    assert await second == 2
    assert await standing(database) == 2


async def test_a_failed_ingestion_leaves_no_version_behind(database: Database):
    (instrument_id,) = await prepare(database, "A")
    with pytest.raises(IntegrityError):
        await store(database, instrument_id, series("A", days(19, 20), [1.0, -1.0]))
    assert (await standing(database), await row_count(database)) == (0, 0)
    assert await store(database, instrument_id, series("A", days(19), [1.0])) == 1


async def test_who_sees_a_version_sees_every_one_before(database: Database):
    symbols = [f"S{number}" for number in range(24)]
    ids = await prepare(database, *symbols)
    seen: list[list[int]] = []
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            async with database.transaction() as connection:
                rows = await connection.execute(text("SELECT DISTINCT data_version FROM daily_bars ORDER BY 1"))
                seen.append(list(rows.scalars()))

    watcher = asyncio.create_task(watch())
    writes = [store(database, one, series(symbol, days(19), [1.0])) for one, symbol in zip(ids, symbols, strict=True)]
    given = await asyncio.gather(*writes)
    done.set()
    await watcher
    assert sorted(given) == list(range(1, len(symbols) + 1))
    assert all(found == list(range(1, len(found) + 1)) for found in seen)
    assert seen


async def test_concurrent_syncs_store_each_session_once(database: Database, syncs_of: SyncsOf):
    closes = {19: 1.0, 20: 2.0, 21: 3.0}
    await syncs_of(FakeProvider([listing("A"), listing("B")], [])).sync()  # so that they meet at the bars
    results = await asyncio.gather(*(syncs_of(provider_of(A=closes, B=closes)).sync() for _ in range(6)))
    assert sorted(result.data_version for result in results) == [0, 0, 0, 0, 0, 1]
    assert (await row_count(database), await row_count(database, "instruments")) == (6, 2)


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


async def test_the_schema_can_be_taken_down_and_put_up_again(
    database_url: Callable[[str], str], admin_url: Callable[[str], str]
):
    admin = admin_url(database_url("marketdata"))
    assert await downgrade(admin, "marketdata", "base") is None
    assert await migrate(admin, "marketdata") == head_revision("marketdata")


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
