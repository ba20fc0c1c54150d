"""Yields and rates of exchange: synced, judged, kept by version."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.errors import InvalidFields
from services.marketdata.application.rates import FIRST_DATE, TENORS, RateSyncs
from services.marketdata.domain.fetched import Reason, fetched_from
from services.marketdata.domain.observations import FxSeries, YieldSeries
from services.marketdata.storage import ingestions
from tests.services.marketdata.market import days, row_count, sources_of

NOW = datetime(2022, 12, 29, 22, tzinfo=UTC)


class Treasury:
    """Serves yields in decimals by tenor and day of December 2022, and rates of exchange by pair."""

    name = "treasury"

    def __init__(self, rates: dict[str, dict[int, float]] | None = None, **yields: dict[int, float]) -> None:
        self.yields = {name.removeprefix("y"): by_day for name, by_day in yields.items()}
        self.rates = rates or {}
        self.down: Reason | None = None
        self.asked: list[tuple[list[str], date, date]] = []

    async def fetch_yields(self, tenors, first, last):
        self.asked.append((sorted(tenors), first, last))
        found = {one: YieldSeries(one, *self._columns(self.yields[one])) for one in tenors if one in self.yields}
        return self._answer(tenors, found)

    async def fetch_fx_rates(self, pairs, first, last):
        self.asked.append((sorted(pairs), first, last))
        found = {one: FxSeries(one[:3], one[3:], *self._columns(self.rates[one])) for one in pairs if one in self.rates}
        return self._answer(pairs, found)

    def _columns(self, by_day):
        return np.array(days(*by_day), dtype="datetime64[D]"), np.array(list(by_day.values()))

    def _answer(self, keys, known):
        found = {} if self.down else known
        failed = {key: self.down or Reason.UNKNOWN_SYMBOL for key in keys if key not in found}
        return fetched_from(self.name, found, failed)


def syncing(database: Database, *providers: object) -> RateSyncs:
    return RateSyncs(database, sources_of(*providers), lambda: NOW)


async def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.transaction() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_yields_are_stored_once_and_corrected_by_a_new_row(database: Database):
    treasury = Treasury(y3M={27: 0.04, 28: 0.041}, y10Y={28: 0.038})
    first = await syncing(database, treasury).sync_yields("")
    assert (first.data_version, first.stored_count, first.provider, first.reason) == (1, 3, "treasury", "")
    assert treasury.asked == [(sorted(TENORS), FIRST_DATE, NOW.date())]
    assert (await syncing(database, treasury).sync_yields("")).data_version == 0

    treasury.yields["3M"][28] = 0.042
    assert (await syncing(database, treasury).sync_yields("")).stored_count == 1
    assert await rows(
        database, "SELECT par_yield, data_version FROM yields WHERE tenor = '3M' ORDER BY curve_date, 2"
    ) == [
        (0.04, 1),
        (0.041, 1),
        (0.042, 2),
    ]


async def test_a_tenor_that_is_known_is_asked_for_from_shortly_before(database: Database):
    treasury = Treasury(y3M={28: 0.04})
    await syncing(database, treasury).sync_yields("")
    treasury.asked.clear()
    await syncing(database, treasury).sync_yields("")
    assert (["3M"], date(2022, 12, 18), NOW.date()) in treasury.asked


async def test_yields_that_cannot_be_are_set_aside(database: Database):
    treasury = Treasury(y3M={27: 4.1, 28: 0.041}, y10Y={28: float("nan"), 30: 0.03})
    synced = await syncing(database, treasury).sync_yields("")
    assert synced.stored_count == 1
    assert sorted(await rows(database, "SELECT symbol, row_date, reason, row_json->>'10Y' FROM quarantine")) == [
        ("", days(27)[0], "implausible_yield", None),
        ("", days(28)[0], "not_a_number", "nan"),
        ("", days(30)[0], "future_date", "0.03"),
    ]


async def test_a_treasury_that_is_down_is_a_reason_and_the_book_says_so(database: Database):
    treasury = Treasury(y3M={28: 0.04})
    treasury.down = Reason.TIMED_OUT
    synced = await syncing(database, treasury).sync_yields("treasury")
    assert (synced.data_version, synced.provider, synced.reason) == (0, "", "provider_timed_out")
    async with database.transaction() as connection:
        (entry,) = await ingestions.page(connection, 0, 10)
    assert (entry.kind, entry.symbol_count, entry.failed_count) == ("yields", len(TENORS), len(TENORS))


async def test_who_has_no_yields_is_not_asked(database: Database):
    with pytest.raises(InvalidFields, match="provider: 'oracle' does not offer this; who does is treasury"):
        await syncing(database, Treasury(y3M={28: 0.04})).sync_yields("oracle")


async def test_rates_of_exchange_come_for_cash_and_for_the_currencies_of_instruments(database: Database):
    treasury = Treasury(rates={"EURUSD": {28: 1.06}, "GBPUSD": {27: 1.2, 28: 1.21}})
    synced = await syncing(database, treasury).sync_fx()
    assert synced is not None
    assert (synced.stored_count, synced.reason) == (3, "")
    assert treasury.asked == [(["EURUSD", "GBPUSD"], FIRST_DATE, NOW.date())]
    assert await rows(database, "SELECT base_currency, quote_currency, rate FROM fx_rates ORDER BY 1, 3") == [
        ("EUR", "USD", 1.06),
        ("GBP", "USD", 1.2),
        ("GBP", "USD", 1.21),
    ]


async def test_rates_that_jump_are_set_aside(database: Database):
    await syncing(database, Treasury(rates={"EURUSD": {22: 1.05, 23: 1.05, 27: 106.0, 28: 1.06}})).sync_fx()
    assert await row_count(database, "fx_rates") == 3
    assert await rows(database, "SELECT symbol, kind, reason FROM quarantine") == [
        ("EURUSD", "fx", "jump_without_split")
    ]


async def test_where_nobody_offers_rates_nothing_happens(database: Database):
    assert await RateSyncs(database, sources_of(), lambda: NOW).sync_fx() is None
    assert await row_count(database, "ingestions") == 0
