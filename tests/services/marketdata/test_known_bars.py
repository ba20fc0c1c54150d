"""What is known of histories is read in order, however the database goes about it."""

from datetime import date

import numpy as np
import pytest
from sqlalchemy import text

from chassis.database import Database
from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.storage import ingestion, known_bars
from tests.services.marketdata.market import batch_of, prepare

SESSIONS = np.arange(np.datetime64("2000-01-03"), np.datetime64("2010-01-01"))
LAST = date(2010, 1, 1)


@pytest.mark.parametrize("plan", ["enable_hashagg", "enable_sort", "enable_indexscan", "enable_nestloop"])
async def test_known_bars_are_in_order_whatever_the_plan(database: Database, plan: str):
    symbols = [f"S{number}" for number in range(8)]
    ids = (await prepare(database, *symbols))[::-1]
    nothing = np.full(len(SESSIONS), np.nan)
    closes = np.arange(1.0, len(SESSIONS) + 1)
    told = [
        (
            one,
            BarSeries(
                symbol, SESSIONS, closes, PriceBasis.RAW, open=nothing, high=nothing, low=nothing, volume=nothing
            ),
        )
        for one, symbol in zip(ids, symbols, strict=True)
    ]
    async with database.transaction() as connection:
        await ingestion.store(connection, batch_of(*told))
    async with database.transaction() as connection:
        await connection.execute(text(f"SET LOCAL {plan} = off"))
        await connection.execute(text("SET LOCAL work_mem = '64kB'"))
        known = (await known_bars.known(connection, ids, date.min, LAST)).unpack()
        held = await known_bars.held(connection, ids, date.min)
    for one in ids:
        assert np.array_equal(known[one].days, SESSIONS)
        assert np.array_equal(known[one].values[:, 3], closes)
        assert np.array_equal(held[one].days, SESSIONS)
