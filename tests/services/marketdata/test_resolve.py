"""Instruments for symbols, options among them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import date

import pytest
from sqlalchemy import event, text

from chassis.database import Database
from services.marketdata.application.resolve import contract_on, resolve
from services.marketdata.application.sync import Syncs
from services.marketdata.domain.instruments import Contract, Instrument, Kind, Listing, Right, Style
from services.marketdata.domain.occ import parse
from services.marketdata.storage import instruments
from tests.services.marketdata.conftest import wait_for_waiter
from tests.services.marketdata.market import FakeProvider, listing

CALL = "AAPL230120C00150000"


@pytest.fixture
async def market(database: Database, syncs_of: Callable[[FakeProvider], Syncs]) -> AsyncIterator[Database]:
    """A stock and an index."""
    await syncs_of(FakeProvider([listing("AAPL", sector="Tech"), listing("SPX", Kind.INDEX)], [])).sync()
    return database


async def test_options_on_known_underlyings_come_to_be(market: Database):
    call, put, stock = await resolve(market, [CALL, "spx   231215p03800500", "aapl"])
    assert call.instrument is not None
    assert put.instrument is not None
    assert stock.instrument is not None
    underlying = stock.instrument.instrument_id
    assert call.instrument.contract == Contract(
        underlying, "AAPL", date(2023, 1, 20), Right.CALL, 150.0, Style.AMERICAN
    )
    assert call.instrument.listing.multiplier == 100.0
    assert call.instrument.listing.sector == "Tech"
    assert put.instrument.contract is not None
    assert (put.instrument.contract.style, put.instrument.contract.strike) == (Style.EUROPEAN, 3800.5)
    assert (put.symbol, put.instrument.listing.symbol) == ("spx   231215p03800500", "SPX231215P03800500")


async def test_every_spelling_is_the_same_instrument(market: Database):
    spellings = [CALL, CALL.lower(), f"O:{CALL}", "AAPL  230120C00150000"]
    found = await resolve(market, spellings)
    assert [one.symbol for one in found] == spellings
    assert len({one.instrument for one in found}) == 1
    again = await resolve(market, [CALL])
    assert again[0].instrument == found[0].instrument


async def test_what_cannot_be_has_a_reason(market: Database):
    symbols = ["NOPE", "NOPE230120C00150000", "AAPL230230C00150000", "AAPL230120C00000000", f"{CALL[:4]}1{CALL[4:]}"]
    assert [(one.instrument, one.reason) for one in await resolve(market, symbols)] == [
        (None, "unknown_instrument"),
        (None, "unknown_underlying"),
        (None, "impossible_expiry"),
        (None, "strike_not_positive"),
        (None, "unknown_underlying"),
    ]


async def test_two_calls_at_once_record_a_contract_once(market: Database):
    symbols = [f"AAPL230120C{strike:05}000" for strike in range(1, 301)]
    results = await asyncio.gather(*(resolve(market, order) for order in (symbols, symbols[::-1]) * 3))
    ids = [{one.symbol: one.instrument.instrument_id for one in found if one.instrument} for found in results]
    assert len(ids[0]) == 300
    assert all(one == ids[0] for one in ids)
    async with market.transaction() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM instruments WHERE kind = 'OPTION'")) == 300


async def test_two_who_record_the_same_contracts_wait_and_never_deadlock(market: Database):
    (stock,) = await resolve(market, ["AAPL"])
    assert stock.instrument is not None
    low, high = (option(f"AAPL230120C{strike:05}000", stock.instrument) for strike in (100, 200))
    async with market.transaction() as first:
        await instruments.record_options(first, [low])
        second = asyncio.create_task(record(market, [high, low]))
        await wait_for_waiter(market)
        await instruments.record_options(first, [high])
    await second
    async with market.transaction() as connection:
        assert len(await instruments.by_symbols(connection, [low[0].symbol, high[0].symbol])) == 2


@pytest.mark.parametrize(("count", "statements"), [(1, 3), (5000, 3)])
async def test_statements_do_not_grow_with_symbols(market: Database, count: int, statements: int):
    seen: list[str] = []
    event.listen(market.engine.sync_engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    symbols = [f"AAPL230120C{strike:05}000" for strike in range(1, count + 1)]
    found = await resolve(market, symbols)
    assert all(one.instrument for one in found)
    assert len(seen) == statements
    seen.clear()
    await resolve(market, symbols)
    assert len(seen) == 1


async def test_instruments_are_given_by_id_in_order(market: Database):
    async with market.transaction() as connection:
        found = await instruments.by_ids(connection, [99, 2, 1, 2])
    assert [(one.instrument_id, one.listing.symbol) for one in found] == [(1, "AAPL"), (2, "SPX")]


def option(symbol: str, underlying: Instrument) -> tuple[Listing, Contract]:
    terms = parse(symbol)
    assert terms is not None
    return contract_on(terms, underlying)


async def record(database: Database, options: list[tuple[Listing, Contract]]) -> None:
    async with database.transaction() as connection:
        await instruments.record_options(connection, options)
