"""Quotes, chains, yields, rates and search, as the database gives them."""

from datetime import UTC, date, datetime

from chassis.hot_path import reading
from services.marketdata.domain.curves import Curve
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.splits import Split
from services.marketdata.handlers.viewer import NOBODY
from services.marketdata.storage import chains, fx, instrument_search, newest_prices, splits, yield_curves
from tests.services.marketdata.recorded import ADJUSTED, Recorded, at_close, december

OWNER, OTHER = "9f4b0c3e-0000-4000-8000-000000000001", "9f4b0c3e-0000-4000-8000-000000000002"


# --- the newest price ---


async def quotes(market: Recorded, *symbols: str, viewer: str = ""):
    async with reading(market.database, viewer or NOBODY) as connection:
        return await newest_prices.quotes(connection, list(symbols))


async def test_the_newer_of_quote_and_close_is_shown(split: Recorded):
    noon = datetime(2022, 12, 29, 17, tzinfo=UTC)
    await split.quote("A", noon, 110.0, bid=109.5, ask=110.5, previous=101.5)
    (found,) = await quotes(split, "A")
    assert (found.last, found.bid, found.ask, found.previous_close) == (110.0, 109.5, 110.5, 101.5)
    assert (found.quote_time, found.source, found.age_sessions) == (noon, "test", 0)
    await split.closes("A", {december(29): 111.0})
    (found,) = await quotes(split, "A")
    assert (found.last, found.bid, found.previous_close, found.quote_time) == (
        111.0,
        None,
        102.0,
        at_close(december(29)),
    )


async def test_a_quote_that_states_no_close_before_is_compared_with_ours(split: Recorded):
    await split.quote("A", datetime(2022, 12, 29, 17, tzinfo=UTC), 110.0)
    (found,) = await quotes(split, "A")
    assert (found.previous_close, found.change) == (102.0, 8.0)


async def test_the_close_before_a_split_is_in_the_shares_of_today(market: Recorded):
    await market.instrument("A")
    await market.closes("A", {december(21): 1010.0, december(22): 102.0})
    await market.split("A", december(22), 10.0)
    (found,) = await quotes(market, "A")
    assert (found.last, found.previous_close) == (102.0, 101.0)


async def test_a_price_ages_with_every_sealed_session(split: Recorded):
    await split.instrument("B")
    await split.closes("B", {december(21): 1.0})
    await split.instrument("C")
    found = await quotes(split, "B", "C", "NOPE")
    assert [(one.age_sessions, one.reason) for one in found] == [(4, ""), (0, "no_price"), (0, "unknown_instrument")]


async def test_an_option_is_quoted_by_its_chain(split: Recorded):
    await split.option("A C", "A", date(2023, 3, 17), "C", 105.0, "AMERICAN")
    assert [one.reason for one in await quotes(split, "A C")] == ["no_price"]
    await split.option_quote("A C", december(28), bid=4.0, ask=4.5, last=9.0)
    (found,) = await quotes(split, "A C")
    assert (found.last, found.bid, found.ask, found.quote_time) == (4.25, 4.0, 4.5, at_close(december(28)))


async def test_a_private_symbol_is_its_owners_alone(market: Recorded):
    await market.instrument("VINEYARD", "PRIVATE", owner=OWNER)
    await market.closes("VINEYARD", {december(28): 7.0}, owner=OWNER)
    assert [(await quotes(market, "VINEYARD", viewer=one))[0].last for one in (OWNER, OTHER, "")] == [7.0, None, None]


# --- chains, yields, rates ---


async def test_a_chain_is_that_of_one_session(split: Recorded):
    near, far = date(2023, 1, 20), date(2023, 3, 17)
    for symbol, expiry, right, strike in (("1", far, "P", 90.0), ("2", near, "P", 100.0), ("3", near, "C", 100.0)):
        await split.option(symbol, "A", expiry, right, strike, "AMERICAN")
        await split.option_quote(symbol, december(27), bid=1.0, ask=1.2, iv=0.3)
    await split.option_quote("1", december(28), last=0.0)
    await split.version()
    await split.option_quote("2", december(27), bid=1.1, ask=1.2, iv=0.31)
    async with split.database.transaction() as connection:

        async def read_chain(day: date | None, expiry: date | None = None):
            return await chains.chain(connection, split.ids["A"], day, expiry)

        newest, whole = await read_chain(None), await read_chain(december(27))
        assert newest is not None
        assert whole is not None
        assert (newest.session_date, [quote.symbol for quote in newest.quotes]) == (december(28), ["1"])
        assert [(quote.symbol, quote.bid) for quote in whole.quotes] == [("3", 1.0), ("2", 1.1), ("1", 1.0)]
        assert [quote.symbol for quote in (await read_chain(december(27), far)).quotes] == ["1"]
        assert await read_chain(december(20)) is None


async def test_curves_are_read_by_day_by_range_and_at_a_version(market: Recorded):
    await market.yields(december(20), y3M=0.043, y10Y=0.037)
    await market.yields(december(21), y10Y=0.036)
    await market.version()
    await market.yields(december(20), y10Y=0.0375)
    async with market.database.transaction() as connection:
        newest = await yield_curves.newest(connection, date.min, date.max, 2)
        assert newest == Curve(december(21), {"10Y": 0.036}, 1)
        assert (await yield_curves.newest(connection, date.min, date.max, 2, ["3M"])).curve_date == december(20)
        now = await yield_curves.between(connection, december(1), december(20), 2)
        assert now == [Curve(december(20), {"3M": 0.043, "10Y": 0.0375}, 2)]
        assert list(now[0].yields) == ["3M", "10Y"]
        (before,) = await yield_curves.between(connection, december(1), december(20), 1)
        assert before.yields["10Y"] == 0.037
        assert await yield_curves.newest(connection, december(22), date.max, 2) is None


async def test_rates_are_turned_where_they_are_stored_the_other_way_round(market: Recorded):
    await market.fx("EUR", "USD", december(20), 1.06)
    await market.fx("EUR", "USD", december(27), 1.065)
    await market.fx("USD", "JPY", december(27), 133.5)
    await market.fx("EUR", "GBP", december(27), 0.88)
    async with market.database.transaction() as connection:
        found = await fx.rates(connection, "", "USD", None)
        assert [(rate.base_currency, rate.rate) for rate in found] == [("EUR", 1.065), ("JPY", 1 / 133.5)]
        (before,) = await fx.rates(connection, "EUR", "USD", december(26))
        assert (before.rate, before.rate_date) == (1.06, december(20))
        assert await fx.rates(connection, "CHF", "USD", None) == []


# --- search ---


async def search(
    market: Recorded, piece: str, *kinds: Kind, after=("", 0), limit: int = 10, viewer: str = ""
) -> list[str]:
    async with market.database.transaction(viewer) as connection:
        found = await instrument_search.search(connection, piece, kinds, after, limit)
    return [instrument.listing.symbol for instrument in found]


async def test_splits_are_given_as_known_and_say_whether_prices_have_them_in(split: Recorded):
    await split.instrument("TOTAL")
    await split.closes("TOTAL", {december(20): 100.0}, ADJUSTED)
    await split.split("TOTAL", december(22), 3.0)
    await split.split("TOTAL", december(21), 2.0)
    await split.version()
    await split.split("A", december(22), None)
    ids = [split.ids["TOTAL"], split.ids["A"], 999]
    async with split.database.transaction() as connection:
        at = {version: await splits.splits(connection, ids, version) for version in (0, 1, 2)}
    adjusted = [Split(ids[0], december(21), 2.0, True), Split(ids[0], december(22), 3.0, True)]
    assert sorted(at[1], key=lambda one: (-one.instrument_id, one.ex_date)) == [
        *adjusted,
        Split(ids[1], december(22), 10.0, False),
    ]
    assert at[2] == at[0] == adjusted


async def test_instruments_are_found_by_symbol_or_name(market: Recorded):
    for symbol in ("AAPL", "AA_L", "GOLD", "MSFT"):
        await market.instrument(symbol)
    await market.instrument("SPX", "INDEX")
    await market.option("AAPL C", "AAPL", date(2023, 3, 17), "C", 105.0, "AMERICAN")
    assert await search(market, "") == ["AAPL", "AA_L", "GOLD", "MSFT", "SPX"]
    assert await search(market, "aap") == ["AAPL"]
    assert await search(market, "msft inc") == ["MSFT"]
    assert await search(market, "a_l") == ["AA_L"]
    assert await search(market, "%") == []
    assert await search(market, "\\") == []
    assert await search(market, "", Kind.INDEX) == ["SPX"]
    assert await search(market, "AAPL", Kind.OPTION, Kind.STOCK) == ["AAPL", "AAPL C"]
    assert await search(market, "", limit=2) == ["AAPL", "AA_L"]
    assert await search(market, "", after=("AA_L", market.ids["AA_L"])) == ["GOLD", "MSFT", "SPX"]


async def test_what_is_private_is_found_by_its_owner_alone(market: Recorded):
    await market.instrument("VINEYARD", "PRIVATE", owner=OWNER)
    assert await search(market, "vine", viewer=OWNER) == ["VINEYARD"]
    assert await search(market, "vine", viewer=OTHER) == []
